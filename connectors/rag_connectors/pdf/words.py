"""The words of a page with their boxes, by PDFium, as runs: words that follow each other without a wide gap.

PDFium puts spaces where letters stand apart and leaves out the second copy of a letter that is printed twice to look
bold. What it gets wrong is mended from the boxes: a long word with a gap inside is two; the rest is in `mending.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import groupby, pairwise
from math import pi
from operator import itemgetter
from typing import Any, NamedTuple

import pypdfium2.raw as pdfium

from rag_connectors.pdf.boxes import BACK, DOWN, RIGHT_TO_LEFT, Box, Word, around, turned, word
from rag_connectors.pdf.glued import may_be_glued, part, raise_digits
from rag_connectors.pdf.letters import HYPHEN, Sides, characters, ligatures_apart, sides_of
from rag_connectors.pdf.mending import mended, once

_TOKEN = re.compile(rf"[^\s\0{HYPHEN}]+|[\n{HYPHEN}]")
_WORD: Callable[[Iterable[Any]], Word | list[Word]] = partial(tuple.__new__, Word)  # half the time of `Word(*fields)`
_SLANT = 0.15  # radians; less is a scan that lay askew
_MOST_ASTRAY = 0.25  # of a page's words: where more run another way, it is theirs
_SHORT = 3  # letters
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
        spans = [token.span() for token in _TOKEN.finditer(text)]
        texts = [text[start:end] for start, end in spans]
        starts = [start for start, _ in spans]
        first = sides_of(text_page, starts)
        last = sides_of(text_page, [end - 1 for _, end in spans])
        corners = pdfium.FS_RECTF()
        pdfium.FPDF_GetPageBoundingBox(page, corners)
        edges = corners.left, corners.bottom, corners.right, corners.top
        turns = _turns(spans, first, last, pdfium.FPDFPage_GetRotation(page))
        if turns == 0 and not leftwards:
            turns = _seen_from(text_page, texts, starts, first, last)
        doubtful = {text for text in set(texts) if not text.islower() or not text.isalpha() or len(text) > 15}
        doubtful = set(filter(may_be_glued, doubtful))
        glued = [n for n, token in enumerate(texts) if token in doubtful]
        raised = raise_digits(text_page, text, starts, texts)
        found = _words(texts, first, last, edges, turns)
        for n in glued:
            if n not in raised:  # else it has its sign
                parts = part(text_page, texts[n], starts[n])
                found[n] = [word(*turned(around(p, q), edges, turns), shown) for shown, p, q in parts]
        runs = _runs(texts, found)
        others = [
            found[n] for n in _other_ways(text_page, spans, first[1], last[1], pi / 2 if turns in (1, 3) else 0.0)
        ]
        astray = {one for one in others if isinstance(one, Word)}
    finally:
        pdfium.FPDFText_ClosePage(text_page)
    upright: list[list[Word]] = []
    aside: list[list[Word]] = []
    for run in once(runs):
        for stands, part_of_run in _apart(run, astray):
            (aside if stands else upright).append(part_of_run)
    return PageWords(mended(upright, leftwards=leftwards), aside, edges, turns)


def _words(texts: Sequence[str], first: Sides, last: Sides, edges: Box, turns: int) -> list[Word | list[Word]]:
    """A word for each text, from the boxes of its first and last letters. By columns: words are many."""
    if turns:
        ends = zip(zip(*first, strict=True), zip(*last, strict=True), texts, strict=True)
        return [word(*turned(around(a, z), edges, turns), text) for a, z, text in ends]
    left, _, _, top = edges
    sides = (
        [(a if a < z else z) - left for a, z in zip(first[0], last[0], strict=True)],
        [top - (a if a > z else z) for a, z in zip(first[1], last[1], strict=True)],
        [(a if a > z else z) - left for a, z in zip(first[2], last[2], strict=True)],
        [top - (a if a < z else z) for a, z in zip(first[3], last[3], strict=True)],
    )
    heights = [high if high > 1.0 else 1.0 for high in (b - t for t, b in zip(sides[1], sides[3], strict=True))]
    return list(map(_WORD, zip(*sides, texts, heights, strict=True)))


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


def _turns(spans: Sequence[tuple[int, int]], first: Sides, last: Sides, shown: int) -> int:
    """Quarter turns clockwise after which most words run from left to right; as the page is `shown` if none tells."""
    directions = []
    for n in range(0, len(spans), 1 + len(spans) // _TELLING):
        if spans[n][1] - spans[n][0] > 2:
            along, rise = (last[a][n] + last[b][n] - first[a][n] - first[b][n] for a, b in ((2, 0), (1, 3)))
            directions.append(0 if abs(along) >= abs(rise) else 1 if rise > 0 else 3)
    if not directions:
        return shown
    most = max((0, 1, 3), key=directions.count)
    return 2 if most == 0 and shown == 2 else most


def _seen_from(text_page: Any, texts: Sequence[str], starts: Sequence[int], first: Sides, last: Sides) -> int:
    """How a page is turned or mirrored whose words run along it: 0, 2, BACK or DOWN.

    Letters that run to the left are turned round, or mirrored if lines go down all the same. Letters that stand on
    their head and run to the right are mirrored if lines go up: there are fonts whose letters are drawn head down.
    """
    lefts, tops, ends = first[0], first[1], last[0]
    sample = range(0, len(texts), 1 + len(texts) // _TELLING)
    along = sum((ends[n] > lefts[n]) - (ends[n] < lefts[n]) for n in sample)
    lines = [tops[n + 1] for n in range(len(texts) - 1) if texts[n] == "\n"]
    down = sum((b < a) - (b > a) for a, b in pairwise(lines))
    if along < 0:
        return BACK if down > 0 or not lines else 2
    if down >= 0:
        return 0
    matrix = pdfium.FS_MATRIX()
    found = [pdfium.FPDFText_GetMatrix(text_page, starts[n], matrix) and matrix.d < 0 for n in sample]
    return DOWN if 2 * sum(map(bool, found)) > len(found) else 0


def _other_ways(
    text_page: Any, spans: Sequence[tuple[int, int]], first: Sequence[float], last: Sequence[float], way: float
) -> list[int]:
    """Which words do not run the way of the page (radians) or against it, as stamps and lines down a margin do.

    `first` and `last` are tops of letters: where they are level, nothing needs to be asked.
    """

    def differs(at: int) -> bool:
        off: float = (pdfium.FPDFText_GetCharAngle(text_page, at) - way) % pi
        return _SLANT < off < pi - _SLANT

    found = [n for n, (a, z) in enumerate(zip(first, last, strict=True)) if a != z and differs(spans[n][0])]
    letters = (n for n, (start, end) in enumerate(spans) if end - start == 1 and differs(start))
    return [*found, *letters] if 0 < len(found) < _MOST_ASTRAY * len(spans) else []


def _apart(run: list[Word], astray: set[Word]) -> Iterator[tuple[bool, list[Word]]]:
    """The run in parts that stand across the page, or do not: PDFium may go on from a line into one down the margin.

    A word whose box does not tell stands as the one before it does.
    """
    stands = [one in astray or _stands(one) for one in run]
    if not any(stands):
        yield False, run
        return
    last = next(across for across in stands if across is not None)
    for n, across in enumerate(stands):
        stands[n] = last = last if across is None else across
    for kind, group in groupby(zip(stands, run, strict=True), key=itemgetter(0)):
        yield bool(kind), [one for _, one in group]


def _stands(one: Word) -> bool | None:
    """Whether a word runs down or up the page; None where its box does not tell."""
    width = one.right - one.left
    if len(one.text) <= _SHORT or width < one.height <= 2 * width:
        return None
    return one.height > 2 * width
