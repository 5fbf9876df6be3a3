"""The headings above each offset of a document: those its connector found, else the Markdown headings in its text."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from pathlib import PurePosixPath

from rag.types import Document, Section

MARKDOWN = frozenset(("", ".md", ".markdown", ".mdx", ".txt"))  # a line "# x" of other sources may be a comment

_HEADING = re.compile(r"^(```|~~~).*?(?:^\1|\Z)|^(#{1,6})[^\S\n]+(\S[^\n]*?)[^\S\n]*#*[^\S\n]*$", re.MULTILINE | re.DOTALL)


def headings(document: Document) -> tuple[Section, ...]:
    """Sections of kind "heading" by start, labelled with their whole path; each ends where its subsections end."""
    own = tuple(section for section in document.sections if section.kind == "heading")
    if own or "#" not in document.text or PurePosixPath(document.source).suffix.lower() not in MARKDOWN:
        return tuple(sorted(own, key=lambda section: section.start))
    found: list[Section] = []
    path: list[tuple[int, str]] = []
    marks = [(m.start(), len(m[2]), m[3]) for m in _HEADING.finditer(document.text) if m[2]]
    for i, (start, level, name) in enumerate(marks):
        path = [*(part for part in path if part[0] < level), (level, name)]
        end = next((at for at, other, _ in marks[i + 1 :] if other <= level), len(document.text))
        found.append(Section(start, end, "heading", " > ".join(name for _, name in path)))
    return tuple(found)


def above(headings: Sequence[Section], offset: int) -> Section | None:
    """The innermost heading whose section covers an offset."""
    i = bisect_right(headings, offset, key=lambda section: section.start)
    return next((section for section in reversed(headings[:i]) if offset < section.end), None)


def path(section: Section | None) -> tuple[str, ...]:
    """The headings that lead to a section, outermost first."""
    return tuple(section.label.split(" > ")) if section else ()
