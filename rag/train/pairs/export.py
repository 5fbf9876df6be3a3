"""Pairs with their negatives as a file of Tevatron's, for a training elsewhere."""

from collections.abc import Sequence
from math import inf
from pathlib import Path

import numpy as np

from rag.errors import InputError
from rag.train.common.embeddings import passage_vectors
from rag.train.common.loop import Say
from rag.train.pairs import tevatron
from rag.train.pairs.examples import draw_negatives, rank_negatives, read
from rag.train.pairs.tasks import NEAR, embedder_of


def export_pairs(
    folders: Sequence[Path],
    out: Path,
    *,
    kinds: Sequence[str],
    most: int | None,
    guide: str | None,
    negatives: int,
    seed: int,
    say: Say,
) -> int:
    """Write what `rag train embedder --both` would learn from, a row for each question, and say how many rows.

    `guide` names the model that finds negatives; without one, every passage that is not labelled may be one. Raises
    InputError.
    """
    if out.exists():
        raise InputError(f"--out {out}: exists already; name a new file.")
    examples = read(folders, kinds, most=most, seed=seed)
    judge = embedder_of(guide or "bundled")
    vectors = passage_vectors(judge, examples.passages)
    asked = np.asarray(judge.embed_queries(examples.questions).dense)
    ranking = rank_negatives(asked, vectors, examples.golds, NEAR if guide else inf)
    drawn = draw_negatives(ranking, examples.pairs, passages=len(vectors), count=negatives, seed=seed)
    say(f"{len(examples.passages):,} passages, {len(examples.pairs):,} pairs")

    def passage(row: int) -> tuple[str, str, str]:
        title = examples.titles[row]
        return str(row), title, examples.passages[row].removeprefix(f"{title}\n")

    found: dict[str, tuple[list[int], list[int]]] = {}
    for pair, wrong in zip(examples.pairs, drawn.tolist(), strict=True):
        rows = found.setdefault(pair.question, ([], []))
        rows[0].extend(row for row in pair.golds if row not in rows[0])
        rows[1].extend(row for row in wrong if row not in rows[1])
    return tevatron.write(
        out,
        (
            (question, [passage(row) for row in right], [passage(row) for row in wrong if row not in right])
            for question, (right, wrong) in found.items()
        ),
    )
