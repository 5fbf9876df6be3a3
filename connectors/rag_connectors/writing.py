"""Helpers of the parsers that put a text together: pieces with spans, headings with paths."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from rag_connectors.parsed import ParsedRecord, Span
from rag_connectors.text import clean, one_line

if TYPE_CHECKING:
    from rag.types import Values


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

    def embed(self, record: ParsedRecord) -> None:
        """Another document's text, with its sections."""
        start = self.at
        self.add(record.text.rstrip())
        self._spans.extend((start + a, min(start + b, self.at), kind, label) for a, b, kind, label in record.spans)

    @property
    def text(self) -> str:
        """What was written so far."""
        return "".join(self._parts)

    @property
    def title(self) -> str:
        """The first heading."""
        return self._headings[0][2] if self._headings else ""

    def record(self, *, title: str = "", meta: Mapping[str, Values] | None = None) -> ParsedRecord:
        """Everything written; without a title, the first heading is it."""
        spans = (*self._spans, *outline(self._headings, self.at))
        return ParsedRecord(self.text, title or self.title, spans, meta or {})
