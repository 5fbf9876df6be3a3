"""`--source` and `--where`: which passages may be found, from words on a command line."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from rag.cli.terminal import fail
from rag.errors import InputError

if TYPE_CHECKING:
    from rag.index.folder import Index
    from rag.types import Filter, Range, Value

SHOWN = 20
_SIGNS = re.compile(r"!=|>=|<=|==?|>|<|\s+in\s+")
_BOUNDS = {">=": "least", "<=": "most", ">": "above", "<": "below"}  # with the fields of a `Range`
_OWN = ("title", "source")  # of every document; a field of the same name in the documents comes first


def make_filter(index: Index, patterns: Sequence[str] | None, where: Sequence[str] | None) -> Filter | None:
    """The filter that both ask for: any of the patterns, of each field any of its values, none of those after "!=",
    and every bound.

    Raises InputError for a pattern that matches no file, for a field that no document has, and for a bound that no
    value of a field is within.
    """
    from rag.index.fields import field_names, field_values
    from rag.index.visible import META
    from rag.types import Filter, Range

    if not patterns and not where:
        return None
    any_of: dict[str, tuple[Value, ...]] = {}
    none_of: dict[str, tuple[Value, ...]] = {}
    ranges: dict[str, Range] = {}
    within: Filter | None = None
    with closing(index.read_manifest()) as manifest:
        if patterns:
            any_of["source"] = _sources(manifest.sources(), patterns, str(index.base))
        names = field_names(manifest) if where else []
        known = {one.casefold() for one in names}
        for condition in where or ():
            name, sign, text = split(condition, names)
            of_document = name in _OWN and name.casefold() not in known
            field = name if of_document else f"{META}{name.casefold()}"
            if sign in _BOUNDS:
                bound = Range(**{_BOUNDS[sign]: text})
                _check_bound(condition, bound, text, [] if of_document else field_values(manifest, name))
                before = ranges.get(field, Range())
                if getattr(before, _BOUNDS[sign]) is None:
                    ranges[field] = replace(before, **{_BOUNDS[sign]: text})
                else:  # the same sign twice
                    within = Filter(ranges={field: bound}, within=within)
            else:
                chosen = none_of if sign == "!=" else any_of
                texts = text.strip(" []()").split(",") if sign == "in" else [text]
                there = [] if of_document else field_values(manifest, name)
                chosen[field] = (*chosen.get(field, ()), *(value for one in texts for value in _values(one, there)))
    return Filter(any_of, none_of, within, ranges)


def _sources(names: Collection[str], patterns: Sequence[str], base: str) -> tuple[str, ...]:
    """The files that any of the patterns means. Raises InputError where none is."""
    from rag.text.patterns import close_names, match_names

    found = {name for pattern in patterns for name in match_names(names, pattern, base)}
    if not found:
        close = list(dict.fromkeys(name for pattern in patterns for name in close_names(names, pattern)))
        hint = f"Did you mean {' or '.join(close)}?" if close else "`rag status` lists them."
        raise InputError(f"--source {' '.join(patterns)}: no indexed file matches. {hint}")
    return tuple(name for name in names if name in found)


def _values(text: str, there: Sequence[Value]) -> tuple[Value, ...]:
    """The values that are written so; where no document has one, those that differ in capitals, composed letters or
    digits, and the dates of a year, month or day.
    """
    from rag.text.ranges import in_range
    from rag.types import Range

    exact = readings(text)
    if any(value in there for value in exact):
        return exact
    same = _fold(text)
    day = Range(least=text, most=text)
    alike = (one for one in there if isinstance(one, str) and (_fold(one) == same or in_range(one, day)))
    return (*exact, *alike)


def _fold(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _check_bound(condition: str, bound: Range, text: str, there: Sequence[Value]) -> None:
    """Raises InputError for a bound that says nothing of the values there are."""
    from rag.text.ranges import in_range, limits, place

    problem = ""
    if not limits(bound):
        problem = f"{text.strip()!r} is no number, and no date such as 2024-05-01."
    elif there and not any(map(place, there)):
        problem = "its values are no numbers or dates, and compared by = and != alone."
    elif not any(in_range(value, bound) for value in there):
        problem = "no document has such a value."
    if problem:
        raise InputError(f"--where {condition}: {problem} {_listed(there)}")


def tell_absent(index: Index, filter: Filter | None) -> None:
    """Why nothing was found: of each condition that no document meets the values there are, or else of all of them."""
    from rag.index.fields import field_values
    from rag.index.visible import META, list_documents

    if filter is None:
        return
    with closing(index.read_manifest()) as manifest:

        def is_met(part: Filter) -> bool:
            return bool(list_documents(manifest, part, limit=1))

        def values(field: str) -> str:
            return _listed(field_values(manifest, field.removeprefix(META)))

        parts = [(field, part) for field, part in _conditions(filter) if field.startswith(META)]
        absent = {field: part.any_of[field][0] for field, part in parts if part.any_of and not is_met(part)}
        for field, wanted in absent.items():
            name = field.removeprefix(META)
            hint = (
                f' For any of several: --where "{name} in {str(wanted).strip(" []()")}".' if "," in str(wanted) else ""
            )
            fail(f"no document has {name} = {wanted!s:.40}. {values(field)}{hint}")
        if not absent and not is_met(filter):
            listed = " ".join(f"{field.removeprefix(META)}: {values(field)}" for field in dict(parts))
            fail(f"no document meets all of these conditions together. {listed}".rstrip())


def _conditions(filter: Filter | None) -> Iterator[tuple[str, Filter]]:
    """Every field that a filter names, with what it says of it."""
    from rag.types import Filter

    while filter is not None:
        yield from ((field, Filter(any_of={field: values})) for field, values in filter.any_of.items())
        yield from ((field, Filter(none_of={field: values})) for field, values in filter.none_of.items())
        yield from ((field, Filter(ranges={field: range})) for field, range in filter.ranges.items())
        filter = filter.within


def _listed(values: Sequence[Value]) -> str:
    if not values:
        return "This field is compared by = and != alone."
    more = f" and {len(values) - SHOWN:,} more" if len(values) > SHOWN else ""
    return f"Its values are: {', '.join(str(value)[:40] for value in sorted(values, key=str)[:SHOWN])}{more}."


def split(condition: str, names: Iterable[str]) -> tuple[str, str, str]:
    """Name, operator and value of NAME=VALUE, where any may hold an operator, and names are those there are.

    Raises InputError.
    """
    from rag.index.fields import unknown_field

    known = {name.casefold() for name in (*names, *_OWN)}
    found = [(condition[: sign.start()].strip(), sign) for sign in _SIGNS.finditer(condition)]
    if not found or not found[0][0]:
        raise InputError(f"--where {condition}: write NAME=VALUE; the others are !=, >=, <=, >, < and in.")
    for name, sign in found:
        if name.casefold() in known:
            return name, sign[0].strip(), condition[sign.end() :]
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
