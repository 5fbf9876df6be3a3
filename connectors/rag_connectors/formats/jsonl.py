"""JSON lines: one document a line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rag_connectors.numbers import read_json
from rag_connectors.parsed import Parsed, ParseOptions, RefusalError
from rag_connectors.records import parsed_records
from rag_connectors.text import decode


def parse(data: bytes, name: str, options: ParseOptions) -> Parsed:
    """One record per line; lines that are not JSON, or lack the text field that was named, are named."""
    text, lost = decode(data)
    return parsed_records(json_lines(text), options, (lost,) if lost else ())


def json_lines(text: str) -> Iterator[tuple[Any, str]]:
    """The value of every line, or itself with what is wrong with it. Raises RefusalError for a text without lines."""
    start = 0
    number = 0
    while start < len(text):  # not splitlines(): U+2028 may stand inside a JSON string
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        number += 1
        line = text[start:end].strip()
        start = end + 1
        if line:
            try:
                yield read_json(line), ""
            except ValueError as error:
                yield line, f"line {number} is not valid JSON ({getattr(error, 'msg', error)})"
            except RecursionError:
                yield line, f"line {number} is nested too deeply"
    if not number:
        raise RefusalError("empty", "skipped")
