"""Blocks of a text: paragraphs, lists, tables and fenced code, each with whatever leads into it.

A heading, and a block that ends in a colon, lead into the block after them and belong to it. Markdown and plain text
read the same way; a section that begins (a row, a slide, a notebook cell) begins a block. Indented code is read as
prose, whose over-long sentences fall into lines.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rag.chunk.prose import sentences
from rag.chunk.spans import Cut, Span, lines

_FENCE = re.compile(r"\s*(```+|~~~+)")
_HEADING = re.compile(r"#{1,6}\s")
_ITEM = re.compile(r"\s*(?:[-*+•‣▪◦]|\d{1,3}[.)]|[a-z][.)])\s")
_ROW = re.compile(r"\s*\||[^|]*\|[^|]*\|")
_RULE = re.compile(r"\s*\|?\s*:?-+:?\s*(?:\|\s*:?-*:?\s*)*$")


@dataclass(frozen=True, slots=True)
class Block:
    """A span of one kind. `lead` is where it starts with what leads into it; `header` is a table's first row."""

    lead: int
    start: int
    end: int
    kind: str
    header: str = ""


def blocks(text: str, boundaries: Sequence[int] = (), titles: Sequence[int] = ()) -> list[Block]:
    """The blocks that hold every non-blank line, in order. `boundaries` and `titles` are ascending offsets.

    A line with a boundary begins a block; one with a title, the start of a heading's section, is a heading if it is
    followed by something else in that section.
    """
