"""What a request says of the documents it is about, as a filter; it speaks of no document that its user may not see."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Literal

from rag.errors import InputError
from rag.index.fields import field_names, unknown_field
from rag.index.folder import Index
from rag.index.visible import META, list_sources
from rag.text.patterns import match_names
from rag.text.ranges import BOUNDS, limits
from rag.types import Filter, Range, Value

Single = str | int | float | bool
Bounds = dict[Literal["!=", ">=", "<=", ">", "<"], Single]
Condition = Single | list[Single] | Bounds


def make_filter(
    index: Index, where: Mapping[str, Condition], sources: Sequence[str], within: Filter | None
) -> Filter | None:
    """The filter of fields with one of their values, or within their bounds, and of files that match a pattern.

    Raises InputError for a field that no visible document has, for a bound that is no number or date, and for patterns
    that no visible file matches.
    """
    if not where and not sources:
        return None
    any_of: dict[str, tuple[Value, ...]] = {}
    none_of: dict[str, tuple[Value, ...]] = {}
    ranges: dict[str, Range] = {}
    with closing(index.read_manifest()) as manifest:
        if sources:
            seen = list_sources(manifest, within)
            any_of["source"] = tuple(dict.fromkeys(name for pattern in sources for name in match_names(seen, pattern)))
            if not any_of["source"]:
                raise InputError(f"no indexed file matches {' '.join(sources)}. GET /v1/documents lists them.")
        names = field_names(manifest, within) if where else []
    known = {name.casefold() for name in names}
    for name, values in where.items():
        field = f"{META}{name.casefold()}"
        if isinstance(values, dict) and name.casefold() in known:
            bounds = {attribute: values[sign] for attribute, sign in BOUNDS.items() if sign in values}
            if "!=" in values:
                none_of[field] = (values["!="],)
            if bounds:
                ranges[field] = Range(**bounds)
            if not limits(Range(**bounds)):
                raise InputError(f"{name}: {values} bounds neither numbers nor dates such as 2024-05-01.")
        elif isinstance(values, dict):  # of a field that has no order, or that is not there
            raise InputError(unknown_field(name, names))
        elif name.casefold() in known:
            any_of[field] = tuple(values) if isinstance(values, list) else (values,)
        elif name == "title":
            any_of[name] = tuple(map(str, values)) if isinstance(values, list) else (str(values),)
        else:
            raise InputError(unknown_field(name, names))
    return Filter(any_of, none_of, None, ranges)
