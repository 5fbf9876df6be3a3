"""Words with their boxes, in points from the top left corner of the page as it is read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple, TypeAlias

RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
UNSPACED = re.compile("[\u2e80-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef]")  # scripts with no spaces

_WIDE_LATIN = re.compile("[\uff21-\uff3a\uff41-\uff5a]{2}")
BACK, DOWN = 4, 5  # in place of quarter turns: the page is seen in a mirror beside it, or below it

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


def joined(words: Sequence[Word], between: str = " ") -> Word:
    """Words as one; `between` them is left out where the script has no spaces."""
    if len(words) == 1:
        return words[0]
    lefts, tops, rights, bottoms, texts, _ = zip(*words, strict=True)
    text = between.join(texts)
    if between and not text.isascii():
        text = texts[0]
        for a, b in pairwise(texts):
            glued = UNSPACED.match(a[-1]) and UNSPACED.match(b[0]) and not _WIDE_LATIN.match(a[-1] + b[0])
            text += ("" if glued else between) + b
    return word(min(lefts), min(tops), max(rights), max(bottoms), text)


def around(a: Box, z: Box) -> tuple[float, float, float, float]:
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


def turned(box: Box, edges: Box, turns: int) -> tuple[float, float, float, float]:
    """The box on the page turned clockwise (a page that is shown turned, or words that run down it) or mirrored."""
    (left, bottom, right, top), (page_left, page_bottom, page_right, page_top) = box, edges
    if turns == 0:
        return left - page_left, page_top - top, right - page_left, page_top - bottom
    if turns == 1:
        return bottom - page_bottom, left - page_left, top - page_bottom, right - page_left
    if turns == 2:
        return page_right - right, bottom - page_bottom, page_right - left, top - page_bottom
    if turns == 3:
        return page_top - top, page_right - right, page_top - bottom, page_right - left
    if turns == BACK:
        return page_right - right, page_top - top, page_right - left, page_top - bottom
    return left - page_left, bottom - page_bottom, right - page_left, top - page_bottom
