"""What a request says of the documents it is about, as a filter; it speaks of no document that its user may not see."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from fnmatch import fnmatch

from rag.errors import InputError
from rag.index.fields import field_names, unknown_field
from rag.index.folder import Index
from rag.index.visible import META, list_sources
from rag.types import Filter, Value

Condition = str | int | float | bool | list[str | int | float | bool]


def make_filter(
    index: Index, where: Mapping[str, Condition], sources: Sequence[str], within: Filter | None
) -> Filter | None:
    """The filter of fields with one of their values, and of files that match one of the patterns.

    Raises InputError for a field that no visible document has, and for patterns that no visible file matches.
    """
    if not where and not sources:
        return None
    any_of: dict[str, tuple[Value, ...]] = {}
    with closing(index.read_manifest()) as manifest:
        if sources:
            seen = list_sources(manifest, within)
            any_of["source"] = tuple(name for name in seen if any(fnmatch(name, pattern) for pattern in sources))
            if not any_of["source"]:
                raise InputError(f"no indexed file matches {' '.join(sources)}. GET /v1/documents lists them.")
        names = field_names(manifest, within) if where else []
    known = {name.casefold() for name in names}
    for name, values in where.items():
        if name.casefold() in known:
            any_of[f"{META}{name.casefold()}"] = tuple(values) if isinstance(values, list) else (values,)
        elif name == "title":
            any_of[name] = tuple(map(str, values)) if isinstance(values, list) else (str(values),)
        else:
            raise InputError(unknown_field(name, names))
    return Filter(any_of=any_of)
