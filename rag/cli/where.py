"""`--source` and `--where`: which passages may be found, from words on a command line.

A bound such as `year>=2020` becomes the values within it that documents of the index have, so that every store finds
the same. Numbers are compared with numbers, also those that stand as text; other words, such as dates, by letters.
"""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any

from rag.cli.terminal import fail
from rag.errors import InputError

if TYPE_CHECKING:
    from rag.index.folder import Index
    from rag.types import Filter, Value

SHOWN = 20
_OPERATORS = re.compile("!=|>=|<=|=|>|<")
_BOUNDS: Mapping[str, Callable[[Any, Any], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
_DATE = re.compile(r"\d{4}-\d\d")  # which a year may be the bound of
_OWN = ("title", "source")  # of every document; a field of the same name in the documents comes first


def make_filter(index: Index, patterns: Sequence[str] | None, where: Sequence[str] | None) -> Filter | None:
    """The filter that both ask for: any of the patterns, of each field any of its values, none of those after "!=",
    and every bound.

    Raises InputError for a pattern that matches no file, for a field that no document has, and for a bound that no
    value of a field is within.
    """
    from fnmatch import fnmatch

    from rag.index.fields import field_names, field_values
    from rag.index.visible import META
    from rag.types import Filter

    if not patterns and not where:
        return None
    any_of: dict[str, tuple[Value, ...]] = {}
    none_of: dict[str, tuple[Value, ...]] = {}
    bounds: Filter | None = None
    with closing(index.read_manifest()) as manifest:
        if patterns:
            any_of["source"] = tuple(n for n in manifest.sources() if any(fnmatch(n, p) for p in patterns))
            if not any_of["source"]:
                raise InputError(f"--source {' '.join(patterns)}: no indexed file matches; `rag status` lists them.")
        names = field_names(manifest) if where else []
        known = {one.casefold() for one in names}
        for condition in where or ():
            name, sign, text = split(condition, names)
            of_document = name in _OWN and name.casefold() not in known
            field = name if of_document else f"{META}{name.casefold()}"
            if sign in _BOUNDS:
                there = [] if of_document else field_values(manifest, name)
                fitting = tuple(value for value in there if _is_within(value, sign, text))
                if not fitting:
                    raise InputError(f"--where {condition}: no document has such a value. {_listed(there)}")
                bounds = Filter(any_of={field: fitting}, within=bounds)
            else:
                chosen = any_of if sign == "=" else none_of
                chosen[field] = (*chosen.get(field, ()), *readings(text))
    return Filter(any_of=any_of, none_of=none_of, within=bounds)


def _is_within(value: Value, sign: str, text: str) -> bool:
    bound, own = _number(text), _number(value)
    if bound is not None and own is not None:
        return _BOUNDS[sign](own, bound)
    comparable = isinstance(value, str) and (bound is None or _DATE.match(value))
    return bool(comparable and _BOUNDS[sign](value, text.strip()))


def _number(value: Value) -> float | None:
    """A number, or one that a text reads as; no truth value is one."""
    found = readings(value) if isinstance(value, str) else (value,)
    return next((one for one in found if isinstance(one, int | float) and not isinstance(one, bool)), None)


def tell_absent(index: Index, filter: Filter | None) -> None:
    """Why nothing was found: of each field whose values in the filter no document has, those there are."""
    from rag.index.fields import field_values
    from rag.index.visible import META

    for field, wanted in (filter.any_of if filter else {}).items():
        if not field.startswith(META):
            continue
        with closing(index.read_manifest()) as manifest:
            there = field_values(manifest, field.removeprefix(META))
        if not {(type(one), one) for one in map(_plain, there)} & {(type(one), one) for one in map(_plain, wanted)}:
            fail(f"no document has {field.removeprefix(META)} = {wanted[0]!s:.40}. {_listed(there)}")


def _listed(values: Sequence[Value]) -> str:
    if not values:
        return "This field is compared by = and != alone."
    more = f" and {len(values) - SHOWN:,} more" if len(values) > SHOWN else ""
    return f"Its values are: {', '.join(str(value)[:40] for value in sorted(values, key=str)[:SHOWN])}{more}."


def _plain(value: Value) -> Value:
    """Numbers alike, whole or not."""
    return float(value) if type(value) is int else value


def split(condition: str, names: Iterable[str]) -> tuple[str, str, str]:
    """Name, operator and value of NAME=VALUE, where any may hold an operator, and names are those there are.

    Raises InputError.
    """
    from rag.index.fields import unknown_field

    known = {name.casefold() for name in (*names, *_OWN)}
    found = [(condition[: sign.start()].strip(), sign) for sign in _OPERATORS.finditer(condition)]
    if not found or not found[0][0]:
        raise InputError(f"--where {condition}: write NAME=VALUE; the others are !=, >=, <=, > and <.")
    for name, sign in found:
        if name.casefold() in known:
            return name, sign[0], condition[sign.end() :]
    raise InputError(f"--where {condition}: {unknown_field(found[0][0], sorted(names))}")


def readings(text: str) -> tuple[Value, ...]:
    """Every value that is written so: `2024` is a text and a number. As JSON, and as YAML in front matter, have it.

    Example: "no" gives ("no", False), and "1.50" gives ("1.50", 1.5).
    """
    import yaml

    from rag.text.values import flatten

    found: dict[tuple[type, Value], None] = {}
    for read in (str, str.strip, json.loads, yaml.safe_load):
        with suppress(ValueError, yaml.YAMLError, RecursionError):
            fields, problems = flatten({"": read(text)})
            value = fields.get("", ())
            if not problems and not isinstance(value, tuple):
                found[type(value), value] = None
    return tuple(value for _, value in found)
