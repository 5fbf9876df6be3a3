"""Sentences and what else a text is made of, as exact spans: sentences, list items, rows, fields, headings, furniture.

By rules, for any text a connector can give. Sentences end where `rag.text.sentence_ends` says; lines end one where
`rag.text.lines` says; other line breaks are taken for wrapped prose. No model. Linear in the text's length.

`find_units` says what each span is. A "sentence" and an "item" of a list end as sentences do, or lead on to a list. A
"row" is a whole line of a table, a "field" a line `key: value`. "heading", "fragment" (a label, a caption, the half of
a sentence) and "furniture" (the foot of a page, the rule of a table) are no statements: nobody should quote them.
"""

import re
from bisect import bisect_left
from dataclasses import dataclass
from functools import lru_cache

from rag.text import wraps
from rag.text.lines import Line, split_lines
from rag.text.sentence_ends import sentences

LONGEST = 600  # characters; text without any sentence end (logs, minified code) is cut at white space
LEAD_WORDS = 5  # of what leads on to a list without a colon; fewer are its label
REMEMBERED = 512  # texts whose units are kept
STATEMENTS = frozenset(("sentence", "item", "row", "field"))  # kinds that say something by themselves

ENDED = re.compile(r"[.!?…。！？:;|]\W*$|[:;|] ")  # how sentences, table rows and `key: value` lines end or look


@dataclass(frozen=True, slots=True)
class Unit:
    """A trimmed span of a text and its kind, one of those above."""

    start: int
    end: int
    kind: str

    @property
    def says(self) -> bool:
        """Whether it says something by itself, and so can be quoted."""
        return self.kind in STATEMENTS


def sentence_spans(text: str, *, longest: int = LONGEST) -> list[tuple[int, int]]:
    """Half-open character spans of the units, in order, trimmed; every non-space character is in exactly one."""
    return [(unit.start, unit.end) for unit in find_units(text, longest=longest)]


@lru_cache(REMEMBERED)
def find_units(text: str, *, longest: int = LONGEST) -> tuple[Unit, ...]:
    """The units of a text, in order; every non-space character is in exactly one.

    None has more than `longest` characters, a sentence that ends as such twice as many.
    """
    lines = split_lines(text)
    whole = [line for line in lines if line.kind in ("row", "furniture")]  # no sentence ends inside of these
    cuts = {len(text), *(at for line in whole for at in (line.start, line.end)), *(x.end for x in lines if x.last)}
    starts = [line.start for line in whole]
    for _, end in sentences(text):
        i = bisect_left(starts, end) - 1
        if i < 0 or end >= whole[i].end:
            cuts.add(end)
    units: list[Unit] = []
    start, n = 0, 0
    for cut in sorted(cuts):
        for left, right in _pieces(text, start, cut, longest):
            piece = text[left:right]
            if body := piece.strip():
                left += len(piece) - len(piece.lstrip())
                while lines[n].end <= left:
                    n += 1
                units.append(Unit(left, left + len(body), _kind(body, left, lines[n])))
        start = cut
    following = [*(unit.kind for unit in units), ""]
    return tuple(_see_lead(text, unit, following[i + 1]) for i, unit in enumerate(units))


def _see_lead(text: str, unit: Unit, following: str) -> Unit:
    """A fragment in front of a list leads on to it, though no colon says so, where it is more than a label."""
    leads = unit.kind == "fragment" and following == "item" and len(text[unit.start : unit.end].split()) >= LEAD_WORDS
    return Unit(unit.start, unit.end, "sentence") if leads else unit


def _kind(body: str, start: int, line: Line) -> str:
    """The kind of a unit that begins in this line."""
    if line.kind in ("row", "furniture") or (line.kind and (start, start + len(body)) == (line.start, line.end)):
        return line.kind
    if wraps.ITEM.match(body):
        return "item"
    return "sentence" if wraps.ENDED.search(body) else "fragment"


def _pieces(text: str, start: int, end: int, longest: int) -> list[tuple[int, int]]:
    """text[start:end] in pieces that are short enough, cut between a row's cells or between words."""
    pieces = []
    while end - start > (2 * longest if wraps.ENDED.search(text, max(start, end - 20), end) else longest):
        half = start + longest // 2
        cell = text.rfind(" | ", half, start + longest) + 1
        space = cell or max(text.rfind(blank, half, start + longest) for blank in " \n\t")
        cut = space if space > 0 else start + longest
        pieces.append((start, cut))
        start = cut
    return [*pieces, (start, end)]
