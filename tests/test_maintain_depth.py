"""Two indexes by depth: the reference's numbers, what is unlike, and what cannot be compared."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from rag import Pipeline
from rag.cli import app
from rag.errors import InputError
from rag.maintain.depth import compare_indexes, depths_beside, rank_test
from rag.testing import make_vectors


def test_depths_q_and_the_rank_test_equal_the_reference() -> None:
    """TTE depth, arXiv 2310.15010: src/tte_depth/_depth.py of pkseeg/tte_depth, written out here pair by pair."""
    stats = pytest.importorskip("scipy.stats")
    own, other = make_vectors(30, 6), make_vectors(50, 6)[30:]
    x = [2 - np.mean([1 - a @ b for j, b in enumerate(own) if j != i]) for i, a in enumerate(own)]
    y = [2 - np.mean([1 - a @ b for b in own]) for a in other]
    found = depths_beside(own, other)
    np.testing.assert_allclose(found[0], x, atol=1e-6)
    np.testing.assert_allclose(found[1], y, atol=1e-6)
    for first, second in (found, (np.array([1.0, 1, 2, 3]), np.array([1.0, 2, 2]))):  # the second with ties
        ranks = stats.rankdata([*first, *second])
        q = np.mean([np.mean(ranks < rank) for rank in ranks[len(first) :]])
        share, chance = rank_test(first, second)
        assert share == pytest.approx(q) and chance == pytest.approx(
            stats.ranksums(first, second, alternative="greater").pvalue
        )


def _write(folder: Path, texts: list[str]) -> Pipeline:
    folder.mkdir()
    for n, text in enumerate(texts):
        (folder / f"{n}.txt").write_text(text)
    pipeline = Pipeline.load("tiny.yaml", index=folder)
    pipeline.ingest([folder])
    return pipeline


def test_another_kind_of_documents_is_told_from_the_same_kind(notes: Path) -> None:
    pumps = [f"The pump in building {n} moves water at {n} bar, and was serviced in spring." for n in range(60)]
    poems = [f"Schwer lag der Nebel, Strophe {n}, und keiner sang mehr am Ufer." for n in range(20)]
    own, same, poem = _write(notes / "a", pumps[::2]), _write(notes / "b", pumps[1::2]), _write(notes / "c", poems)
    alike, unlike = compare_indexes(own.index, same.index), compare_indexes(own.index, poem.index)
    assert alike.chance > 0.01 and unlike.chance < 1e-6 and unlike.share < alike.share
    mixed = _write(notes / "d", [*pumps[1:20:2], poems[0]])
    assert compare_indexes(own.index, mixed.index).farthest[0][0].endswith("10.txt")  # the poem
    said = CliRunner().invoke(app, ["status", "--index", "a", "--beside", "c"], catch_exceptions=False)
    assert said.exit_code == 0 and "are unlike the 30 of" in said.stdout


def test_few_passages_and_another_embedder_are_refused(notes: Path) -> None:
    texts = [f"Note {n} about a valve." for n in range(12)]
    own, few = _write(notes / "a", texts), _write(notes / "b", texts[:2])
    with pytest.raises(InputError, match="fewer than 10 passages"):
        compare_indexes(own.index, few.index)
    (notes / "wide.yaml").write_text(
        (notes / "tiny.yaml").read_text().replace("use: hashing", "use: hashing, width: 64")
    )
    wide = Pipeline.load("wide.yaml", index=notes / "c")
    wide.ingest([notes / "a"])
    with pytest.raises(InputError, match="another embedder"):
        compare_indexes(own.index, wide.index)
