"""Delimited text (csv, tsv): a line per row, `Name: Router; Building: 4` where the first row is a header."""

from __future__ import annotations

import csv
from collections import Counter
from io import StringIO

from rag_connectors.grid import table
from rag_connectors.parsed import Parsed, ParseOptions
from rag_connectors.text import decode
from rag_connectors.writing import TextWriter

_DELIMITERS = ",;\t|"
_SAMPLE = 50  # rows


def parse(data: bytes, name: str, options: ParseOptions) -> Parsed:
    """One record with a section per row; rows are counted as a spreadsheet counts them, from 1."""
    text, lost = decode(data)
    csv.field_size_limit(max(len(text), csv.field_size_limit()))  # for the whole process: only ever raised
    writer = TextWriter()
    rows = csv.reader(StringIO(text, newline=""), delimiter=_delimiter(text, name))
    for number, line in table(enumerate(rows, 1)):
        start = writer.at
        writer.add(line)
        writer.span(start, "row", f"row {number}")
    return Parsed((writer.record(),), (lost,) if lost else ())


def _delimiter(text: str, name: str) -> str:
    """The delimiter by which most of the first rows have the same number of cells, more than one."""
    if name.lower().endswith((".tsv", ".tab")):
        return "\t"
    sample = text[: 1 << 16].splitlines(keepends=True)[:_SAMPLE]

    def score(delimiter: str) -> tuple[int, int]:
        widths = Counter(len(row) for row in csv.reader(sample, delimiter=delimiter) if len(row) > 1)
        return max(((rows, width) for width, rows in widths.items()), default=(0, 0))

    return max(_DELIMITERS, key=score)
