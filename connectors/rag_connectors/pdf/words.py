"""The words of a page with their boxes, by PDFium, as runs: words that follow each other without a wide gap.

PDFium puts spaces where letters stand apart and leaves out the second copy of a letter that is printed twice to look
bold. What it gets wrong is mended here from the boxes: words without a gap between them are one, spaced letters are a
word, a long word with a gap inside is two. Boxes are in points from the top left corner of the page as it is shown; of
a page written sideways or downwards, as it is read.
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable, Sequence
from itertools import chain, pairwise, repeat
from typing import Any, NamedTuple, TypeAlias

import pypdfium2.raw as pdfium

WIDE = 0.9  # gap, in heights of a word, that parts cells and columns rather than words
_TOUCHING = 0.04
_SPACE = 0.12  # a gap that people see
_SPACED = 0.7  # the widest between spaced letters of one word
_CLOSING = ",.;:)]}!?%’”»"
_HYPHEN = "\ufffe"  # what PDFium gives for a hyphen at the end of a line; the next line follows it at once
_TOKEN = re.compile(rf"[^\s\0{_HYPHEN}]+|[\n{_HYPHEN}]")
_GLUED = re.compile(r"\w{16}|\d[^\W\d_]{3}|[^\W\d_]{3}\d|[a-z][A-Z]|\d{5,}[./-]|[./-]\d{5}")
_DATES = re.compile(r"(?:\d{1,4}[-/.]\d{1,2}[-/.]\d{2,4}){2}")  # of two columns
RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
_ALEF_LAM = re.compile("[\u0622\u0623\u0625\u0627]\u0644")
UNSPACED = re.compile("[\u2e80-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef]")  # scripts with no spaces
_BLOCK = 4096  # characters whose boxes are read at a time
_BOXES = (pdfium.FS_RECTF * _BLOCK)()
_PLACES = list(_BOXES)


Box: TypeAlias = Sequence[float]  # in the space of the file, where top is more than bottom


class Word(NamedTuple):
    """Text with its box in points; `top` is less than `bottom`, `height` is never zero."""

    left: float
    top: float
    right: float
    bottom: float
    text: str
    height: float = 1.0


def word(left: float, top: float, right: float, bottom: float, text: str) -> Word:
    """A word with the height that its box has."""
    height = bottom - top
    return Word(left, top, right, bottom, text, height if height > 1.0 else 1.0)


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
        return word(*_turned(box, self.edges, self.turns), text)


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
        runs: list[list[Word]] = [[]]
        for token, a, z in zip(tokens, first, last, strict=True):
            shown = token[0]
            if shown == "\n":
                runs.append([])
            elif shown == _HYPHEN:
                if runs[-1]:
                    runs[-1][-1] = runs[-1][-1]._replace(text=runs[-1][-1].text + "-")
                runs.append([])
            elif _GLUED.search(shown):
                parts = _parted(text_page, token)
                runs[-1] += [word(*_turned(_around(p, q), edges, turns), part) for part, p, q in parts]
            else:
                runs[-1].append(word(*_turned(_around(a, z), edges, turns), shown))
    finally:
        pdfium.FPDFText_ClosePage(text_page)
    upright: list[list[Word]] = []
    aside: list[list[Word]] = []
    for run in filter(None, runs):
        (aside if _across(run) else upright).append(run)
    gap = _gap_of_any if leftwards else _gap
    return PageWords(_mended(upright, gap), aside, edges, turns)


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


def _around(a: Box, z: Box) -> tuple[float, float, float, float]:
    """Left, bottom, right, top of two boxes. Without min and max, which take a third of the time of a page."""
    left, top, right, bottom = a
    if z[0] < left:
        left = z[0]
    if z[1] > top:
        top = z[1]
    if z[2] > right:
        right = z[2]
    if z[3] < bottom:
        bottom = z[3]
    return left, bottom, right, top


def _turned(box: Box, edges: Box, turns: int) -> tuple[float, float, float, float]:
    """The box on the page turned clockwise: a page that is shown turned, or words that run down it."""
    (left, bottom, right, top), (page_left, page_bottom, page_right, page_top) = box, edges
    if turns == 0:
        return left - page_left, page_top - top, right - page_left, page_top - bottom
    if turns == 1:
        return bottom - page_bottom, left - page_left, top - page_bottom, right - page_left
    if turns == 2:
        return page_right - right, bottom - page_bottom, page_right - left, top - page_bottom
    return page_top - top, page_right - right, page_top - bottom, page_right - left


def _parted(text_page: Any, token: re.Match[str]) -> list[tuple[str, Box, Box]]:
    """The words of a token that has gaps inside, with the boxes of their first and last letters."""
    text, start = token[0], token.start()
    boxes = _boxes(text_page, range(start, token.end()))
    height = max(abs(boxes[0][1] - boxes[0][3]), 1.0)
    gaps = [b[0] - a[2] for a, b in pairwise(boxes)]
    usual = sorted(gaps)[len(gaps) // 2]
    inside = [i + 1 for i, gap in enumerate(gaps) if gap - usual > _SPACE * height]
    if not inside and _DATES.fullmatch(text):
        inside = [len(text) // 2]
    cuts = [0, *inside, len(text)]
    return [(text[a:z], boxes[a], boxes[z - 1]) for a, z in pairwise(cuts)]


def _across(run: Sequence[Word]) -> bool:
    """Whether the words run down or up the page."""
    return any(one.height > 2 * (one.right - one.left) and len(one.text) > 3 for one in run)


def _gap(a: Word, b: Word) -> float:
    """The white space between two words of a run, in heights; negative where they do not follow each other."""
    return (b.left - a.right) / (a.height if a.height > b.height else b.height)


def _gap_of_any(a: Word, b: Word) -> float:
    """The same on a page that has words written from right to left."""
    leftwards = b.left < a.left and RIGHT_TO_LEFT.search(a.text + b.text)
    return _gap(b, a) if leftwards else _gap(a, b)


def _mended(runs: Sequence[list[Word]], gap: Callable[[Word, Word], float]) -> list[list[Word]]:
    """The runs with torn words whole, cut where a wide gap is or the line jumps."""
    gaps = [list(map(gap, run, run[1:])) for run in runs]
    sizes = sorted(chain.from_iterable(gaps))
    tells = len(sizes) > 3 and sizes[len(sizes) * 9 // 10] > _SPACE  # else the widths of the font are wrong
    found: list[list[Word]] = []
    for run, distances in zip(runs, gaps, strict=True):
        whole = [run[0]]
        for own, distance in zip(run[1:], distances, strict=True):
            before = whole[-1]
            if abs(distance) > WIDE or abs(own.top + own.bottom - before.top - before.bottom) > before.height:
                found.append(whole)
                whole = [own]
            elif tells and abs(distance) < (_SPACE if own.text[0] in _CLOSING else _TOUCHING):
                whole[-1] = joined([before, own], "")
            else:
                whole.append(own)
        found.append(whole)
    return [_unspaced(run, gap) for run in found]


def _unspaced(run: list[Word], gap: Callable[[Word, Word], float]) -> list[Word]:
    """The run with its spaced letters as words, if it has hardly anything else."""
    if len(run) < 4 or sum(len(one.text) == 1 and one.text.isalpha() for one in run) < max(4, 0.8 * len(run)):
        return run
    gaps = list(map(gap, run, run[1:]))
    least = min(gaps)
    between = least * 1.6 if max(gaps) > least * 1.6 else _SPACED
    if least < 0 or between > _SPACED:
        return run
    words = [[run[0]]]
    for letter, distance in zip(run[1:], gaps, strict=True):
        if distance > between:
            words.append([])
        words[-1].append(letter)
    return [joined(letters, "") for letters in words]


def joined(words: Sequence[Word], between: str = " ") -> Word:
    """Words as one; `between` them is left out where the script has no spaces."""
    if len(words) == 1:
        return words[0]
    lefts, tops, rights, bottoms, texts, _ = zip(*words, strict=True)
    text = between.join(texts)
    if between and not text.isascii():
        text = texts[0]
        for a, b in pairwise(texts):
            text += ("" if UNSPACED.match(a[-1]) and UNSPACED.match(b[0]) else between) + b
    return word(min(lefts), min(tops), max(rights), max(bottoms), text)
