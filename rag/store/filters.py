"""Our `Filter` in an engine's own words. Pure; `Dialect` is the little in which the two engines differ.

Values match exactly and by type: words, whole numbers and truth values each match their own kind, a number with a
fraction part matches any number equal to it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rag.errors import InputError
from rag.store.checks import is_id
from rag.store.payload import KEYWORDS, flag
from rag.types import Filter, Value


@dataclass(frozen=True, slots=True)
class Dialect:
    """An engine's filter classes, as callables."""

    filter: Callable[..., Any]  # must=, should=, must_not=: lists of conditions
    ids: Callable[[list[str]], Any]
    one_of: Callable[[str, list[Any]], Any]  # key, words or whole numbers
    number: Callable[[str, float], Any]


def translate(filter: Filter | None, dialect: Dialect) -> Any:
    """The engine's filter, or None. Raises InputError for a field that chunks do not have."""
    if filter is None:
        return None
    must = [dialect.filter(should=_conditions(field, values, dialect)) for field, values in filter.any_of.items()]
    if filter.within is not None:
        must.append(translate(filter.within, dialect))
    must_not = [one for field, values in filter.none_of.items() for one in _conditions(field, values, dialect)]
    return dialect.filter(must=must, must_not=must_not)


def _conditions(field: str, values: Sequence[Value], dialect: Dialect) -> list[Any]:
    """One of these holds for a chunk whose `field` holds one of the values; never an empty list."""
    if field == "id":
        return [dialect.ids([value for value in values if isinstance(value, str) and is_id(value)])]
    key = _key(field)
    of: dict[type, list[Any]] = {kind: [one for one in values if type(one) is kind] for kind in (str, int, bool, float)}
    return [
        dialect.one_of(key, of[str]),  # an empty list matches nothing, which is what no value at all must do
        *([dialect.one_of(key, of[int])] if of[int] else []),
        *([dialect.one_of("flags", [flag(field.removeprefix("meta."), one) for one in of[bool]])] if of[bool] else []),
        *(dialect.number(key, value) for value in of[float]),
    ]


def _key(field: str) -> str:
    if field in KEYWORDS:
        return field
    kind, _, name = field.partition(".")
    if kind == "meta" and name and '"' not in name:
        return f'meta."{name}"'  # quoted, so that a dot or bracket in a name is no path
    raise InputError(f"filter: chunks have no field {field!r}. Known: id, {', '.join(KEYWORDS)}, meta.NAME.")
