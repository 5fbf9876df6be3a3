"""The words of a page with their boxes, by PDFium, as runs: words that follow each other without a wide gap.

PDFium puts spaces where letters stand apart and leaves out the second copy of a letter that is printed twice to look
bold. What it gets wrong is mended from the boxes: a long word with a gap inside is two; the rest is in `mending.py`.
"""

from __future__ import annotations

import ctypes
import re
from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise, repeat
from typing import Any, NamedTuple

import pypdfium2.raw as pdfium

from rag_connectors.pdf.boxes import RIGHT_TO_LEFT, Box, Word, around, turned, word
from rag_connectors.pdf.mending import SPACE, mended

_HYPHEN = "\ufffe"  # what PDFium gives for a hyphen at the end of a line; the next line follows it at once
_TOKEN = re.compile(rf"[^\s\0{_HYPHEN}]+|[\n{_HYPHEN}]")
_GLUED = re.compile(r"\w{16}|\d[^\W\d_]{3}|[^\W\d_]{3}\d|[a-z][A-Z]|\d{5,}[./-]|[./-]\d{5}|\.\d\d[$€£]|\.\d{3,}\.")
_DATES = re.compile(r"(?:\d{1,4}[-/.]\d{1,2}[-/.]\d{2,4}){2}")  # of two columns
_AMOUNTS = re.compile(r"(?:[$€£]?\d{1,3}(?:,?\d{3})*\.\d\d){2}")
_AMOUNT = re.compile(r"\.\d\d(?=[$€£\d])")
_NUMBER = re.compile(r"\d[+\-\u2212\u2013]?\d{1,2}(?![^\s.,;:)\]])")
_SMALL, _HIGH = 0.85, 0.15  # heights of raised digits, and of what they stand above the others
_ALEF_LAM = re.compile("[\u0622\u0623\u0625\u0627]\u0644")
_BLOCK = 4096  # characters whose boxes are read at a time
_BOXES = (pdfium.FS_RECTF * _BLOCK)()
_PLACES = list(_BOXES)


class PageWords(NamedTuple):
    """The runs of a page in the order of its content, and those that stand across the others.

    `edges` are those of the page in the file (left, bottom, right, top), `turns` how often it was turned to be read.
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
        text = _characters(text_page)
        leftwards = bool(RIGHT_TO_LEFT.search(text))
        text = _ligatures_apart(text_page, text) if leftwards else text
        tokens = list(_TOKEN.finditer(text))
        spans = [token.span() for token in tokens]
        first = _boxes(text_page, [start for start, _ in spans])
        last = _boxes(text_page, [end - 1 for _, end in spans])
        corners = pdfium.FS_RECTF()
        pdfium.FPDF_GetPageBoundingBox(page, corners)
        edges = corners.left, corners.bottom, corners.right, corners.top
        turns = _turns(spans, first, last, pdfium.FPDFPage_GetRotation(page))
        texts = [token[0] for token in tokens]
        _raise(text_page, text, [start for start, _ in spans], texts)
        found = _words(texts, first, last, edges, turns)
        starts = [start for start, _ in spans]
        for glued in {bisect_right(starts, match.start()) - 1 for match in _GLUED.finditer(text)}:
            if texts[glued] != tokens[glued][0]:
                continue
            parts = _parted(text_page, tokens[glued])
            found[glued] = [word(*turned(around(p, q), edges, turns), part) for part, p, q in parts]
        runs = _runs(texts, found)
    finally:
        pdfium.FPDFText_ClosePage(text_page)
    upright: list[list[Word]] = []
    aside: list[list[Word]] = []
    for run in filter(None, runs):
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
    else:
        sides = (
            [top - y for y in tops],
            [right - x for x in rights],
            [top - y for y in bottoms],
            [right - x for x in lefts],
        )
    heights = [high if high > 1.0 else 1.0 for high in (b - t for t, b in zip(sides[1], sides[3], strict=True))]
    return list(map(Word, *sides, texts, heights))


def _raise(text_page: Any, text: str, starts: Sequence[int], texts: list[str]) -> None:
    """Put a sign before digits that stand small and high behind others, in place: 10^6 is not 106."""
    numbers = list(_NUMBER.finditer(text))
    first = _boxes(text_page, [number.start() for number in numbers])
    last = _boxes(text_page, [number.end() - 1 for number in numbers])
    for number, a, z in zip(numbers, first, last, strict=True):
        if not _is_raised(a, z):
            continue
        at = number.start() + next(
            i for i, box in enumerate(_boxes(text_page, range(*number.span()))) if _is_raised(a, box)
        )
        token = bisect_right(starts, at) - 1
        inside = at - starts[token]
        texts[token] = f"{texts[token][:inside]}^{texts[token][inside:]}"


def _is_raised(box: Box, other: Box) -> bool:
    """Whether the other letter's box (left, top, right, bottom) is smaller, and ends higher."""
    height = abs(box[1] - box[3])
    return abs(other[1] - other[3]) < _SMALL * height and min(other[1], other[3]) > min(box[1], box[3]) + _HIGH * height


def _runs(texts: Sequence[str], found: Sequence[Word | list[Word]]) -> list[list[Word]]:
    """The words of each line, which a line break or a hyphen at its end closes."""
    runs: list[list[Word]] = [[]]
    run = runs[0]
    for text, one in zip(texts, found, strict=True):
        if text == "\n" or text == _HYPHEN:
            if text == _HYPHEN and run:
                run[-1] = run[-1]._replace(text=run[-1].text + "-")
            run = []
            runs.append(run)
        elif isinstance(one, Word):
            run.append(one)
        else:
            run += one
    return runs


def _characters(text_page: Any) -> str:
    """One character for each that PDFium counts."""
    count = max(0, pdfium.FPDFText_CountChars(text_page))
    buffer = (ctypes.c_ushort * (count + 1))()
    length = pdfium.FPDFText_GetText(text_page, 0, count, buffer) - 1
    text = bytes(buffer)[: 2 * max(0, length)].decode("utf-16-le", "replace")
    if len(text) == count:
        return text
    codes = map(pdfium.FPDFText_GetUnicode, repeat(text_page), range(count))  # some are left out, or take two units
    return "".join(chr(code) if code <= 0x10FFFF else "\0" for code in codes).replace("\2", _HYPHEN)


def _boxes(text_page: Any, at: Sequence[int]) -> list[Box]:
    found: list[float] = []
    for block in range(0, len(at), _BLOCK):
        some = at[block : block + _BLOCK]
        for _ in map(pdfium.FPDFText_GetLooseCharBox, repeat(text_page), some, _PLACES):
            pass
        found += memoryview(_BOXES).cast("B").cast("f")[: 4 * len(some)].tolist()
    return list(zip(*[iter(found)] * 4, strict=True))


def _ligatures_apart(text_page: Any, text: str) -> str:
    """Lam with alef, one sign, in the order they are read: PDFium turns their two letters round with the line."""
    starts = [match.start() for match in _ALEF_LAM.finditer(text)]
    letters = list(text)
    for at, a, b in zip(starts, _boxes(text_page, starts), _boxes(text_page, [at + 1 for at in starts]), strict=True):
        if a == b:
            letters[at], letters[at + 1] = letters[at + 1], letters[at]
    return "".join(letters)


def _turns(spans: Sequence[tuple[int, int]], first: Sequence[Box], last: Sequence[Box], shown: int) -> int:
    """Quarter turns clockwise after which most words run from left to right; as the page is `shown` if none tells."""
    directions = []
    for (start, end), a, z in zip(spans, first, last, strict=True):
        if end - start > 2:
            along, rise = z[2] + z[0] - a[2] - a[0], z[1] + z[3] - a[1] - a[3]
            directions.append(0 if abs(along) >= abs(rise) else 1 if rise > 0 else 3)
    if not directions:
        return shown
    most = max((0, 1, 3), key=directions.count)
    return 2 if most == 0 and shown == 2 else most


def _parted(text_page: Any, token: re.Match[str]) -> list[tuple[str, Box, Box]]:
    """The words of a token that has gaps inside, with the boxes of their first and last letters."""
    text, start = token[0], token.start()
    boxes = _boxes(text_page, range(start, token.end()))
    height = max(abs(boxes[0][1] - boxes[0][3]), 1.0)
    gaps = [b[0] - a[2] for a, b in pairwise(boxes)]
    usual = sorted(gaps)[len(gaps) // 2]
    inside = [i + 1 for i, gap in enumerate(gaps) if gap - usual > SPACE * height]
    if not inside and _DATES.fullmatch(text):
        inside = [len(text) // 2]
    elif not inside and _AMOUNTS.fullmatch(text):
        inside = [match.end() for match in _AMOUNT.finditer(text)]
    cuts = [0, *inside, len(text)]
    return [(text[a:z], boxes[a], boxes[z - 1]) for a, z in pairwise(cuts)]


def _across(run: Sequence[Word]) -> bool:
    """Whether the words run down or up the page."""
    return any(one.height > 2 * (one.right - one.left) and len(one.text) > 3 for one in run)
