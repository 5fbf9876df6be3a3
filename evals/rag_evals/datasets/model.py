"""What a dataset is made of: questions, passages, and the problems met while reading them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Passage:
    """A text that may be found. `sentences` are exact pieces of `text`, in order, where the dataset numbers them."""

    pid: str
    title: str
    text: str
    sentences: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """A question and what a right answer to it rests on.

    `gold` are ids of passages, in hop order where the dataset has one; over a user's documents they are file names,
    and those also in `quotes` are pieces of text to be found. No gold: retrieval metrics do not apply. `answers` are
    the answer and its aliases. `type` and `hops` name slices ("" and 0 when unknown); `supporting_facts` are (title,
    sentence number). `grades` say how relevant each gold is, where they are not all alike.
    """

    id: str
    question: str
    answers: tuple[str, ...] = ()
    gold: tuple[str, ...] = ()
    type: str = ""
    answerable: bool = True
    hops: int = 0
    supporting_facts: tuple[tuple[str, int], ...] = ()
    quotes: tuple[str, ...] = ()
    grades: tuple[float, ...] = ()

    @property
    def graded(self) -> Collection[str]:
        """The gold, as ranking metrics take it."""
        return dict(zip(self.gold, self.grades, strict=True)) if self.grades else self.gold

    @property
    def facts(self) -> dict[str, Any]:
        """As plain data, by which two runs know that they asked the same: without grades where there are none."""
        return {name: value for name, value in asdict(self).items() if name != "grades" or value}


@dataclass(frozen=True, slots=True)
class DatasetProblem:
    """Something not in order: the file, where in it (a line), what is wrong, and whether the row is `lost` by it."""

    file: str
    where: str
    text: str
    lost: bool = True

    def __str__(self) -> str:
        return f"{self.file}:{self.where}: {'left out: ' if self.lost else ''}{self.text}"


class Problems:
    """Collects problems; the same one met again (a file read twice) is kept once."""

    def __init__(self) -> None:
        self._seen: dict[DatasetProblem, None] = {}

    def add(self, file: object, where: str, text: str, *, lost: bool = True) -> None:
        """Remember a problem."""
        self._seen[DatasetProblem(str(file), where, text, lost)] = None

    def __iter__(self) -> Iterator[DatasetProblem]:
        return iter(tuple(self._seen))

    def __len__(self) -> int:
        return len(self._seen)


@dataclass(frozen=True, slots=True)
class Stream:
    """Passages read from a file each time they are walked over, so that a large corpus needs no memory."""

    read: Callable[[], Iterator[Passage]]

    def __iter__(self) -> Iterator[Passage]:
        return self.read()


@dataclass(frozen=True, slots=True)
class Dataset:
    """Questions over `corpus` (passages, walked over as often as needed) or over `documents` (files and folders)."""

    name: str
    questions: tuple[Question, ...]
    corpus: Iterable[Passage] = ()
    documents: tuple[str, ...] = ()
    problems: Problems = field(default_factory=Problems, compare=False)


@dataclass(frozen=True, slots=True)
class Located:
    """A question with the place it was read from."""

    file: str
    where: str
    question: Question


@dataclass(frozen=True, slots=True)
class DatasetParts:
    """What a format's reader gives; `load` checks it and makes the dataset."""

    questions: Iterable[Located]
    corpus: Iterable[Passage] = ()
    documents: tuple[str, ...] = ()


class PassagePool:
    """Passages that come inside the questions, each kept once; `title #2` is another text of the same title."""

    def __init__(self) -> None:
        self._pids: dict[tuple[str, str], str] = {}
        self._titles: dict[str, int] = {}
        self.passages: list[Passage] = []

    def add(self, title: str, text: str, sentences: tuple[str, ...] = ()) -> str:
        """The pid of this passage, new or known."""
        if (title, text) not in self._pids:
            count = self._titles[title] = self._titles.get(title, 0) + 1
            pid = title if count == 1 else f"{title} #{count}"
            self._pids[title, text] = pid
            self.passages.append(Passage(pid, title, text, sentences))
        return self._pids[title, text]
