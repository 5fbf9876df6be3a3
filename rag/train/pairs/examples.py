"""Pairs of question and passage that a whole embedder is trained on, and passages that are nearly right.

- labelled: the questions of a folder with each of their gold passages;
- mined: title and one sentence of each titled passage (half of what `rag train embedder` mines);
- ict: a sentence asks for the passage it is from, which in nine of ten is read without it (inverse cloze task, ORQA,
  arXiv 1906.00300).

A folder is what `rag train hop` reads, or one with an index, whose chunks are the passages: it has no labelled ones.
A file is one of Tevatron's, whose questions bring wrong passages of their own.
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
from rag.train.pairs import tevatron
from rag.train.pairs.losses import keep_negatives
from rag.types import Vectors

KINDS = ("labelled", "mined", "ict")
HELD_OUT = 16  # one pair in so many
WITHOUT = 0.9  # of passages are read without the sentence that asks for them
DEPTH = 30  # of the nearest passages, negatives are drawn from
BLOCK = 512  # questions


@dataclass(frozen=True, slots=True)
class LabelledPair:
    """A question, the rows of the passages that answer it, and of wrong ones that were given with it.

    The first passage is read. `source` is the number of its folder.
    """

    question: str
    golds: tuple[int, ...]
    source: int
    given: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class PairExamples:
    """Passages as an index has them, the title of each, and pairs."""

    passages: tuple[str, ...]
    titles: tuple[str, ...]
    pairs: tuple[LabelledPair, ...]

    @property
    def questions(self) -> list[str]:
        """Of all pairs."""
        return [pair.question for pair in self.pairs]

    @property
    def golds(self) -> list[tuple[int, ...]]:
        """Rows of the passages of each pair; the first is read."""
        return [pair.golds for pair in self.pairs]

    @property
    def sources(self) -> list[int]:
        """The number of each pair's folder."""
        return [pair.source for pair in self.pairs]

    def part(self, *, held_out: bool) -> "PairExamples":
        """The pairs that are held out, or the others, over the same passages."""
        kept = [pair for pair in self.pairs if (crc32(pair.question.encode()) % HELD_OUT == 0) == held_out]
        return PairExamples(self.passages, self.titles, tuple(kept))


def read(folders: Sequence[Path], kinds: Collection[str], *, most: int | None, seed: int) -> PairExamples:
    """The pairs of all folders, at most `most` of each. Raises InputError where there are none, or for another kind."""
    if unknown := set(kinds) - set(KINDS):
        raise InputError(f"--pairs {', '.join(sorted(unknown))}: the kinds of pairs are {', '.join(KINDS)}.")
    passages: list[tuple[str, str]] = []
    pairs: list[LabelledPair] = []
    for number, folder in enumerate(folders):
        rng = Random(seed)
        rows, asked = _read(folder)
        first = len(passages)
        passages += [(title, text) for _, title, text in rows]
        places = {pid: first + i for i, (pid, _, _) in enumerate(rows)}
        found: list[LabelledPair] = []
        if "labelled" in kinds:
            for question, pids, wrong in asked:
                golds, given = ([places[pid] for pid in some] for some in (pids, wrong))
                for one in golds:
                    right = (one, *(other for other in golds if other != one))
                    found.append(LabelledPair(question, right, number, tuple(given)))
        for pid, title, text in rows:
            if "mined" in kinds and title:
                found.append(LabelledPair(f"{title} {_draw(text, rng)[0]}", (places[pid],), number))
            if "ict" in kinds:
                sentence, rest = _draw(text, rng)
                golds = [places[pid]]
                if rest and rng.random() < WITHOUT:
                    golds.insert(0, len(passages))
                    passages.append((title, rest))
                found.append(LabelledPair(sentence, tuple(golds), number))
        rng.shuffle(found)
        pairs += found[:most]
    if not pairs:
        named = f"{', '.join(map(str, folders))}: no pairs of the kinds {', '.join(kinds)}"
        raise InputError(f"{named}. An index and a folder without questions have none labelled: say --pairs mined,ict.")
    titles = tuple(title for title, _ in passages)
    return PairExamples(tuple(index_text(*passage) for passage in passages), titles, tuple(pairs))


def _read(folder: Path) -> tuple[list[tevatron.Passage], list[tevatron.Asked]]:
    """Passages, and questions with the ids of their gold passages and of wrong ones."""
    if folder.is_file():
        return tevatron.read(folder)
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
    return passages, [(row["question"], gold(row), ()) for row in rows]


def _draw(text: str, rng: Random) -> tuple[str, str]:
    """A sentence, and the text without it."""
    start, end = rng.choice(list(sentences(text)) or [(0, len(text))])
    return text[start:end].strip(), f"{text[:start].rstrip()} {text[end:].lstrip()}".strip()


@dataclass(frozen=True, slots=True)
class Ranking:
    """The passages nearest to each question (n, depth) that may be negatives, nearest first, and their scores.

    The score of what stands for none is -inf.
    """

    rows: NDArray[np.int64]
    scores: Vectors


def rank_negatives(questions: Vectors, passages: Vectors, golds: Sequence[Sequence[int]], share: float) -> Ranking:
    """The 30 nearest of each question, but its golds and what a guide finds too near for a wrong answer."""
    every = torch.from_numpy(passages)
    parts = [(torch.empty((0, DEPTH), dtype=torch.int64), torch.empty((0, DEPTH)))]
    for start in range(0, len(questions), BLOCK):
        scores = torch.from_numpy(questions[start : start + BLOCK]) @ every.T
        own = golds[start : start + BLOCK]
        right = scores[torch.arange(len(own)), torch.tensor([rows[0] for rows in own])]
        for i, rows in enumerate(own):
            scores[i, list(rows)] = float("-inf")
        near = scores.topk(min(DEPTH, len(passages)), dim=1)
        wrong = near.values.masked_fill(~keep_negatives(near.values, right, share), float("-inf"))
        order = wrong.sort(dim=1, descending=True, stable=True)
        parts.append((near.indices.gather(1, order.indices), order.values))
    parts = parts[1:] or parts
    places, values = (torch.cat(column).numpy() for column in zip(*parts, strict=True))
    return Ranking(places, values)


def draw_negatives(
    ranking: Ranking, pairs: Sequence[LabelledPair], *, passages: int, count: int, seed: int
) -> NDArray[np.int64]:
    """Rows of passages (n, count): those given with a pair, else of its ranking, in random order.

    Where there are too few, any others of all `passages`. The same arguments give the same rows.
    """
    rng = np.random.default_rng(seed)
    drawn = []
    for pair, near, scores in zip(pairs, ranking.rows, ranking.scores, strict=True):
        some = [*rng.permutation(pair.given).astype(int), *rng.permutation(near[np.isfinite(scores)])]
        some = list(dict.fromkeys(map(int, some)))[:count]
        if len(some) < count:
            some += [row for row in rng.permutation(passages).tolist() if row not in (*pair.golds, *some)]
        if len(some) < count:
            raise InputError(f"{passages} passages are too few to draw {count} negatives of a question from.")
        drawn.append(some[:count])
    return np.array(drawn, np.int64).reshape(len(drawn), count)
