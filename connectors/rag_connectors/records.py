"""Objects with a text field as records: what json and jsonl share."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from rag_connectors.parsed import Parsed, ParsedRecord, ParseOptions, RefusalError, Scalar
from rag_connectors.text import clean, one_line

_TEXT = ("text", "content", "body", "passage", "contents")
_TITLE = ("title", "name")
_ID = ("id", "_id", "pid")


def is_record(value: object, options: ParseOptions) -> bool:
    """Whether it is an object with text in a text field."""
    return isinstance(value, dict) and isinstance(value.get(_field(value, options.text_field, _TEXT)), str)


def parsed_records(values: Iterable[tuple[Any, str]], options: ParseOptions, lost: tuple[str, ...] = ()) -> Parsed:
    """A record per value that is one; each value comes with what is wrong with it ("" if nothing).

    Fields that are neither text nor title, if plain values, become metadata. Raises RefusalError without records.
    """
    records: list[ParsedRecord] = []
    seen: Counter[str] = Counter()
    wrong: list[str] = []
    for number, (value, problem) in enumerate(values, 1):
        if not is_record(value, options):
            wrong.append(problem or f"record {number} has no text field ({options.text_field or ', '.join(_TEXT)})")
            continue
        text_field = _field(value, options.text_field, _TEXT)
        title_field = _field(value, options.title_field, _TITLE)
        id_field = _field(value, options.id_field, _ID)
        name = one_line(str(value[id_field])) if id_field else str(number)
        seen[name] += 1
        key = name if seen[name] == 1 else f"{name}#{seen[name]}"
        text = clean(value[text_field])
        title = str(value[title_field]) if title_field else ""
        meta = scalars({field: value[field] for field in value if field not in (text_field, title_field)})
        records.append(ParsedRecord(text, title, ((0, len(text), "record", f"record {key}"),), meta, key))
    if not records:
        raise RefusalError(wrong[0] if wrong else "empty", "failed" if wrong else "skipped")
    if wrong:
        lost = (*lost, wrong[0] + (f", and {len(wrong) - 1} more like it" if len(wrong) > 1 else ""))
    return Parsed(tuple(records), lost)


def scalars(fields: Mapping[Any, Any]) -> dict[str, Scalar]:
    """The entries with one plain value; dates as ISO text, the infinite left out."""
    kept: dict[str, Scalar] = {}
    for key, value in fields.items():
        if isinstance(value, date):
            kept[str(key)] = value.isoformat()
        elif isinstance(value, str | bool | int) or (isinstance(value, float) and math.isfinite(value)):
            kept[str(key)] = value
    return kept


def _field(value: Mapping[str, Any], named: str, usual: tuple[str, ...]) -> str:
    """The first field that holds something: the one named in the options, or the usual ones."""
    wanted = (named,) if named else usual
    holds = (name for name in wanted if isinstance(value.get(name), str | int) and str(value[name]).strip())
    return next(holds, "")
