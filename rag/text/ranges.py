"""Numbers and dates in order: whether a value lies in a `Range`. Pure.

A number is compared with numbers, a date with dates. Texts that are written as one count as one; truth values and other
texts have no order. Numbers are compared as floats of 64 bits, dates by their instant, in UTC where they name no zone.
A bound that names a year, a month or a day is all of it, as it is in a sentence: up to 2024 is up to its last second,
after 2024-05 begins in June. As a bound, 2024 is a number and a year.
"""

import calendar
import math
import operator
import re
import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, date, datetime
from typing import Literal, NamedTuple

from rag.types import Range, Value

NUMBER, DATE = "#", "@"
DAY = 86_400.0  # seconds
Sign = Literal[">=", ">", "<=", "<"]
SIGNS: Mapping[Sign, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    ">": operator.gt,
    "<=": operator.le,
    "<": operator.lt,
}
BOUNDS: Mapping[str, Sign] = {"least": ">=", "above": ">", "most": "<=", "below": "<"}  # of the fields of a `Range`

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_DATE = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?", re.ASCII)
_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d.*", re.ASCII)


class Period(NamedTuple):
    """From `first` to before `end`, numbers or seconds; an instant, and a number, where the two are the same."""

    kind: str
    first: float
    end: float


def place(value: Value) -> tuple[str, float] | None:
    """The kind of a document's value, and where it stands among its like; None where it has no order."""
    return next(((kind, first) for kind, first, _ in _read(value)), None)


def limits(range: Range) -> dict[str, list[tuple[Sign, float]]]:
    """For each kind that all bounds are of, what a value's place must be: pairs of sign and number.

    Nothing where a bound has no order, or where two are of different kinds.
    """
    given = {sign: value for name, sign in BOUNDS.items() if (value := getattr(range, name)) is not None}
    found: dict[str, list[tuple[Sign, float]]] = {NUMBER: [], DATE: []}
    for sign, value in given.items():
        periods = {period.kind: period for period in _read(value)}
        found = {kind: [*own, _limit(sign, periods[kind])] for kind, own in found.items() if kind in periods}
    return found


def in_range(value: Value, range: Range) -> bool:
    """Whether a document's value lies in a range."""
    if (found := place(value)) is None:
        return False
    own = limits(range).get(found[0])
    return own is not None and all(SIGNS[sign](found[1], limit) for sign, limit in own)


def sort_key(place: float) -> tuple[int, int]:
    """Two whole numbers of 32 bits that are ordered as floats are: engines keep and compare them exactly."""
    [bits] = struct.unpack(">Q", struct.pack(">d", place + 0.0))  # -0.0 is 0.0
    ordered = bits ^ (0xFFFF_FFFF_FFFF_FFFF if bits >> 63 else 1 << 63)
    return ordered >> 32, ordered & 0xFFFF_FFFF


def _limit(sign: Sign, period: Period) -> tuple[Sign, float]:
    if period.first == period.end or sign in (">=", "<"):
        return sign, period.first
    return (">=" if sign == ">" else "<"), period.end


def _read(value: Value) -> Iterator[Period]:
    """What a value is: first as it stands in a document, then what else it may be as a bound."""
    if isinstance(value, bool):
        return
    text = value.strip() if isinstance(value, str) else str(value) if abs(value) < 10_000 else ""
    if not isinstance(value, str) or _NUMBER.fullmatch(text):
        number = _float(text if isinstance(value, str) else value)
        if not math.isnan(number):
            yield Period(NUMBER, number, number)
    with suppress(ValueError):  # the 30th of February
        if match := _DATE.fullmatch(text):
            yield _period(*(int(part) if part else 0 for part in match.groups()))
        elif _TIME.fullmatch(text):
            instant = _seconds(datetime.fromisoformat(text))
            yield Period(DATE, instant, instant)


def _float(value: str | int | float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf  # type: ignore[operator]  # a whole number


def _period(year: int, month: int, day: int) -> Period:
    """A year, one of its months where that is not 0, or a day of one."""
    first = date(year, month or 1, day or 1).toordinal()
    last = date(year, month or 12, day or calendar.monthrange(year, month or 12)[1]).toordinal()
    return Period(DATE, first * DAY, (last + 1) * DAY)


def _seconds(at: datetime) -> float:
    """Since the first day of the calendar."""
    offset = (at.utcoffset() if at.tzinfo else None) or UTC.utcoffset(None)
    since = at.hour * 3600 + at.minute * 60 + at.second + at.microsecond / 1e6
    return at.toordinal() * DAY + since - offset.total_seconds()
