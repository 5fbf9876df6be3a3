"""The words of a page with their boxes, by PDFium, as runs: words that follow each other without a wide gap.

PDFium puts spaces where letters stand apart and leaves out the second copy of a letter that is printed twice to look
bold. What it gets wrong is mended from the boxes: a long word with a gap inside is two; the rest is in `mending.py`.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import pypdfium2.raw as pdfium

from rag_connectors.pdf.boxes import BACK, DOWN, RIGHT_TO_LEFT, Box, Word, around, turned, word
from rag_connectors.pdf.glued import GLUED, part, raise_digits
from rag_connectors.pdf.letters import HYPHEN, boxes_of, characters, ligatures_apart
from rag_connectors.pdf.mending import mended, once

_TOKEN = re.compile(rf"[^\s\0{HYPHEN}]+|[\n{HYPHEN}]")
_TELLING = 200  # words of a page that tell where up is


class PageWords(NamedTuple):
    """The runs of a page in the order of its content, and those that stand across the others.

    `edges` are those of the page in the file (left, bottom, right, top), `turns` how often it was turned to be read, or
    how it was mirrored (`boxes.turned`).
    """

    runs: list[list[Word]]
    aside: list[list[Word]]
    edges: Box
    turns: int

    @property
    def height(self) -> float:
        """Of the page as it is read, in points."""
        return self.edges[2] - self.edges[0] if self.turns % 2 else self.edges[3] - self.edges[1]

    def place(self, box: Box, text: str) -> Word:
        """Text that stands in a box of the file (left, bottom, right, top)."""
        return word(*turned(box, self.edges, self.turns), text)


def read_words(page: Any) -> PageWords:
    """The words of a page: a handle of PDFium."""
    text_page = pdfium.FPDFText_LoadPage(page)
    try:
        text = characters(text_page)
        leftwards = bool(RIGHT_TO_LEFT.search(text))
        text = ligatures_apart(text_page, text) if leftwards else text
        tokens = list(_TOKEN.finditer(text))
        spans = [token.span() for token in tokens]
        first = boxes_of(text_page, [start for start, _ in spans])
        last = boxes_of(text_page, [end - 1 for _, end in spans])
        corners = pdfium.FS_RECTF()
        pdfium.FPDF_GetPageBoundingBox(page, corners)
        edges = corners.left, corners.bottom, corners.right, corners.top
        turns = _turns(spans, first, last, pdfium.FPDFPage_GetRotation(page))
        if turns == 0 and not leftwards:
            turns = _seen_from(text_page, text, spans, first, last)
        texts, starts = [token[0] for token in tokens], [start for start, _ in spans]
        raise_digits(text_page, text, starts, texts)
        found = _words(texts, first, last, edges, turns)
        for glued in {bisect_right(starts, match.start()) - 1 for match in GLUED.finditer(text)}:
            if texts[glued] == tokens[glued][0]:  # else it has its sign
                parts = part(text_page, tokens[glued])
                found[glued] = [word(*turned(around(p, q), edges, turns), shown) for shown, p, q in parts]
        runs = _runs(texts, found)
    finally:
        pdfium.FPDFText_ClosePage(text_page)
    upright: list[list[Word]] = []
    aside: list[list[Word]] = []
    for run in once(runs):
        (aside if _across(run) else upright).append(run)
    return PageWords(mended(upright, leftwards=leftwards), aside, edges, turns)


def _words(
    texts: Sequence[str], first: Sequence[Box], last: Sequence[Box], edges: Box, turns: int
) -> list[Word | list[Word]]:
    """A word for each text, from the boxes of its first and last letters. By columns: words are many."""
    if not texts:
        return []
    ends = [(list(a), list(z)) for a, z in zip(zip(*first, strict=True), zip(*last, strict=True), strict=True)]
    lows = [[a if a < z else z for a, z in zip(*side, strict=True)] for side in (ends[0], ends[3])]
    highs = [[a if a > z else z for a, z in zip(*side, strict=True)] for side in (ends[2], ends[1])]
    (lefts, bottoms), (rights, tops) = lows, highs
    left, bottom, right, top = edges
    if turns == 0:
        sides = (
            [x - left for x in lefts],
            [top - y for y in tops],
            [x - left for x in rights],
            [top - y for y in bottoms],
        )
    elif turns == 1:
        sides = (
            [y - bottom for y in bottoms],
            [x - left for x in lefts],
            [y - bottom for y in tops],
            [x - left for x in rights],
        )
    elif turns == 2:
        sides = (
            [right - x for x in rights],
            [y - bottom for y in bottoms],
            [right - x for x in lefts],
            [y - bottom for y in tops],
        )
    elif turns == 3:
        sides = (
            [top - y for y in tops],
            [right - x for x in rights],
            [top - y for y in bottoms],
            [right - x for x in lefts],
        )
    elif turns == BACK:
        sides = (
            [right - x for x in rights],
            [top - y for y in tops],
            [right - x for x in lefts],
            [top - y for y in bottoms],
        )
    else:
        sides = (
            [x - left for x in lefts],
            [y - bottom for y in bottoms],
            [x - left for x in rights],
            [y - bottom for y in tops],
        )
    heights = [high if high > 1.0 else 1.0 for high in (b - t for t, b in zip(sides[1], sides[3], strict=True))]
    return list(map(Word, *sides, texts, heights))


def _runs(texts: Sequence[str], found: Sequence[Word | list[Word]]) -> list[list[Word]]:
    """The words of each line, which a line break or a hyphen at its end closes."""
    runs: list[list[Word]] = [[]]
    run = runs[0]
    for text, one in zip(texts, found, strict=True):
        if text == "\n" or text == HYPHEN:
            if text == HYPHEN and run:
                run[-1] = run[-1]._replace(text=run[-1].text + "-")
            run = []
            runs.append(run)
        elif isinstance(one, Word):
            run.append(one)
        else:
            run += one
    return runs


def _turns(spans: Sequence[tuple[int, int]], first: Sequence[Box], last: Sequence[Box], shown: int) -> int:
    """Quarter turns clockwise after which most words run from left to right; as the page is `shown` if none tells."""
    directions = []
    step = 1 + len(spans) // _TELLING
    for (start, end), a, z in zip(spans[::step], first[::step], last[::step], strict=True):
        if end - start > 2:
            along, rise = z[2] + z[0] - a[2] - a[0], z[1] + z[3] - a[1] - a[3]
            directions.append(0 if abs(along) >= abs(rise) else 1 if rise > 0 else 3)
    if not directions:
        return shown
    most = max((0, 1, 3), key=directions.count)
    return 2 if most == 0 and shown == 2 else most


def _seen_from(
    text_page: Any, text: str, spans: Sequence[tuple[int, int]], first: Sequence[Box], last: Sequence[Box]
) -> int:
    """How a page is turned or mirrored whose words run along it: 0, 2, BACK or DOWN.

    Letters that run to the left are turned round, or mirrored if lines go down all the same. Letters that stand on
    their head and run to the right are mirrored if lines go up: there are fonts whose letters are drawn head down.
    """
    step = 1 + len(spans) // _TELLING
    sample = range(0, len(spans), step)
    along = sum((last[n][0] > first[n][0]) - (last[n][0] < first[n][0]) for n in sample)
    lines = [first[n + 1] for n in range(len(spans) - 1) if text[spans[n][0]] == "\n"]
    down = sum((b[1] < a[1]) - (b[1] > a[1]) for a, b in pairwise(lines))
    if along < 0:
        return BACK if down > 0 or not lines else 2
    if down >= 0:
        return 0
    matrix = pdfium.FS_MATRIX()
    found = [pdfium.FPDFText_GetMatrix(text_page, spans[n][0], matrix) and matrix.d < 0 for n in sample]
    return DOWN if 2 * sum(map(bool, found)) > len(found) else 0


def _across(run: Sequence[Word]) -> bool:
    """Whether the words run down or up the page."""
    return any(one.height > 2 * (one.right - one.left) and len(one.text) > 3 for one in run)
