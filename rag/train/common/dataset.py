"""Training pairs for the hop encoder from labelled questions: what is read, and which passage should come next.

A folder holds `corpus*.jsonl[.gz]` with rows {pid, title, text} and `questions_train.jsonl[.gz]` with rows
{id, question, gold: [pid, ...]}. Where a folder has no `questions_dev`, half of the passages with all their questions
are held out, so that there is something to measure on. A question without a gold passage in the corpus is left out,
and so is one that shares a gold passage with evaluation questions (`shares_gold_with_eval`).

The order of hops comes from `question_decomposition` (MuSiQue) where there is one, else from names: a search starts at
the gold passages that the question names, and a passage follows those that mention its title.
"""

import gzip
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np

from rag.errors import InputError
from rag.hop.encoder import SEPARATOR
from rag.text.mentions import mentions, normalise
from rag.types import Vectors

CORPORA = ("corpus*.jsonl*", "v11_paragraphs.jsonl*")
QUESTIONS = ("questions_train.jsonl*", "questions.jsonl*", "v11_questions.jsonl*")
HELD_OUT = 8  # one question in so many is held out from training the encoder,
MAX_HELD_OUT = 200  # but not more of a folder
MAX_UNNAMED = 4  # gold passages of one question that are paired with each other where no name tells their order
_QUALIFIER = re.compile(r"\s*\([^)]*\)\s*$")
_REFERENCE = re.compile(r"#(\d+)")

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Pair:
    """A question, the passage read ("" for none), the one it should find, and the question's other gold passages."""

    question: str
    read: str
    target: str
    others: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LabelledQuestion:
    """A question and the ids of its gold passages."""

    text: str
    gold: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HopDataset:
    """A folder as read: passages (title, text) by pid, pairs to train on, and held-out questions with their pairs.

    `vectors` (n, d) are those that an index has of the n passages, once they are known.
    """

    passages: Mapping[str, tuple[str, str]]
    pairs: tuple[Pair, ...]
    held_out_questions: tuple[LabelledQuestion, ...] = ()
    held_out_pairs: tuple[Pair, ...] = ()
    vectors: Vectors = field(default_factory=lambda: np.zeros((0, 0), np.float32), compare=False, repr=False)

    def text(self, pair: Pair) -> str:
        """What the query side of an embedder reads of a pair."""
        return f"{pair.question}{SEPARATOR}{index_text(*self.passages[pair.read])}" if pair.read else pair.question


def read(folder: Path, *, most: int | None = None) -> HopDataset:
    """Passages and at most `most` pairs of a folder, by whole questions but the last. Raises InputError.

    One question in `HELD_OUT`, by its id, is held out: training stops early by them, and the ranking learns from them.
    """
    corpus = {row["pid"]: row for row in read_rows(folder, CORPORA)}
    has_dev = any(folder.glob("questions_dev*"))
    rows = [row for row in read_rows(folder, QUESTIONS) if is_usable(row, corpus)]
    usable = [row for row in rows if not row.get("is_impossible") and (has_dev or not is_held_out(row))]
    usable.sort(key=lambda row: crc32(row["id"].encode()))
    held_out = [row for row in usable if crc32(row["id"].encode()) % HELD_OUT == 0][:MAX_HELD_OUT]
    ids = {row["id"] for row in held_out}
    pairs = [pair for row in usable if row["id"] not in ids for pair in question_pairs(row, corpus)]
    return HopDataset(
        {pid: (row.get("title") or "", row["text"]) for pid, row in corpus.items()},
        tuple(pairs[:most]),
        tuple(LabelledQuestion(row["question"], gold(row)) for row in held_out),
        tuple(pair for row in held_out for pair in question_pairs(row, corpus)),
    )


def read_rows(folder: Path, patterns: Sequence[str], *, optional: bool = False) -> list[Row]:
    """The rows of all files that match the first of the patterns that any does; of a file and its .gz one is read.

    Raises InputError where no file matches, unless they are `optional`.
    """
    matches = next((found for pattern in patterns if (found := sorted(folder.glob(pattern)))), [])
    if not matches and not optional:
        raise InputError(f"{folder}: no file named {' or '.join(patterns)}; see `rag train hop --help` for the format.")
    return [row for path in {path.name.removesuffix(".gz"): path for path in matches}.values() for row in load(path)]


def load(path: Path) -> Iterator[Any]:
    """The rows of a jsonl[.gz] file. Raises InputError naming the line that is none."""
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
        for n, line in enumerate(lines, 1):
            try:
                yield json.loads(line)
            except ValueError as error:
                raise InputError(f"{path}:{n}: not a JSON row: {error}") from error


def index_text(title: str, text: str) -> str:
    """What the index encodes of a passage: title, a line break, text (or the text alone)."""
    return f"{title}\n{text}" if title else text


def gold(row: Row) -> tuple[str, ...]:
    """The pids of a question's gold passages; SQuAD has one in `pid`, an impossible one the passage it is asked of."""
    return tuple(dict.fromkeys(row.get("gold") or [row.get("pid")]))


def is_usable(row: Row, corpus: Mapping[str, Row]) -> bool:
    """Whether a question may be trained on and all its gold passages are there."""
    barred = row.get("shares_gold_with_eval") or row.get("answerable") is False
    return not barred and all(pid in corpus for pid in gold(row))


def is_held_out(row: Row) -> bool:
    """Whether a question belongs to the half that is measured on in folders without `questions_dev`."""
    return crc32(gold(row)[0].encode()) % 2 == 1


def question_pairs(row: Row, corpus: Mapping[str, Row]) -> list[Pair]:
    """From the question to each passage a search starts at, and from question and passage to each that follows it."""
    golds = gold(row)
    starts, steps = _order_of_steps(row) or _order_of_names(row["question"], [corpus[pid] for pid in golds])
    question = row["question"]
    inputs = [*(("", b) for b in starts), *steps]
    return [Pair(question, a, b, tuple(pid for pid in golds if pid not in (a, b))) for a, b in inputs]


Order = tuple[list[str], list[tuple[str, str]]]  # where a search starts, and which passage follows which


def _order_of_steps(row: Row) -> Order | None:
    """From sub-questions, whose `#1` names the answer to the first one; None where there are none."""
    parts = row.get("question_decomposition")
    if not parts or any(part.get("gold") is None for part in parts):
        return None
    starts, steps = [], []
    for part in parts:
        needed = [int(n) - 1 for n in _REFERENCE.findall(part["question"])]
        steps += [(parts[n]["gold"], part["gold"]) for n in needed if n < len(parts)]
        if not needed:
            starts.append(part["gold"])
    return list(dict.fromkeys(starts)), list(dict.fromkeys((a, b) for a, b in steps if a != b))


def _order_of_names(question: str, golds: Sequence[Row]) -> Order:
    """By titles. Passages that nothing leads to follow every other one; several starts follow each other."""
    in_question = set(mentions(question))
    keys = {row["pid"]: _keys(row) for row in golds}
    in_passage = {row["pid"]: set(mentions(row["text"])) for row in golds}
    pids = list(keys)[:MAX_UNNAMED]
    steps = [(a, b) for a in pids for b in pids if a != b and keys[b] & in_passage[a]]
    targets = {b for _, b in steps}
    starts = [pid for pid in pids if keys[pid] & in_question] or [pid for pid in pids if pid not in targets] or pids
    steps = [(a, b) for a, b in steps if b not in starts]
    targets = {b for _, b in steps}
    steps += [(a, b) for a in pids for b in pids if a != b and b not in targets and (b not in starts or a in starts)]
    return starts, steps


def _keys(row: Row) -> set[str]:
    title = row.get("title") or ""
    return {normalise(title), normalise(_QUALIFIER.sub("", title))} - {""}
