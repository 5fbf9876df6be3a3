"""Blocks of a text: paragraphs, lists, tables and fenced code, each with whatever leads into it.

A heading, and a block that ends in a colon, lead into the block after them and belong to it. Markdown and plain text
are read the same way; where a section begins (a row, a slide, a function) a block begins. Code without a fence is read
as prose, whose over-long sentences fall into lines.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from rag.chunk.spans import Cut, Span, lines
from rag.text.lines import is_rule
from rag.text.sentence_ends import sentences
from rag.text.tables import read_tables
from rag.types import Section

_FENCE = re.compile(r"\s*(```+|~~~+)[^`]*$")
_HEADING = re.compile(r"#{1,6}\s")
_BULLET = r"[^\S\n]*(?:[-*+•‣▪◦]|\d{1,3}[.)]|[a-z][.)])\s"
_ITEM = re.compile(_BULLET)
_ROW = re.compile(r"\s*\||[^|]*\|[^|]*\|")
_ROW_OF_TWO = re.compile(r"[^|]*[^|\s] \| [^|\s][^|]*")  # a title may look so: it takes two of them in a row


_HAS_DIGIT = re.compile(r"\d").search


@dataclass(frozen=True, slots=True)
class Block:
    """A span of one kind, a key of `CUTS`.

    `lead` is where it starts together with what leads into it; `header` are a table's first rows that name columns.
    """

    lead: int
    start: int
    end: int
    kind: str
    header: Span | None = None


def blocks(text: str, sections: Sequence[Section] = ()) -> Iterator[Block]:
    """The blocks of a text in order, with nothing but white space between them."""
    found = list(_plain(text, sections))
    lead: int | None = None
    for block, following in zip(found, [*found, None][1:], strict=True):
        begin = block.start if lead is None else lead
        colon = text[block.start : block.end].rstrip().endswith((":", "："))
        if following and (block.kind == "heading" or (colon and following.kind != "heading")):
            lead = begin
        else:
            yield replace(block, lead=begin)
            lead = None


def _plain(text: str, sections: Sequence[Section]) -> Iterator[Block]:
    """Every block by itself, headings too."""
    starts = {section.start: section.label.rpartition(" > ")[2] for section in sections if section.kind != "page"}
    boundaries = sorted(starts)
    kind, start, end, fence, blank = "", 0, 0, "", False
    of_two = _rows_of_two(text)
    for at, stop in lines(text, 0, len(text)):
        line = text[at:stop]
        bare = line.strip()
        if not bare and not fence:
            blank = True
            continue
        if fence:
            end = stop
            fence = "" if bare.startswith(fence) and not bare.strip("`~") else fence
            continue
        here = boundaries[bisect_left(boundaries, at) : bisect_left(boundaries, stop)]
        opening = _FENCE.match(line)
        fence = opening[1] if opening else ""
        if fence:
            now = "code"
        elif _HEADING.match(line) or bare in map(starts.get, here):
            now = "heading"
        elif _ITEM.match(line) or (kind == "list" and (line[0].isspace() or not blank)):
            now = "list"
        else:
            now = "table" if _ROW.match(line) or at in of_two else "prose"
        if here or now != kind or now in ("heading", "code") or (blank and now != "list"):
            if kind:
                yield _block(text, start, end, kind)
            kind, start = now, at
        end, blank = stop, False
    if kind:
        yield _block(text, start, end, kind)


def _block(text: str, start: int, end: int, kind: str) -> Block:
    rows = text[start:end].splitlines() if kind == "table" else []
    named = len(rows) > 1 and (is_rule(rows[1].strip()) or read_tables("\n".join(rows[:2])))
    length = len(rows[0]) + (1 + len(rows[1]) if named and _names_parts(rows[:3]) else 0) if named else 0
    return Block(start, start, end, kind, (start, start + length) if named else None)


def _rows_of_two(text: str) -> frozenset[int]:
    """Where lines begin that are rows of two cells, beside another such line."""
    if " | " not in text:
        return frozenset()
    found = [(at, _ROW_OF_TWO.fullmatch(text[at:stop].strip()) is not None) for at, stop in lines(text, 0, len(text))]
    return frozenset(at for pair in pairwise(found) if pair[0][1] and pair[1][1] for at, _ in pair)


def _names_parts(rows: Sequence[str]) -> bool:
    """Whether the second row names parts of what the first names: `Net | Gross` below `Price | Price`, then numbers."""
    if len(rows) < 3:
        return False
    upper, lower, first = ([cell.strip() for cell in row.strip().strip("|").split("|")] for row in rows)
    grouped = "" in upper[1:] or any(a == b for a, b in pairwise(upper))
    return grouped and not any(map(_HAS_DIGIT, lower)) and any(map(_HAS_DIGIT, first[1:]))


def _after(pattern: str) -> Cut:
    """A cut behind every match of a pattern."""
    compiled = re.compile(pattern, re.MULTILINE)

    def cut(text: str, start: int, end: int) -> Iterator[Span]:
        for match in compiled.finditer(text, start, end):
            if start < match.end() < end:
                yield start, match.end()
                start = match.end()
        yield start, end

    return cut


_ITEMS = _after(rf"^(?={_BULLET})")
_PARAGRAPHS = _after(r"\n[^\S\n]*\n")

CUTS: Mapping[str, Sequence[Cut]] = {  # where a block of each kind is cut when it is too long, in this order
    "prose": (sentences, lines),
    "heading": (sentences, lines),
    "list": (_ITEMS, sentences, lines),
    "table": (lines,),
    "code": (_PARAGRAPHS, lines),
}
