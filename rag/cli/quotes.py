"""Quotes as people read them: whole, wrapped to the terminal, with their address below; what counts stands out.

What is shown is easier to read than what is cited: on one line, and of Markdown the words without the marks.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from rag.cli.terminal import line, paint, say, screen
from rag.text.markdown import SUFFIXES, strip_marks
from rag.text.sentences import find_units
from rag.text.words import fold, stems

if TYPE_CHECKING:
    from rag.types import Citation

PIPED, WIDEST = 80, 100  # columns where no terminal says so; longer lines are hard to follow
INDENT = "  "
_WORD = re.compile(r"[^\W_]+(?:[.,'’][^\W_]+)*")


def columns() -> int:
    """How wide a line may be."""
    return max(20, min(screen().columns or PIPED, WIDEST))


def readable(text: str, source: str) -> str:
    """A text of a source on one line, without control characters and Markdown's marks."""
    return line(strip_marks(text) if source.lower().endswith(SUFFIXES) else text)


def wrap(text: str, indent: str = "", marked: Sequence[tuple[int, int]] = ()) -> str:
    """A text of one line as lines that fit, the `marked` spans of it bold on a terminal."""
    lines, at = [], 0
    for row in textwrap.wrap(text, columns() - len(indent), break_long_words=False, break_on_hyphens=False):
        at = text.index(row, at)
        lines.append(indent + _paint_spans(row, [(start - at, end - at) for start, end in marked]))
        at += len(row)
    return "\n".join(lines)


def find_words(text: str, short: str, question: str) -> list[tuple[int, int]]:
    """The spans of a quote that stand out: the answer, where it is there, else the question's words."""
    if short and (found := re.search(rf"(?<!\w){re.escape(short)}(?!\w)", text, re.IGNORECASE)):
        return [found.span()]
    sought = stems(question)
    return [word.span() for word in _WORD.finditer(text) if sought & stems(word[0])]


def show_quotes(citations: Iterable[Citation], *, short: str = "", question: str = "", numbered: bool = False) -> None:
    """Each quote once, with its address; those of one place that follow each other as one."""
    for citation, quote in _join(citations):
        number = f"[{citation.marker}] " if numbered else ""
        text = f"{number}“{readable(quote, citation.source)}”"
        say(wrap(text, INDENT, find_words(text, short, question)))
        hop = f"  (hop {citation.hop})" if citation.hop else ""
        say_address(f"{citation.address}{hop}", INDENT + " " * len(number))


def say_address(address: str, indent: str = INDENT) -> None:
    """An address below what stands there, and an empty line."""
    say("\n".join(indent + paint(row.strip(), "cyan") for row in wrap(line(address), indent).split("\n")) + "\n")


def _join(citations: Iterable[Citation]) -> list[tuple[Citation, str]]:
    """Citations with their quotes, without those that repeat others; sentences that follow each other as one."""
    rows: list[tuple[Citation, str, int]] = []
    for citation in dict.fromkeys(citations):
        if rows and _goes_on(*rows[-1], citation):
            first, quote, _ = rows[-1]
            rows[-1] = first, f"{quote}\n{citation.quote}", citation.end
        elif not any(fold(citation.quote) == fold(quote) and citation.source == c.source for c, quote, _ in rows):
            rows.append((citation, citation.quote, citation.end))
    return [(citation, quote) for citation, quote, _ in rows]


def _goes_on(first: Citation, quote: str, end: int, citation: Citation) -> bool:
    """Whether a citation is the sentence after a quote that ends at `end`; rows and items stand by themselves."""
    if first.chunk_id != citation.chunk_id or not 0 <= citation.start - end <= 2:
        return False
    return all(unit.kind == "sentence" for unit in find_units(f"{quote}\n{citation.quote}"))


def _paint_spans(text: str, spans: Sequence[tuple[int, int]]) -> str:
    """The text with spans bold; what of them lies outside is another line's."""
    if not screen().out.isatty():
        return text
    parts, done = [], 0
    for start, end in sorted(spans):
        start, end = max(start, done), min(end, len(text))
        if start < end:
            parts += [text[done:start], paint(text[start:end], "bold")]
            done = end
    return "".join([*parts, text[done:]])
