"""JSON: an array of records as one document each, anything else as lines of `path: value`.

Settings with comments, or commas after the last of several values, are text as they stand: comments are words, too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from rag_connectors.formats.jsonl import json_lines
from rag_connectors.numbers import read_json
from rag_connectors.parsed import Parsed, ParsedRecord, ParseOptions, RefusalError
from rag_connectors.records import field_lines, is_record, parsed_records
from rag_connectors.text import decode
from rag_connectors.writing import TextWriter

_COMMENTS = re.compile(r'("(?:[^"\\]|\\.)*")|//[^\n]*|/\*.*?\*/', re.DOTALL)  # or a string, which stays
_LAST_COMMA = re.compile(r'("(?:[^"\\]|\\.)*")|,(?=\s*[}\]])')


def parse(data: bytes, name: str, options: ParseOptions) -> Parsed:
    """Records where objects have a text field, else one record with a section per top-level entry."""
    text, lost = decode(data)
    if not text.strip():
        raise RefusalError("empty", "skipped")
    losses = (lost,) if lost else ()
    try:
        value = read_json(text)
    except json.JSONDecodeError as error:
        if error.msg == "Extra data" and not any(problem for _, problem in json_lines(text)):
            return parsed_records(json_lines(text), options, losses)
        if _has_comments(text):
            return Parsed((ParsedRecord(text),), losses)
        raise RefusalError(f"not valid JSON: {error.msg} in line {error.lineno}, column {error.colno}") from error
    if isinstance(value, list) and any(is_record(item, options) for item in value):
        return parsed_records(((item, "") for item in value), options, losses)
    if is_record(value, options) and not any(isinstance(item, dict | list) for item in value.values()):
        return parsed_records([(value, "")], options, losses)
    writer = TextWriter()
    for label, path, item in _entries(value):
        start = writer.at
        for line in field_lines(item, path):
            writer.add(line)
        writer.span(start, "entry", label)
    return Parsed((writer.record(),), losses)


def _has_comments(text: str) -> bool:
    """Whether the text is JSON but for comments and commas after the last of several values."""
    bare = _LAST_COMMA.sub(r"\1", _COMMENTS.sub(r"\1", text))
    try:
        read_json(bare)
    except (ValueError, RecursionError):
        return False
    return True


def _entries(value: Any) -> Iterator[tuple[str, str, Any]]:
    """Label, path and value of what stands at the top."""
    if isinstance(value, dict):
        yield from ((key, key, item) for key, item in value.items())
    elif isinstance(value, list):
        yield from ((f"entry {number}", f"[{number}]", item) for number, item in enumerate(value))
    else:
        yield "", "value", value
