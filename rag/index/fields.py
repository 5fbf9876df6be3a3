"""Which fields the documents of an index have: what a filter may name."""

import json
from collections import Counter
from difflib import get_close_matches
from typing import Any

from rag.errors import InputError
from rag.index.manifest import Manifest
from rag.index.tables import map_errors
from rag.index.visible import DOCUMENT_FIELDS, META, list_sources, select
from rag.text.languages import FIELD, named_language
from rag.text.ranges import limits
from rag.types import Filter, Value, narrow

SHOWN = 30


def field_names(manifest: Manifest, within: Filter | None = None) -> list[str]:
    """The names of all fields of documents in the filter, in order. Raises CorruptError."""
    with map_errors(manifest.path):
        rows = manifest.db.execute(
            "SELECT DISTINCT field.key FROM documents, json_each(documents.meta) AS field "
            f"WHERE {select(manifest, within)}"
        )
        return sorted(str(name) for (name,) in rows)


def count_languages(manifest: Manifest, within: Filter | None = None) -> dict[str, int]:
    """How many documents in the filter are in each language, "" for those of none that is known; most first.

    Raises CorruptError.
    """
    with map_errors(manifest.path):
        rows = manifest.db.execute(
            "SELECT (SELECT value FROM json_each(meta) WHERE lower(key) = ? LIMIT 1) AS language, count(*) "
            f"FROM documents WHERE {select(manifest, within)} GROUP BY language",
            [FIELD],
        ).fetchall()
    counts = Counter[str]()
    for value, n in rows:
        counts[named_language({FIELD: value})] += n
    return dict(counts.most_common())


def field_values(manifest: Manifest, name: str, within: Filter | None = None) -> list[Value]:
    """The values that documents in the filter have of a field, each once, in no order. Raises CorruptError."""
    keys = [key for key in field_names(manifest, within) if key.casefold() == name.casefold()]
    with map_errors(manifest.path):
        rows = manifest.db.execute(
            "SELECT DISTINCT field.type, field.value FROM documents, json_each(documents.meta) AS field "
            f"WHERE field.key IN (SELECT value FROM json_each(?)) AND {select(manifest, within)}",
            [json.dumps(keys)],
        ).fetchall()
        values = [
            one for type, value in rows for one in (json.loads(value) if type == "array" else [_read(type, value)])
        ]
        return list({(type(value), value): value for value in values}.values())


def _read(type: str, value: Any) -> Any:
    return value == 1 if type in ("true", "false") else value


def check_fields(filter: Filter, manifest: Manifest, within: Filter | None = None) -> None:
    """Raises InputError for a field that no document has, naming those there are, and for sources none of which is.

    Documents are those that `within` lets through, and what the filter is within.
    """
    seen = _of_documents(narrow(filter.within, within))
    fields = (*filter.any_of, *filter.none_of, *filter.ranges)
    names = [name.removeprefix(META) for name in fields if name.startswith(META)]
    known = field_names(manifest, seen) if names else []
    folded = {name.casefold() for name in known}
    for name in names:
        if name.casefold() not in folded:
            raise InputError(unknown_field(name, known))
    for name, range in filter.ranges.items():
        if not limits(range):
            raise InputError(f"the range of {name.removeprefix(META)!r} is not of numbers, nor of ISO dates: {range}.")
    sources = filter.any_of.get("source", ())
    if sources and not list_sources(manifest, seen).keys() & set(sources):
        raise InputError(
            f"no indexed file is called {sources[0]!r}; `rag status` lists them. A filter takes no patterns."
        )
    if filter.within is not None:
        check_fields(filter.within, manifest, within)


def _of_documents(filter: Filter | None) -> Filter | None:
    """The filter without what it says of chunks."""
    if filter is None:
        return None
    any_of, none_of = (
        {name: values for name, values in fields.items() if name in DOCUMENT_FIELDS or name.startswith(META)}
        for fields in (filter.any_of, filter.none_of)
    )
    return Filter(any_of, none_of, _of_documents(filter.within), filter.ranges)


def unknown_field(name: str, known: list[str]) -> str:
    """What is wrong with a filter by this name, and which there are."""
    close = get_close_matches(name, known, n=1)
    more = f" and {len(known) - SHOWN:,} more" if len(known) > SHOWN else ""
    there = f"Fields there are: {', '.join(known[:SHOWN])}{more}." if known else "No document has any field."
    return f"no document has a field {name!r}.{f' Did you mean {close[0]}?' if close else ''} {there}"
