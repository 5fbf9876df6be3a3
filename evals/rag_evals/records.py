"""What a pipeline did on each question, as plain facts, in a file that grows line by line.

A run that was killed goes on where its file ends; metrics are computed from records afterwards, so that the numbers
are the same. A last line cut short by the kill is dropped.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Node:
    """A passage of the tree: its names (see `gold.names_of`), its file or pid, the hop that found it, its text's start.

    `parent` is the place in the tree of the passage that led to it, always an earlier one; None for a root.
    """

    names: tuple[str, ...]
    source: str
    hop: int
    parent: int | None
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class AnswerRecord:
    """An answer as facts: what it says, and for every quote what the source has at the span it names.

    `statements` are those in the text, each with its quotes; `facts` the cited sentences as (title, number); `cited`
    is of every quote its marker and the name of its passage; `level` and `short` are those of `rag.Answer`.
    """

    text: str
    level: str
    confidence: float
    statements: tuple[tuple[str, tuple[str, ...]], ...]
    quotes: tuple[str, ...]
    spans: tuple[str, ...]
    facts: tuple[tuple[str, int], ...]
    seconds: float
    usage: Mapping[str, Any] = field(default_factory=dict)
    cited: tuple[tuple[int, str], ...] = ()
    short: str = ""


@dataclass(frozen=True, slots=True)
class QuestionRecord:
    """What was found for a question, best first, each at the hop that found it, and the answer, if one was asked for.

    `tree` is the part of the hop tree that matters for the question, see `tree.prune`.
    """

    id: str
    ranking: tuple[str, ...]
    hops: tuple[int, ...]
    seconds: float
    answer: AnswerRecord | None = None
    tree: tuple[Node, ...] = ()

    @property
    def found(self) -> dict[str, int]:
        """Each id of the ranking with its hop."""
        return dict(zip(self.ranking, self.hops, strict=True))


class Append(Protocol):
    """Writes a record down for good."""

    def __call__(self, record: QuestionRecord) -> None: ...


def read(path: Path) -> dict[str, QuestionRecord]:
    """The records of a file, by question; {} when there is none. Lines that are no record are left out."""
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return {}
    found = (_record(line) for line in lines)
    return {record.id: record for record in found if record is not None}


@contextmanager
def append_to(path: Path) -> Iterator[Append]:
    """A function that adds records to the file, each safe on disk line by line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(0o600)  # a new one may quote documents, which are its user's alone
    with path.open("ab") as file:
        if file.tell() and not path.read_bytes().endswith(b"\n"):
            file.write(b"\n")

        def append(record: QuestionRecord) -> None:
            row = asdict(record)
            row["said"] = row.pop("answer")
            file.write(json.dumps(row, default=str).encode() + b"\n")
            file.flush()

        yield append
        os.fsync(file.fileno())


def _record(line: bytes) -> QuestionRecord | None:
    try:
        row = json.loads(line)
        answer, tree = row.pop("said"), row.pop("tree")
        nodes = tuple(Node(**_tuples(node)) for node in tree)
        return QuestionRecord(
            **_tuples(row), answer=None if answer is None else AnswerRecord(**_tuples(answer)), tree=nodes
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def _tuples(row: Mapping[str, Any]) -> dict[str, Any]:
    def frozen(value: Any) -> Any:
        return tuple(map(frozen, value)) if isinstance(value, list) else value

    return {name: frozen(value) for name, value in row.items()}
