"""A document's fields as every store can hold them: flat, with paths for what was nested, and plain values.

A value is text, a whole number of 64 bits, a finite number or a truth value; a field holds one or several. Dates are
written as ISO 8601 has them. Anything else is kept as text, and said so. Null and an empty list are no values.
"""

from __future__ import annotations

import math
import re
import reprlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import date, time
from decimal import Decimal
from itertools import islice
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

from rag.text.access import take_access

if TYPE_CHECKING:
    from rag.types import Value, Values

MOST = 1000  # values of a document: each of its chunks carries them all
DEEPEST = 16  # levels of nesting
_STEPS = 100 * MOST  # a few lines of YAML can nest more lists than anybody could look into
_NESTED = (Mapping, list, tuple, set, frozenset)
_SURROGATES = re.compile("[\ud800-\udfff]")


class Digits(str):
    """A number as it is written, too large for any type or none at all (NaN)."""


def flatten(fields: Mapping[str, object]) -> tuple[dict[str, Values], list[str]]:
    """The fields by path, and in words what could not be held as it is, each once.

    `access` is kept as `rag.text.access` has it: a tuple of groups, which may be empty.
    Example: {"by": {"name": "Ada"}, "tags": ["a", "b"]} gives {"by.name": "Ada", "tags": ("a", "b")} and [].
    """
    others, access, problem = take_access(fields)
    found: dict[str, list[Value]] = {}
    problems: dict[str, None] = dict.fromkeys([problem] * bool(problem))
    walk = _walk("", others, 0)
    leaves = filter(None, islice(walk, _STEPS))
    for path, value in islice(leaves, MOST):
        plain, problem = _plain(value)
        found.setdefault(path, []).append(plain)
        if problem:
            problems[f"the field {path[:100]} holds {problem}, kept as text"] = None
    if any(leaves) or any(True for _ in walk):
        problems[f"its fields hold more than {MOST:,} values, of which the first are kept"] = None
    flat: dict[str, Values] = {path: values[0] if len(values) == 1 else tuple(values) for path, values in found.items()}
    return flat | access, list(problems)


def from_json(fields: Mapping[str, Any]) -> dict[str, Values]:
    """Flat fields that were written as JSON, which has no tuples."""
    return {path: tuple(value) if isinstance(value, list) else value for path, value in fields.items()}


def encodable(text: str) -> str:
    """The text with a mark in place of what UTF-8 cannot write: lone surrogates."""
    return text if text.isascii() else _SURROGATES.sub("\ufffd", text)


def _walk(path: str, value: object, depth: int) -> Iterator[tuple[str, object] | None]:
    """Each plain value with its path, and None for each step on the way to one."""
    yield None
    if isinstance(value, _NESTED) and depth < DEEPEST:
        items = sorted(value, key=str) if isinstance(value, set | frozenset) else value
        inner = value.items() if isinstance(value, Mapping) else ((None, item) for item in items)
        for key, item in inner:
            name = path if key is None else encodable(f"{path}.{key}" if path else str(key))
            yield from _walk(name, item, depth + 1)
    elif value is not None:
        yield path, value


def _plain(value: object) -> tuple[Value, str]:
    """A value as it can be held, and what it was if that is another."""
    if isinstance(value, Digits):
        return str(value), "a number out of range"
    if isinstance(value, str):
        return encodable(str.__str__(value)), ""
    if isinstance(value, bool):
        return value, ""
    if isinstance(value, date | time):
        return value.isoformat(), ""
    if isinstance(value, Decimal) and value.is_finite() and value.adjusted() < 19:
        value = int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, Integral):
        whole = int(value)
        return (whole, "") if -(2**63) <= whole < 2**63 else (_digits(whole), "a whole number of over 64 bits")
    if isinstance(value, Real) and math.isfinite(value):
        return float(value), ""
    what = "a number out of range" if isinstance(value, Real | Decimal) else f"a {type(value).__name__}"
    return encodable(reprlib.repr(value) if isinstance(value, _NESTED) else str(value)), what


def _digits(value: int) -> str:
    """In decimal digits, or, beyond what Python writes so, in hexadecimal ones."""
    with suppress(ValueError):
        return str(value)
    return hex(value)
