"""The lines of a text: what each one is, and whether a sentence may go on behind it.

A line is the last of its unit where the next one begins something else (an item, a row, a field, a heading), or where
the next one's first word would have fitted on it and the line does not lead on by itself. How wide the text is, the
lines around say: of a PDF page, none is typical of all. What it does not do: read columns, or mend what a parser mixed.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rag.text.furniture import page_number
from rag.text.wraps import ENDED, ITEM, begins_item, begins_small, calls_number, goes_on, is_cut

FULL_LINE = 0.8  # of the width of its paragraph; the next word would have fitted on a line not filled so far
SHORT_LINE = 30  # characters; where all are shorter, they are cells or verses rather than wrapped prose
AROUND = 6  # lines before and after that say how wide the text is
LONGEST_HEADING = 90  # characters
LONGEST_FIELD = 120

_MARKED_HEADING = re.compile(r"#{1,6}(?:\s|$)|<h\d")
_NUMBERED_HEADING = re.compile(r"(?:\d{1,2}(?:\.\d{1,2})*\.?|[A-Z](?:\.\d{1,2})+\.?|§+\s*\d+\w?)\s+[A-ZÄÖÜÉ][^.!?]*$")
_FIELD = re.compile(r"[^\W_][\w .,/()'’&#-]{0,39}:(?:\s|$)")
_PAIRS = re.compile(r"[^:;|]{1,60}: [^;]*; [^:;|]{1,60}: ")  # `Name: Router; Building: 4`
_RULE = re.compile(r"[\s|:+=-]*[-=]{2,}[\s|:+=-]*|(?:```|~~~)\S*|<[^>]*>|[|\s]+")


@dataclass(frozen=True, slots=True)
class Line:
    """A line without its outer white space; `kind` is "" where only the whole unit shows it. `last` ends a unit."""

    start: int
    end: int
    kind: str
    last: bool


def split_lines(text: str) -> list[Line]:
    """The lines of a text that are not blank."""
    found: list[Line] = []
    at = 0
    block: list[tuple[int, str]] = []
    for raw in [*text.split("\n"), ""]:
        if raw.strip():
            block.append((at, raw))
        elif block:
            found += _block(block)
            block = []
        at += len(raw) + 1
    return found


def is_row(line: str) -> bool:
    """Whether a stripped line is the row of a table: cells between bars, or `name: cell` pairs."""
    return line.startswith("|") or " | " in line or bool(_PAIRS.match(line))


def is_rule(line: str) -> bool:
    """Whether a stripped line is drawn, not said: the rule below a table's header, a fence, a lone tag."""
    return bool(_RULE.fullmatch(line))


def _block(block: Sequence[tuple[int, str]]) -> list[Line]:
    """The lines of a paragraph, given with their offsets."""
    texts = [raw.strip() for _, raw in block]
    lengths = [len(text) for text in texts]
    lines = []
    item = -1  # how far the list item is indented that these lines belong to
    for i, ((at, raw), text) in enumerate(zip(block, texts, strict=True)):
        indent = len(raw) - len(raw.lstrip())
        if ITEM.match(text):
            item = indent
        elif indent <= item:
            item = -1
        start, kind = at + indent, _kind(text)
        last = i + 1 == len(block)
        if not last:
            width = _width(lengths[max(0, i - AROUND) : i + AROUND + 1])
            following, raw_next = texts[i + 1], block[i + 1][1]
            hangs = 0 <= item < len(raw_next) - len(raw_next.lstrip())
            if hangs and kind == "heading" and ITEM.match(text) and not ITEM.match(following):
                kind = ""
            last = _ends(text, following, width, kind, hangs=hangs)
        lines.append(Line(start, start + len(text), kind, last))
    return lines


def _kind(line: str) -> str:
    if page_number(line) is not None or is_rule(line):
        return "furniture"
    if is_row(line):
        return "row"
    if _MARKED_HEADING.match(line) or (len(line) <= LONGEST_HEADING and _is_heading(line)):
        return "heading"
    return "field" if _is_field(line) else ""


def _is_heading(line: str) -> bool:
    return bool(_NUMBERED_HEADING.match(line)) and not (ENDED.search(line) or goes_on(line))


def _is_field(line: str) -> bool:
    field = _FIELD.match(line)
    return field is not None and field.end() < len(line) <= LONGEST_FIELD and not line.endswith((".", "!", "?"))


def _ends(line: str, following: str, width: float, kind: str, *, hangs: bool) -> bool:
    """Whether the break between two lines of a paragraph means more than that the first was full."""
    if kind in ("heading", "furniture", "row") or is_row(following) or page_number(following) is not None:
        return True
    if is_cut(line):
        return False
    if ITEM.match(following):
        return begins_item(following, line)
    if goes_on(line) or (following[0].isdigit() and calls_number(line)):
        return False
    lower = begins_small(following)
    if _MARKED_HEADING.match(following) or (_is_heading(following) and not calls_number(line)):
        return True
    if _FIELD.match(following) and (not lower or kind == "field" or ENDED.search(line)):
        return True
    if line.endswith((".", "!", "?")) or (hangs and not ENDED.search(line)):
        return False  # where a sentence ends, others say
    word = following.split(maxsplit=1)[0]
    fits = len(line) + len(word) < FULL_LINE * width
    if lower:
        return len(line) < SHORT_LINE and (fits or width < SHORT_LINE)
    return fits or len(line) < SHORT_LINE


def _width(lengths: Sequence[int]) -> float:
    """The width that a quarter of the lines fill."""
    return sorted(lengths)[-1 - len(lengths) // 4]
