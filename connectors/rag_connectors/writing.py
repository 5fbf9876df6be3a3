"""Helpers of the parsers that put a text together: pieces with spans, headings with paths, tables as lines."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING

from rag_connectors.parsed import ParsedRecord, Span
from rag_connectors.text import clean, one_line

if TYPE_CHECKING:
    from rag.types import Values

_NUMBER = re.compile(r"[\d\s.,:/%+\-()$€£¥]*\d[\d\s.,:/%+\-()$€£¥]*")
_YEAR = re.compile(r"(19|20)\d\d")
_MAX_HEADER = 60  # characters; a longer cell is prose


def outline(headings: Sequence[tuple[int, int, str]], end: int, *, kind: str = "heading") -> Iterator[Span]:
    """Spans from headings (offset, level, title): each reaches to the next of its level or above.

    Labels are paths: "Install > Linux".
    """
    path: list[tuple[int, int, str]] = []
    for start, level, title in [*headings, (end, -1, "")]:
        while path and path[-1][1] >= level:
            yield path[-1][0], start, kind, " > ".join(label for _, _, label in path)
            path.pop()
        path.append((start, level, title))


class TextWriter:
    """A text built line by line, with its spans."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._spans: list[Span] = []
        self._headings: list[tuple[int, int, str]] = []
        self._gap = True
        self.at = 0  # the offset where the next piece starts

    def add(self, text: str) -> None:
        """One or more lines, cleaned."""
        line = clean(text) + "\n"
        self._parts.append(line)
        self.at += len(line)
        self._gap = False

    def gap(self) -> None:
        """A blank line, unless there is one."""
        if not self._gap:
            self.add("")
            self._gap = True

    def heading(self, level: int, text: str) -> None:
        """A line that opens a section; level 1 is the outermost."""
        title = one_line(text)
        if title:
            self.gap()
            self._headings.append((self.at, level, title))
            self.add(title)
            self.gap()

    def headings(self, found: Iterable[tuple[int, int, str]]) -> None:
        """Headings (offset, level, title) in lines that `add` wrote or is about to write."""
        self._headings.extend(found)

    def span(self, start: int, kind: str, label: str) -> None:
        """Name what was written since `start`."""
        self._spans.append((start, self.at, kind, label))

    @property
    def title(self) -> str:
        """The first heading."""
        return self._headings[0][2] if self._headings else ""

    def record(self, *, title: str = "", meta: Mapping[str, Values] | None = None) -> ParsedRecord:
        """Everything written; without a title, the first heading is it."""
        spans = (*self._spans, *outline(self._headings, self.at))
        return ParsedRecord("".join(self._parts), title or self.title, spans, meta or {})


def row(cells: Sequence[str]) -> str:
    """A table's row as a line, "" if it is empty; empty cells stay, since a cell's place says what it is."""
    if not any(cells):
        return ""
    line = " | ".join(cells)
    return line if cells[0] and cells[-1] else f"| {line} |"


def table(rows: Iterable[tuple[int, Sequence[str]]]) -> Iterator[tuple[int, str]]:
    """Numbered rows of cells as numbered lines: `Name: Router; Building: 4` under an evident header, else `a | b`.

    A header is a row of distinct short texts at the start or after a blank row; it stands as a line of its own, so
    nothing is lost where it was no header after all. After a blank row, a row that does not fit the header drops it.
    """
    header: Sequence[str] | None = None
    fresh = True
    for number, raw in rows:
        cells = [one_line(cell) for cell in raw]
        filled = [cell for cell in cells if cell]
        if fresh and len(filled) > 1:
            fresh = False
            if _is_header(cells):
                header = cells
                yield number, " | ".join(filled)
                continue
            if header and any(cell and not name for name, cell in zip_longest(header, cells, fillvalue="")):
                header = None
        if not filled:
            fresh = True
        elif header and not fresh:
            pairs = zip_longest(header, cells, fillvalue="")
            yield number, "; ".join(f"{name}: {cell}" if name else cell for name, cell in pairs if cell)
        else:
            header = None
            yield number, " | ".join(filled)


def _is_header(cells: Sequence[str]) -> bool:
    names = [cell for cell in cells if cell]
    if any(len(name) > _MAX_HEADER for name in names):
        return False
    texts = [name for name in names if not _NUMBER.fullmatch(name)]
    return (
        bool(texts) and all(_YEAR.fullmatch(name) or name in texts for name in names) and len(set(names)) == len(names)
    )
