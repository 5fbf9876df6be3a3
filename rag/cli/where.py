"""`--source` and `--where`: which passages may be found, from words on a command line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from contextlib import closing, suppress
from typing import TYPE_CHECKING

from rag.cli.terminal import fail
from rag.errors import InputError

if TYPE_CHECKING:
    from rag.index.folder import Index
    from rag.types import Filter, Value

SHOWN = 20
_OWN = ("title", "source")  # of every document; a field of the same name in the documents comes first


def make_filter(index: Index, patterns: Sequence[str] | None, where: Sequence[str] | None) -> Filter | None:
    """The filter that both ask for: any of the patterns, and of each field that is named, any of its values.

    Raises InputError for a pattern that matches no file, and for a field that no document has.
    """
    from fnmatch import fnmatch

    from rag.index.fields import field_names
    from rag.index.visible import META
    from rag.types import Filter

    if not patterns and not where:
        return None
    any_of: dict[str, tuple[Value, ...]] = {}
    with closing(index.read_manifest()) as manifest:
        if patterns:
            any_of["source"] = tuple(n for n in manifest.sources() if any(fnmatch(n, p) for p in patterns))
            if not any_of["source"]:
                raise InputError(f"--source {' '.join(patterns)}: no indexed file matches; `rag status` lists them.")
        names = field_names(manifest) if where else []
    for condition in where or ():
        name, text = split(condition, names)
        known = name.casefold() in {one.casefold() for one in names}
        field = name if name in _OWN and not known else f"{META}{name.casefold()}"
        any_of[field] = (*any_of.get(field, ()), *readings(text))
    return Filter(any_of=any_of)


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
            more = f" and {len(there) - SHOWN:,} more" if len(there) > SHOWN else ""
            values = ", ".join(str(value)[:40] for value in sorted(there, key=str)[:SHOWN])
            fail(f"no document has {field.removeprefix(META)} = {wanted[0]!s:.40}. Its values are: {values}{more}.")


def _plain(value: Value) -> Value:
    """Numbers alike, whole or not."""
    return float(value) if type(value) is int else value


def split(condition: str, names: Iterable[str]) -> tuple[str, str]:
    """Name and value of NAME=VALUE, where either may hold a "=", and names are those there are. Raises InputError."""
    from rag.index.fields import unknown_field

    known = {name.casefold() for name in (*names, *_OWN)}
    first, *rest = condition.split("=")
    if not rest or not first.strip():
        raise InputError(f"--where {condition}: write NAME=VALUE.")
    for end in range(1, len(rest) + 1):
        name = "=".join([first, *rest[: end - 1]]).strip()
        if name.casefold() in known:
            return name, "=".join(rest[end - 1 :])
    raise InputError(f"--where {condition}: {unknown_field(first.strip(), sorted(names))}")


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
