"""The characters of a page as PDFium counts them, and the boxes of any of them."""

from __future__ import annotations

import ctypes
import re
from collections import deque
from collections.abc import Sequence
from itertools import repeat
from typing import Any, TypeAlias

import pypdfium2.raw as pdfium

from rag_connectors.pdf.boxes import Box

Sides: TypeAlias = Sequence[list[float]]  # all lefts, tops, rights and bottoms

HYPHEN = "\ufffe"  # what PDFium gives for a hyphen at the end of a line; the next line follows it at once
_ALEF_LAM = re.compile("[\u0622\u0623\u0625\u0627]\u0644")
_BLOCK = 4096  # characters whose boxes are read at a time
_BOXES = (pdfium.FS_RECTF * _BLOCK)()
_PLACES = list(_BOXES)


def characters(text_page: Any) -> str:
    """One character for each that PDFium counts."""
    count = max(0, pdfium.FPDFText_CountChars(text_page))
    buffer = (ctypes.c_ushort * (count + 1))()
    length = pdfium.FPDFText_GetText(text_page, 0, count, buffer) - 1
    text = bytes(buffer)[: 2 * max(0, length)].decode("utf-16-le", "replace")
    if len(text) == count:
        return text
    codes = map(pdfium.FPDFText_GetUnicode, repeat(text_page), range(count))  # some are left out, or take two units
    return "".join(chr(code) if code <= 0x10FFFF else "\0" for code in codes).replace("\2", HYPHEN)


def sides_of(text_page: Any, at: Sequence[int]) -> Sides:
    """All lefts, tops, rights and bottoms of characters, with the room that their font gives them."""
    found: list[float] = []
    for block in range(0, len(at), _BLOCK):
        some = at[block : block + _BLOCK]
        deque(map(pdfium.FPDFText_GetLooseCharBox, repeat(text_page), some, _PLACES), maxlen=0)
        found += memoryview(_BOXES).cast("B").cast("f")[: 4 * len(some)].tolist()
    return [found[side::4] for side in range(4)]


def boxes_of(text_page: Any, at: Sequence[int]) -> list[Box]:
    """Left, top, right and bottom of each character."""
    return list(zip(*sides_of(text_page, at), strict=True))


def ligatures_apart(text_page: Any, text: str) -> str:
    """Lam with alef, one sign, in the order they are read: PDFium turns their two letters round with the line."""
    starts = [match.start() for match in _ALEF_LAM.finditer(text)]
    letters = list(text)
    for at, a, b in zip(
        starts, boxes_of(text_page, starts), boxes_of(text_page, [at + 1 for at in starts]), strict=True
    ):
        if a == b:
            letters[at], letters[at + 1] = letters[at + 1], letters[at]
    return "".join(letters)
