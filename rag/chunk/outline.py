"""The headings above each offset of a document: those its connector found, else the Markdown headings in its text."""

import re
from bisect import bisect_right
from collections.abc import Sequence
from pathlib import PurePosixPath

from rag.types import Document, Section

KINDS = frozenset(("heading", "code"))
MARKDOWN = frozenset(("", ".md", ".markdown", ".mdx", ".txt"))  # a line "# x" of other sources may be a comment

_HEADING = re.compile(r"^(```|~~~).*?(?:^\1|\Z)|^(#{1,6})[^\S\n]([^\n]*)", re.MULTILINE | re.DOTALL)


def outline(document: Document) -> tuple[Section, ...]:
    """Headings, and definitions in code, by start; each label is the whole path, each span holds its subsections."""
    own = tuple(section for section in document.sections if section.kind in KINDS)
    if own or "#" not in document.text or PurePosixPath(document.source).suffix.lower() not in MARKDOWN:
        return tuple(sorted(own, key=lambda section: section.start))
    found: list[Section] = []
    above: list[tuple[int, int, str]] = []  # start, level, name
    headings = [(m.start(), len(m[2]), m[3]) for m in _HEADING.finditer(document.text) if m[2]]
    for start, level, name in [*headings, (len(document.text), 0, "")]:
        while above and above[-1][1] >= level:
            found.append(Section(above[-1][0], start, "heading", " > ".join(name for _, _, name in above)))
            above.pop()
        above.append((start, level, name.strip().rstrip("#").rstrip()))
    return tuple(sorted(found, key=lambda section: section.start))


def heading_above(headings: Sequence[Section], offset: int) -> Section | None:
    """The innermost heading whose section covers an offset."""
    last = bisect_right(headings, offset, key=lambda section: section.start)
    return next((headings[i] for i in range(last - 1, -1, -1) if offset < headings[i].end), None)


def path(section: Section | None) -> tuple[str, ...]:
    """The headings that lead to a section, outermost first."""
    return tuple(section.label.split(" > ")) if section else ()
