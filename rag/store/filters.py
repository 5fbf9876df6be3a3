"""Our `Filter` in an engine's own words. Pure; `Dialect` is the little in which the two engines differ.

Values match by type and to the letter; of numbers those of the same value. What engines make of numbers, truth values
and names with dots differs, so each value of the metadata is a word to them (`rag.store.payload.word`). Numbers and
dates are two whole numbers besides, the more and the less significant half, which every engine compares exactly.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from rag.errors import InputError
from rag.store.checks import is_id
from rag.store.payload import FIELDS, HIGH, KEYWORDS, LOW, NAME, ORDERED, order_name, word
from rag.text.access import FIELD as ACCESS
from rag.text.ranges import limits, sort_key
from rag.text.values import encodable
from rag.types import Filter, Range, Value


@dataclass(frozen=True, slots=True)
class Dialect:
    """An engine's filter classes, as callables."""

    filter: Callable[..., Any]  # must=, should=, must_not=: lists of conditions
    ids: Callable[[list[str]], Any]
    one_of: Callable[[str, list[str]], Any]  # key, words
    between: Callable[[str, int | None, int | None], Any]  # key, the least and the most whole number
    nested: Callable[[str, Any], Any]  # key, a filter that one of its entries must pass


def translate(filter: Filter | None, dialect: Dialect) -> Any:
    """The engine's filter, or None. Raises InputError for a field that chunks do not have."""
    if filter is None:
        return None
    must = [_condition(field, values, dialect) for field, values in filter.any_of.items()]
    if filter.within is not None:
        must.append(translate(filter.within, dialect))
    must += [_between(field, range, dialect) for field, range in filter.ranges.items()]
    must_not = [_condition(field, values, dialect) for field, values in filter.none_of.items()]
    return dialect.filter(must=must, must_not=must_not)


def find_corpus(filter: Filter | None) -> Filter | None:
    """What a filter says of who reads: how rare a word is, is counted among these chunks, or it would tell of others.

    None: among all.
    """
    if filter is None:
        return None
    inner, groups = find_corpus(filter.within), filter.any_of.get(ACCESS)
    return inner if groups is None else Filter(any_of={ACCESS: groups}, within=inner)


def _condition(field: str, values: Sequence[Value], dialect: Dialect) -> Any:
    """Holds for a chunk whose `field` holds one of the values: without any, for none."""
    texts = [value for value in values if isinstance(value, str)]
    kind, _, name = field.partition(".")
    if field == "id":
        return dialect.ids([value for value in texts if is_id(value)])
    if field in KEYWORDS:
        return dialect.one_of(field, _storable(texts))
    if kind == "meta" and name:
        return dialect.one_of(FIELDS, _storable(word(name, value) for value in values))
    raise InputError(f"filter: chunks have no field {field!r}. Known: id, {', '.join(KEYWORDS)}, meta.NAME.")


def _between(field: str, range: Range, dialect: Dialect) -> Any:
    """Holds for a chunk one of whose values of the field is in the range."""
    kind, _, name = field.partition(".")
    if kind != "meta" or not name:
        raise InputError(f"filter: ranges are of fields meta.NAME, not of {field!r}.")
    ways = [
        dialect.nested(
            ORDERED,
            dialect.filter(
                must=[
                    dialect.one_of(NAME, _storable([order_name(order, name)])),
                    *(_beyond(sign, limit, dialect) for sign, limit in found),
                ]
            ),
        )
        for order, found in limits(range).items()
    ]
    return dialect.filter(should=ways) if ways else dialect.ids([])


def _beyond(sign: str, limit: float, dialect: Dialect) -> Any:
    """Holds for an entry on the right side of a limit: by its high half, or where that is equal by its low one."""
    high, low = sort_key(limit)
    step = 0 if sign.endswith("=") else 1
    above = sign.startswith(">")
    beyond = dialect.between(HIGH, high + 1, None) if above else dialect.between(HIGH, None, high - 1)
    beside = dialect.between(LOW, low + step, None) if above else dialect.between(LOW, None, low - step)
    level = dialect.filter(must=[dialect.between(HIGH, high, high), beside])
    return dialect.filter(should=[beyond, level])


def _storable(words: Iterable[str]) -> list[str]:
    """Those that an engine can have: what UTF-8 cannot write is in no chunk."""
    return [one for one in words if encodable(one) == one]
