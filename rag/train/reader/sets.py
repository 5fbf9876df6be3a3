"""Small labelled sets for the reader: questions with their own passages, of which a row says the kind.

A folder holds `train.jsonl[.gz]`. A row has `kind`, `question` and `passages` of {title, text}, and by kind
- `span`: `answer`, which stands at `answer_start` of the passage `answer_passage` (the first one, unless given), or
  `answerable: false`;
- `yesno`: the `answer` yes or no, or "" where the passages do not say;
- `nli`: the `answer` entailment, contradiction or neutral; the question is a statement, read as it is and, where
  rules can turn it (`rag.train.reader.polarity`), as a question;
- `table`: the passage is a table, a row a line, cells divided by ` | `, the first line its header; `answer_cells` is a
  list of one [row, column].
Further keys: `scenario` goes before the question, `gold` numbers the passages that matter, `history` is what was said
before. Rows of other kinds, and tables whose answer is computed from cells, are left out.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from rag.errors import InputError
from rag.reader.network import MAX_PASSAGES
from rag.text.sentences import sentence_spans
from rag.train.common.dataset import Row, read_rows
from rag.train.reader.inputs import SHARES, ReaderInput, draw_inputs
from rag.train.reader.polarity import read_clause
from rag.train.reader.questions import ReaderPassage, ReaderQuestion

FILES = ("train.jsonl*",)
LONGEST_ANSWER = 160  # characters; longer ones are left out
TABLE_TEXT = 520  # characters of the rows around an answer
ELSEWHERE = 0.1  # share of statements that are read with the passages of another one
TYPES = {"yes": 1, "no": 2, "": 0, "entailment": 1, "contradiction": 2, "neutral": 0}


@dataclass(frozen=True, slots=True)
class ReadingSet:
    """A folder's questions that ask for a span, and its inputs that ask for yes or no."""

    name: str
    questions: tuple[ReaderQuestion, ...]
    statements: tuple[ReaderInput, ...]

    def draw(self, rng: np.random.Generator) -> Iterator[ReaderInput]:
        """The inputs of one epoch."""
        yield from draw_inputs(self.questions, rng, {**SHARES, "alone": 1.0})
        for one in self.statements:
            yield one
            if rng.random() < ELSEWHERE:
                other = self.statements[int(rng.integers(len(self.statements)))].passages
                if other != one.passages:
                    yield ReaderInput(one.question, tuple(replace(passage, relevant=False) for passage in other))


def is_reading_set(folder: Path) -> bool:
    """Whether a folder holds such a set."""
    return any(folder.glob(FILES[0]))


def read_set(folder: Path, rng: np.random.Generator) -> ReadingSet:
    """The rows of a folder. Raises InputError for a row that is none, and where nothing can be trained on."""
    questions: list[ReaderQuestion] = []
    statements: list[ReaderInput] = []
    for n, row in enumerate(read_rows(folder, FILES), 1):
        try:
            if row["kind"] in ("yesno", "nli"):
                statements += _statement(row)
            elif make := _QUESTIONS.get(row["kind"]):
                questions += make(row, rng)
        except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
            where = f"{folder}: row {n} of its train.jsonl ({row.get('id') if isinstance(row, dict) else row!r})"
            raise InputError(f"{where}: {error!r}; `rag train reader --help` names the format.") from error
    if not questions and not statements:
        raise InputError(f"{folder}: no row whose kind is span, yesno, nli or table and that has an answer.")
    return ReadingSet(folder.name, tuple(questions), tuple(statements))


def _statement(row: Row) -> Iterator[ReaderInput]:
    answer_type = TYPES.get(row["answer"])
    if answer_type is None:
        return
    passages = list(row["passages"])
    numbers = row.get("gold") or ()
    if numbers and all(isinstance(n, int) for n in numbers):
        passages = [*(passages[n] for n in numbers), *(p for n, p in enumerate(passages) if n not in numbers)]
    if row.get("history"):
        passages = [*passages[: MAX_PASSAGES - 1], {"title": "", "text": " ".join(map(str, row["history"]))}]
    question = f"{row['scenario']} {row['question']}" if row.get("scenario") else row["question"]
    kept = [_passage(passage, relevant=True) for passage in passages if passage["text"].strip()][:MAX_PASSAGES]
    if not kept:
        return
    one = ReaderInput(question, tuple(kept), answer_type, complete=answer_type > 0)
    yield one
    if row["kind"] == "nli" and (clause := read_clause(question)):
        denied = clause.denied and answer_type
        yield replace(one, question=clause.question, answer_type=3 - answer_type if denied else answer_type)


def _span_question(row: Row, _: np.random.Generator) -> Iterator[ReaderQuestion]:
    passages = [_passage(passage) for passage in row["passages"]]
    if not row.get("answerable", True):
        yield ReaderQuestion(row["question"], (passages[0],), tuple(passages[1:]), 0, False)
    elif "answer_start" in row and len(row["answer"]) <= LONGEST_ANSWER:
        n, start = row.get("answer_passage", 0), row["answer_start"]
        gold = _gold(passages[n], start, start + len(row["answer"]))
        others = tuple(p for i, p in enumerate(passages) if i != n and row["answer"] not in p.text)
        yield ReaderQuestion(row["question"], (gold,), others, 0, True)


def _table_question(row: Row, rng: np.random.Generator) -> Iterator[ReaderQuestion]:
    """The rows around the answer, as many as fit, written in one of three ways."""
    cells, (passage,) = row.get("answer_cells") or [], row["passages"]
    if cells and isinstance(cells[0][0], list):  # those of each answer
        cells = [cell for some in cells for cell in some]
    if len(row["answers"]) != 1 or len(cells) != 1:
        return
    line, column = cells[0]
    head, *rows = ([cell.strip() for cell in text.split(" | ")] for text in passage["text"].split("\n"))
    line -= 1  # counted without the header
    if not 0 <= line < len(rows) or column >= min(len(head), len(rows[line])):
        return
    if rows[line][column].lower() != row["answers"][0].strip().lower():
        return
    low, high = _around(rows, line, rng)
    write = _WAYS[int(rng.integers(len(_WAYS)))]
    text, start = write(head, rows[low : high + 1], line - low, column)
    gold = _gold(ReaderPassage(passage.get("title") or "", text), start, start + len(rows[line][column]))
    yield ReaderQuestion(row["question"], (gold,), (), 0, True)


def _around(rows: Sequence[Sequence[str]], line: int, rng: np.random.Generator) -> tuple[int, int]:
    """The first and the last of the rows that are read with one, TABLE_TEXT characters long together."""
    low = high = line
    room = TABLE_TEXT
    while near := [n for n in (low - 1, high + 1) if 0 <= n < len(rows)]:
        n = near[int(rng.integers(len(near)))]
        room -= len(" | ".join(rows[n]))
        if room < 0:
            break
        low, high = min(low, n), max(high, n)
    return low, high


def _in_bars(
    head: Sequence[str], rows: Sequence[Sequence[str]], line: int, column: int, *, edge: str
) -> tuple[str, int]:
    """Cells divided by bars, with `edge` also at the ends of a line: the text, and where the cell starts in it."""
    start, end = (f"{edge} " if edge else ""), (f" {edge}" if edge else "")
    rule = [" | ".join("---" for _ in head)] if edge else []
    lines = [start + text + end for text in (" | ".join(head), *rule, *(" | ".join(row) for row in rows))]
    number = 1 + len(rule) + line
    before = sum(len(text) + 1 for text in lines[:number]) + len(start)
    return "\n".join(lines), before + sum(len(cell) + 3 for cell in rows[line][:column])


def _as_records(head: Sequence[str], rows: Sequence[Sequence[str]], line: int, column: int) -> tuple[str, int]:
    """Each cell behind its column's name: the text, and where the cell starts in it."""
    named = [[f"{name}: {cell}" for name, cell in zip(head, row, strict=False)] for row in rows]
    before = sum(len("; ".join(cells)) + 1 for cells in named[:line])
    before += sum(len(cell) + 2 for cell in named[line][:column]) + len(head[column]) + 2
    return "\n".join("; ".join(cells) for cells in named), before


_WAYS: Sequence[Callable[[Sequence[str], Sequence[Sequence[str]], int, int], tuple[str, int]]] = (
    partial(_in_bars, edge=""),
    partial(_in_bars, edge="|"),
    _as_records,
)
_QUESTIONS: Mapping[str, Callable[[Row, np.random.Generator], Iterable[ReaderQuestion]]] = {
    "span": _span_question,
    "table": _table_question,
}


def _passage(row: Mapping[str, Any], *, relevant: bool = False) -> ReaderPassage:
    return ReaderPassage(row.get("title") or "", row["text"], relevant=relevant)


def _gold(passage: ReaderPassage, start: int, end: int) -> ReaderPassage:
    evidence = tuple(span for span in sentence_spans(passage.text) if span[0] <= start < span[1])
    return replace(passage, answer=(start, end), evidence=evidence, relevant=True)
