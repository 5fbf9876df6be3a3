"""Pairs of question and passage that a whole embedder is trained on, and passages that are nearly right.

- labelled: the questions of a folder with each of their gold passages;
- mined: title and one sentence of each titled passage (half of what `rag train embedder` mines);
- ict: a sentence asks for the passage it is from, which in nine of ten is read without it (inverse cloze task, ORQA,
  arXiv 1906.00300).

A folder is what `rag train hop` reads, or one with an index, whose chunks are the passages: it has no labelled ones.
"""

from collections.abc import Collection, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from random import Random
from zlib import crc32

import numpy as np
import torch
from numpy.typing import NDArray

from rag.errors import InputError
from rag.index.folder import Index
from rag.text.sentence_ends import sentences
from rag.train.common.dataset import CORPORA, QUESTIONS, gold, index_text, is_held_out, is_usable, read_rows
from rag.train.pairs.losses import keep_negatives
from rag.types import Vectors

KINDS = ("labelled", "mined", "ict")
HELD_OUT = 16  # one pair in so many
WITHOUT = 0.9  # of passages are read without the sentence that asks for them
DEPTH = 30  # of the nearest passages, negatives are drawn from
BLOCK = 512  # questions


@dataclass(frozen=True, slots=True)
class PairExamples:
    """Passages as an index has them, questions, and of each question the passages that answer it; the first is read."""

    passages: tuple[str, ...]
    questions: tuple[str, ...]
    golds: tuple[tuple[int, ...], ...]

    def part(self, *, held_out: bool) -> "PairExamples":
        """The questions that are held out, or the others, over the same passages."""
        rows = [i for i, text in enumerate(self.questions) if (crc32(text.encode()) % HELD_OUT == 0) == held_out]
        return PairExamples(self.passages, tuple(self.questions[i] for i in rows), tuple(self.golds[i] for i in rows))


def read(folders: Sequence[Path], kinds: Collection[str], *, most: int | None, seed: int) -> PairExamples:
    """The pairs of all folders, at most `most` of each. Raises InputError where there are none, or for another kind."""
    if wrong := set(kinds) - set(KINDS):
        raise InputError(f"--pairs {', '.join(sorted(wrong))}: the kinds of pairs are {', '.join(KINDS)}.")
    passages: list[str] = []
    pairs: list[tuple[str, tuple[int, ...]]] = []
    for folder in folders:
        rng = Random(seed)
        rows, asked = _read(folder)
        first = len(passages)
        passages += [index_text(title, text) for _, title, text in rows]
        places = {pid: first + i for i, (pid, _, _) in enumerate(rows)}
        found: list[tuple[str, tuple[int, ...]]] = []
        if "labelled" in kinds:
            for question, pids in asked:
                golds = [places[pid] for pid in pids]
                found += [(question, (one, *(other for other in golds if other != one))) for one in golds]
        for pid, title, text in rows:
            if "mined" in kinds and title:
                found.append((f"{title} {_draw(text, rng)[0]}", (places[pid],)))
            if "ict" in kinds:
                sentence, rest = _draw(text, rng)
                golds = [places[pid]]
                if rest and rng.random() < WITHOUT:
                    golds.insert(0, len(passages))
                    passages.append(index_text(title, rest))
                found.append((sentence, tuple(golds)))
        rng.shuffle(found)
        pairs += found[:most]
    if not pairs:
        named = f"{', '.join(map(str, folders))}: no pairs of the kinds {', '.join(kinds)}"
        raise InputError(f"{named}. An index and a folder without questions have none labelled: say --pairs mined,ict.")
    return PairExamples(tuple(passages), tuple(text for text, _ in pairs), tuple(golds for _, golds in pairs))


def _read(folder: Path) -> tuple[list[tuple[str, str, str]], list[tuple[str, tuple[str, ...]]]]:
    """Passages (id, title, text), and questions with the ids of their gold passages."""
    if (index := Index.at(folder)).path == folder.resolve() / ".rag" and index.exists():
        with closing(index.read_manifest()) as manifest:
            chunks, _ = manifest.chunks(manifest.chunk_ids())
        if not chunks:
            raise InputError(f"{folder}: its index holds nothing; run `rag ingest` first.")
        return [(chunk.id, chunk.context, chunk.text) for chunk in chunks], []
    if not any(path for pattern in CORPORA for path in folder.glob(pattern)):
        raise InputError(
            f"{folder}: holds no index (.rag, in the folder where `rag ingest` ran) and no passages (corpus*.jsonl; "
            "`rag train hop --help` shows them)."
            if folder.is_dir()
            else f"{folder}: there is no such folder."
        )
    corpus = {row["pid"]: row for row in read_rows(folder, CORPORA)}
    has_dev = any(folder.glob("questions_dev*"))
    rows = [row for row in read_rows(folder, QUESTIONS, optional=True) if is_usable(row, corpus)]
    rows = [row for row in rows if not row.get("is_impossible") and (has_dev or not is_held_out(row))]
    passages = [(pid, row.get("title") or "", row["text"]) for pid, row in corpus.items()]
    return passages, [(row["question"], gold(row)) for row in rows]


def _draw(text: str, rng: Random) -> tuple[str, str]:
    """A sentence, and the text without it."""
    start, end = rng.choice(list(sentences(text)) or [(0, len(text))])
    return text[start:end].strip(), f"{text[:start].rstrip()} {text[end:].lstrip()}".strip()


def draw_negatives(
    questions: Vectors, passages: Vectors, golds: Sequence[Sequence[int]], *, count: int, share: float, seed: int
) -> NDArray[np.int64]:
    """Rows of passages (n, count): of the nearest ones, that a guide finds near and not too near to be answers.

    Where there are too few, any others. The same arguments give the same rows.
    """
    rng = np.random.default_rng(seed)
    every = torch.from_numpy(passages)
    drawn = []
    for start in range(0, len(questions), BLOCK):
        scores = torch.from_numpy(questions[start : start + BLOCK]) @ every.T
        own = golds[start : start + BLOCK]
        right = scores[torch.arange(len(own)), torch.tensor([rows[0] for rows in own])]
        for i, rows in enumerate(own):
            scores[i, list(rows)] = float("-inf")
        near = scores.topk(min(DEPTH, len(passages)), dim=1)
        wrong = keep_negatives(near.values, right, share) & near.values.isfinite()
        for rows, candidates, kept in zip(own, near.indices, wrong, strict=True):
            some = rng.permutation(candidates[kept].numpy())[:count].tolist()
            if len(some) < count:
                some += [row for row in rng.permutation(len(passages)).tolist() if row not in (*rows, *some)]
            drawn.append(some[:count])
    if any(len(row) < count for row in drawn):
        raise InputError(f"{len(passages)} passages are too few to draw {count} negatives of a question from.")
    return np.array(drawn, np.int64).reshape(len(drawn), count)
