"""Words of a page that PDFium glued: parted where a gap is inside, a sign before digits that stand high."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any

from rag_connectors.pdf.boxes import Box
from rag_connectors.pdf.letters import boxes_of
from rag_connectors.pdf.mending import SPACE

_GLUED = re.compile(r"\w{16}|\d[^\W\d_]{3}|[^\W\d_]{3}\d|[a-z][A-Z]|\d{5,}[./-]|[./-]\d{5}|\.\d\d[$€£]|\.\d{3,}\.")
_DATES = re.compile(r"(?:\d{1,4}[-/.]\d{1,2}[-/.]\d{2,4}){2}")  # of two columns
_AMOUNTS = re.compile(r"(?:[$€£]?\d{1,3}(?:,?\d{3})*\.\d\d){2}")
_AMOUNT = re.compile(r"\.\d\d(?=[$€£\d])")
_NUMBER = re.compile(r"\d[+\-\u2212\u2013]?\d{1,2}(?![^\s.,;:)\]])")
_SMALL, _HIGH = 0.85, 0.15  # heights of raised digits, and of what they stand above the others


@lru_cache(maxsize=1 << 14)
def may_be_glued(token: str) -> bool:
    """Whether a token looks like two words: its gaps tell."""
    return bool(_GLUED.search(token))


def raise_digits(text_page: Any, text: str, starts: Sequence[int], texts: list[str]) -> set[int]:
    """Put a sign before digits that stand small and high behind others, in place: 10^6 is not 106. Which texts have it.

    `starts` is where each of the `texts` begins in `text`.
    """
    raised: set[int] = set()
    numbers = list(_NUMBER.finditer(text))
    first = boxes_of(text_page, [number.start() for number in numbers])
    last = boxes_of(text_page, [number.end() - 1 for number in numbers])
    for number, a, z in zip(numbers, first, last, strict=True):
        if not _is_raised(a, z):
            continue
        at = number.start() + next(
            i for i, box in enumerate(boxes_of(text_page, range(*number.span()))) if _is_raised(a, box)
        )
        token = bisect_right(starts, at) - 1
        inside = at - starts[token]
        texts[token] = f"{texts[token][:inside]}^{texts[token][inside:]}"
        raised.add(token)
    return raised


def _is_raised(box: Box, other: Box) -> bool:
    """Whether the other letter's box (left, top, right, bottom) is smaller, and ends higher."""
    height = abs(box[1] - box[3])
    return abs(other[1] - other[3]) < _SMALL * height and min(other[1], other[3]) > min(box[1], box[3]) + _HIGH * height


def part(text_page: Any, text: str, start: int) -> list[tuple[str, Box, Box]]:
    """The words of a token that has gaps inside, with the boxes of their first and last letters."""
    boxes = boxes_of(text_page, range(start, start + len(text)))
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
