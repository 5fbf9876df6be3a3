"""Objects with a text field as records: what json and jsonl share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from rag.text.access import take_access
from rag.text.values import flatten
from rag_connectors.data_uris import drop_data
from rag_connectors.parsed import Parsed, ParsedRecord, ParseOptions, RefusalError
from rag_connectors.rich import plain
from rag_connectors.text import clean, one_line

_TEXT = ("text", "content", "body", "passage", "contents")
_TITLE = ("title", "name")
_ID = ("id", "_id", "pid")


def is_record(value: object, options: ParseOptions) -> bool:
    """Whether it is an object with text in a text field."""
    return isinstance(value, dict) and isinstance(value.get(_field(value, options.text_field, _TEXT)), str)


def parsed_records(values: Iterable[tuple[Any, str]], options: ParseOptions, lost: tuple[str, ...] = ()) -> Parsed:
    """A record per value that is one; each value comes with what is wrong with it ("" if nothing).

    What is no object is a record, too, and so is a line that cannot be read: its text stands as it is written, and it
    is named. Only where a text field was named, nothing else is taken. Fields that are neither text nor title become
    metadata; those that are no id either stand below the text as lines, where they are found. Raises RefusalError
    without records.
    """
    records: list[ParsedRecord] = []
    wrong: list[str] = []
    problems: dict[str, None] = {}
    bare = 0  # records that are no objects
    for number, (value, problem) in enumerate(values, 1):
        if problem or not isinstance(value, dict):
            said = value if isinstance(value, str) else "\n".join(field_lines(value, "value"))
            text = "" if options.text_field else drop_data(plain(clean(said).strip()))
            wrong += [f"{problem}{': it stands as it is written' * bool(text)}"] * bool(problem)
            wrong += [f"record {number} is no object"] * (bool(options.text_field) and not problem)
            bare += bool(text)
            records += [ParsedRecord(text, key=str(number))] * bool(text)
            continue
        if options.text_field and not is_record(value, options):
            wrong.append(f"record {number} has no text field ({options.text_field})")
            continue
        text_field = _field(value, options.text_field, _TEXT) if is_record(value, options) else ""
        title_field = _field(value, options.title_field, _TITLE)
        id_field = _field(value, options.id_field, _ID)
        name = one_line(str(value[id_field])) if id_field else ""
        others = {
            field: item
            for field, item in take_access(value)[0].items()
            if field not in (text_field, title_field, id_field)
        }
        lines = "\n".join(line for field, item in others.items() for line in field_lines(item, field))
        text = drop_data(plain(clean(value.get(text_field, "")).rstrip()))
        text = "\n\n".join(filter(None, (text, drop_data(clean(lines)))))
        title = str(value[title_field]) if title_field else ""
        left_out = {text_field} | ({title_field} if title_field.casefold() == "title" else set())
        meta, own = flatten({field: value[field] for field in value if field not in left_out})
        problems |= dict.fromkeys(own)
        records.append(ParsedRecord(text, title, (), meta, name or str(number)))
    if not records or (wrong and bare == len(records)):
        raise RefusalError(wrong[0] if wrong else "empty", "failed" if wrong else "skipped")
    if wrong:
        lost = (*lost, wrong[0] + (f", and {len(wrong) - 1} more like it" if len(wrong) > 1 else ""))
    keys = tell_apart([record.key for record in records])
    return Parsed(tuple(map(_with_key, records, keys)), (*lost, *problems))


def field_lines(value: Any, path: str) -> Iterator[str]:
    """A value as lines of `path: value`; null gives none."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from field_lines(item, f"{path}.{key}")
    elif isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
        for number, item in enumerate(value):
            yield from field_lines(item, f"{path}[{number}]")
    elif isinstance(value, list):
        if value:
            yield f"{path}: {', '.join(map(str, value))}"
    elif value is not None and value != "":
        yield f"{path}: {' '.join(plain(value).split()) if isinstance(value, str) and '</' in value else value}"


def tell_apart(keys: Sequence[str]) -> list[str]:
    """The keys, each once: one that comes again gets a number that no other has (`page`, `page#2`)."""
    taken, last, found = set(keys), dict.fromkeys(keys, 0), []
    for key in keys:
        last[key] += 1
        unique = key
        while last[key] > 1 and (unique := f"{key}#{last[key]}") in taken:
            last[key] += 1
        taken.add(unique)
        found.append(unique)
    return found


def _with_key(record: ParsedRecord, key: str) -> ParsedRecord:
    return replace(record, key=key, spans=((0, len(record.text), "record", f"record {key}"),))


def _field(value: Mapping[str, Any], named: str, usual: tuple[str, ...]) -> str:
    """The first field that holds something: the one named in the options, or a usual one in any case."""
    alike = {key.casefold(): key for key in reversed([*value])}
    wanted = (named,) if named else [alike[name] for name in usual if name in alike]
    holds = (name for name in wanted if isinstance(value.get(name), str | int) and str(value[name]).strip())
    return next(holds, "")
