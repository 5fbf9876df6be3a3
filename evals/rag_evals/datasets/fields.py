"""Typed access to the fields of a row. Every function raises ValueError saying which field, and what it should be."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def text(row: Mapping[str, Any], name: str, default: str | None = None) -> str:
    """A text that is not blank; `default` when the field is missing or null, if there is one."""
    value = row.get(name)
    if value is None and default is not None:
        return default
    if not isinstance(value, str) or (default is None and not value.strip()):
        raise ValueError(f"{name!r} is missing" if value in (None, "") else f"{name!r} must be text{_not(value)}")
    return value


def texts(row: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """A text or number, or a list of them, as texts, each once; () when missing or null."""
    value = row.get(name)
    values = value if isinstance(value, list) else [] if value is None else [value]
    if any(not isinstance(item, str | int | float) for item in values):
        raise ValueError(f"{name!r} must be text or a list of texts{_not(value)}")
    return tuple(dict.fromkeys(str(item) for item in values if str(item).strip()))


def flag(row: Mapping[str, Any], name: str, default: bool) -> bool:
    """A truth value, written true or false in a table; `default` when missing, null or empty."""
    value = row.get(name)
    value = value.strip().lower() if isinstance(value, str) else value
    known = {None: default, "": default, True: True, False: False, "true": True, "false": False}
    if not isinstance(value, str | bool | None) or value not in known:
        raise ValueError(f"{name!r} must be true or false{_not(value)}")
    return known[value]


def number(row: Mapping[str, Any], name: str) -> int:
    """A whole number of at least 0, also as digits; 0 when missing, null or empty."""
    value = row.get(name)
    if value in (None, ""):
        return 0
    if isinstance(value, bool) or not str(value).isdecimal():
        raise ValueError(f"{name!r} must be a whole number{_not(value)}")
    return int(str(value))


def objects(row: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """A list of objects; a hub copy's object of lists is turned into one; [] when missing or null."""
    value = row.get(name)
    if isinstance(value, dict) and all(isinstance(column, list) for column in value.values()):
        value = [dict(zip(value, cells, strict=False)) for cells in zip(*value.values(), strict=True)]
    if value is None:
        return []
    if not isinstance(value, list) or any(not isinstance(item, dict) for item in value):
        raise ValueError(f"{name!r} must be a list of objects{_not(value)}")
    return value


def pairs(row: Mapping[str, Any], name: str) -> list[tuple[str, Any]]:
    """A list of [title, something]; hub copies write it as an object of two lists, or as JSON in a text."""
    value = row.get(name)
    if isinstance(value, str):
        value = json.loads(value)  # JSONDecodeError is a ValueError
    if isinstance(value, dict) and "title" in value and len(value) == 2:
        titles = value["title"]
        others = next(column for key, column in value.items() if key != "title")
        if isinstance(titles, list) and isinstance(others, list) and len(titles) == len(others):
            value = [list(pair) for pair in zip(titles, others, strict=True)]
    if value is None:
        return []
    if not isinstance(value, list) or any(
        not isinstance(item, list) or len(item) != 2 or not isinstance(item[0], str) for item in value
    ):
        raise ValueError(f"{name!r} must be a list of [title, ...] pairs{_not(value)}")
    return [(title, other) for title, other in value]


def facts(row: Mapping[str, Any], name: str) -> tuple[tuple[str, int], ...]:
    """A list of [title, sentence number]; () when missing or null."""
    found = pairs(row, name)
    if any(type(number) is not int for _, number in found):
        raise ValueError(f"{name!r} must be a list of [title, sentence number] pairs{_not(row[name])}")
    return tuple(found)


def _not(value: object) -> str:
    return f", not {str(value)[:40]!r}"
