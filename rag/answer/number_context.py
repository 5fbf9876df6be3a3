"""Do the numbers of a statement stand where the evidence has them, or where it has another one?

A number is displaced when the words on both of its sides agree for longer with those around another number of the
evidence than with those around the same one: "from 1998 to 1990" against "from 1990 to 1998". Other numbers nearby
count as alike, for they may be exchanged too. It takes both sides, so that a shortened or turned sentence passes.
Dates are first brought into one order. What it does not do: see through a paraphrase of both sides.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import takewhile

from rag.text.words import Token, tokens

FAR = 8  # words compared on each side

_MONTH = r"(?P<month>(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*\.?)"
_ORDERS = (
    re.compile(r"\b(?P<year>\d{4})\s+" + _MONTH + r"\s+(?P<day>\d{1,2})\b"),
    re.compile(_MONTH + r"\s+(?P<day>\d{1,2})(?:st|nd|rd|th)?\b(?!,\d)(?P<year>,?\s+\d{4}\b)?"),
)


def order_dates(text: str) -> list[Token]:
    """The tokens of a text, with every date as day, month, year."""
    for order in _ORDERS:
        text = order.sub(lambda date: f"{date['day']} {date['month']} {date['year'] or ''}", text)
    return tokens(text)


def has_displaced_number(statement: Sequence[Token], evidence: Sequence[Sequence[Token]]) -> bool:
    """Whether a number of the statement stands where the evidence has another number."""
    shape = _shape(statement)
    places = [(token.key, *_sides(_shape(part), i)) for part in evidence for i, token in _numbers(part)]
    for i, token in _numbers(statement):
        left, right = _sides(shape, i)
        agree = [(key, _common(left, before), _common(right, after)) for key, before, after in places]
        own = [(before, after) for key, before, after in agree if key == token.key]
        most = max((b for b, _ in own), default=0), max((a for _, a in own), default=0)
        if any(key != token.key and b > most[0] and a > most[1] for key, b, a in agree):
            return True
    return False


def _numbers(found: Sequence[Token]) -> Iterator[tuple[int, Token]]:
    return ((i, token) for i, token in enumerate(found) if token.kind == "number")


def _shape(found: Sequence[Token]) -> list[str]:
    """The stems of tokens between two marks, any number as #."""
    return ["^", *("#" if token.kind == "number" else token.stem for token in found), "$"]


def _sides(shape: Sequence[str], i: int) -> tuple[Sequence[str], Sequence[str]]:
    """What stands before and after token i, nearest first."""
    return shape[max(0, i + 1 - FAR) : i + 1][::-1], shape[i + 2 : i + 2 + FAR]


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """How many items two sequences share from their start."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
