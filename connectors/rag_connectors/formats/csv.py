"""Delimited text (csv, tsv): a line per row, `Name: Router; Building: 4` where the first row is a header.

Quotes escaped by a backslash are read as such. Where a quote is never closed, rows are told by their number of cells.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from io import StringIO
from itertools import chain, islice, pairwise, takewhile

from rag_connectors.data_uris import drop_data
from rag_connectors.grid import table
from rag_connectors.parsed import Parsed, ParseOptions
from rag_connectors.rich import plain
from rag_connectors.text import decode
from rag_connectors.writing import TextWriter

_DELIMITERS = "\t;|,"  # of two that fit as well, the first: commas stand in numbers and sentences too
_NONE = "\x1f"  # no text has it: every line is one cell
_SAMPLE = 50  # rows
_MOST_CAPTIONS = 5
_SHARE = 0.5  # of these that have the same number of cells; what fits less is prose
_SMALL = 0.5  # of what stands behind commas goes on in small letters, in prose
_NAME_WORDS = 3  # of a cell in the first row: longer ones name no columns
_NAMED = re.compile(r'\A"?sep=(.)"?\r?\n', re.IGNORECASE)
_REMARKS = re.compile(r"\A(?:#[^\n]*\n)+")  # above the table
_IN_CELLS = re.compile('="|</')  # signs that a cell is no plain text
_FORMULA = re.compile(r'="([^"]*)"')  # how a program keeps Excel from reading a number
_ESCAPED = re.compile(r'\\"(?=[^",;|\t\r\n])')
_CAPTION = re.compile(r"\A[^\n]*\S[^\n]*\n(?:[ \t\r]*\n)+(?=[^\n]*\S)")  # a line apart above the table
_LONGEST = 100  # lines of one row
_SINGLE = re.compile(r"\s*'(?:[^']|'')*'(?:\s*[,;\t|]\s*'(?:[^']|'')*')+\s*")


def parse(data: bytes, name: str, options: ParseOptions) -> Parsed:
    """One record with a section per row; rows are counted as a spreadsheet counts them, from 1."""
    if b"\0" not in data:  # in UTF-16 these bytes are halves of letters
        data = data.replace(b"\x01", b"\t").replace(b"\x1f", b"\t")  # what databases part cells with
    text, lost = decode(data)
    csv.field_size_limit(max(len(text), csv.field_size_limit()))  # for the whole process: only ever raised
    if _ESCAPED.search(text):
        text = text.replace('\\"', '""')
    named = _NAMED.match(text)
    if named:
        text, delimiter = text[named.end() :], named[1]
    else:
        delimiter = _delimiter(text, name)
    text = _quoted(text, delimiter)
    writer = TextWriter()
    remarks = _REMARKS.match(text)
    above = remarks[0].splitlines() if remarks else []
    for line in above:
        writer.add(line)
    first = len(above) + (2 if named else 1)
    rows = _rows(text[remarks.end() if remarks else 0 :], delimiter)
    for number, line in table(enumerate(_with_row_names(rows) if delimiter == "\t" else rows, first)):
        start = writer.at
        writer.add(drop_data(line))
        writer.span(start, "row", f"row {number}")
    return Parsed((writer.record(),), (lost,) if lost else ())


def _delimiter(text: str, name: str) -> str:
    """The delimiter by which most of the first rows have the same number of cells, more than one."""
    if name.lower().endswith((".tsv", ".tab")) and "\t" in text:
        return "\t"
    head = _REMARKS.sub("", text[: 1 << 16])
    plain_head = _CAPTION.sub("", head)
    sample = [line for line in plain_head.split("\n") if line.strip()][:_SAMPLE]
    quote = _quote(text)

    def score(delimiter: str) -> tuple[float, bool]:
        head = _quoted(plain_head, delimiter)
        lines = StringIO(head, newline="") if head.count(quote) % 2 == 0 else iter(sample)
        reader = csv.reader(lines, delimiter=delimiter, quotechar=quote, skipinitialspace=True)
        every = list(islice(reader, _SAMPLE))
        rows = _below_captions(list(filter(any, every)))
        wide = [len(row) for row in rows if len(row) > 1]
        width, count = Counter(wide).most_common(1)[0] if wide else (1, 0)
        begin = [row for above, row in pairwise([[], *every]) if any(row) and not any(above)]  # of each block
        heads = any(len(row) == width for row in (*begin, *rows[:1]))
        share = count / max(1, len(rows))
        fits = share >= _SHARE and (heads or share >= 0.8) and not _is_prose(rows, delimiter, sample)
        return (share if fits else 0.0), heads

    best = max(_DELIMITERS, key=score)
    return best if score(best)[0] else _NONE


def _below_captions(rows: list[list[str]]) -> list[list[str]]:
    """The rows without up to five lines of one cell above them, where all rows below are equally wide."""
    captions = len(list(takewhile(lambda row: len(row) == 1, rows[: _MOST_CAPTIONS + 1])))
    below = rows[captions:]
    return below if captions <= _MOST_CAPTIONS and len(below) > 1 and len({*map(len, below)}) == 1 else rows


def _quoted(text: str, delimiter: str) -> str:
    """The text with quotes around cells that have the delimiter in them, where a blank behind it tells so.

    Programs that quote nothing write `5,Pressure low, valve open` below `Hall,Message`: rows that are wider than the
    first one, and as wide without the commas before blanks.
    """
    header, _, below = text.partition("\n")
    width = header.count(delimiter) + 1
    in_cells = f"{delimiter} "
    if delimiter not in ",;" or width == 1 or in_cells in header or in_cells not in below or _quote(text) != '"':
        return text
    lines = [header]
    is_open = False  # within a cell of several lines
    for line in below.split("\n"):
        marks = line.count('"')
        if not marks and not is_open and line.count(delimiter) >= width:
            cells = re.split(f"{delimiter}(?! )", line.rstrip("\r"))
            if len(cells) == width:
                line = delimiter.join(f'"{cell}"' if delimiter in cell else cell for cell in cells)
        is_open ^= marks % 2 == 1
        lines.append(line)
    return "\n".join(lines)


def _is_prose(rows: Sequence[Sequence[str]], delimiter: str, sample: Sequence[str]) -> bool:
    """Whether commas part sentences: nearly all have a blank behind them, and what they part are no values of columns.

    Sentences have other numbers of commas each, or go on behind them in small letters, in several words.
    """
    text = "\n".join(sample)
    if delimiter not in ",;" or text.count(f"{delimiter} ") <= 0.9 * text.count(delimiter) or f'{delimiter} "' in text:
        return False
    if len({len(row) for row in rows if len(row) > 1}) > 1:
        return True
    behind = [cell for row in rows for cell in row[1:]]
    goes_on = sum(map(_goes_on, behind)) >= _SMALL * len(behind)
    words = sum(len(cell.split()) for cell in rows[0])
    return words >= _NAME_WORDS * len(rows[0]) or (goes_on and (len(rows[0]) == 1 or any(map(_goes_on, rows[0][1:]))))


def _goes_on(cell: str) -> bool:
    return cell[:1].islower() and " " in cell


def _quote(text: str) -> str:
    lines = text[: 1 << 16].split("\n")[:_SAMPLE]
    return "'" if '"' not in text and lines and all(_SINGLE.fullmatch(line) for line in lines if line.strip()) else '"'


def _rows(text: str, delimiter: str) -> Iterator[list[str]]:
    quote = _quote(text)
    if _is_sound(text, delimiter, quote):
        reader = csv.reader(StringIO(text, newline=""), delimiter=delimiter, quotechar=quote, skipinitialspace=True)
        rich = _IN_CELLS.search(text) is not None
        yield from ([plain(_FORMULA.sub(r"\1", cell)) for cell in row] for row in reader) if rich else reader
        return
    lines = text.split("\n")
    width = Counter(line.count(delimiter) + 1 for line in lines if line.strip()).most_common(1)[0][0]
    i = 0
    while i < len(lines):
        cells, taken = _row(lines[i : i + _LONGEST], delimiter, quote, width)
        yield cells
        i += taken


def _with_row_names(rows: Iterator[list[str]]) -> Iterator[list[str]]:
    """The rows, the first with an empty cell before it where all below have one more: R does not name that column."""
    head = list(islice(rows, _SAMPLE))
    if len(head) > 1 and head[0] and all(len(cells) == len(head[0]) + 1 for cells in head[1:] if cells):
        head[0] = ["", *head[0]]
    return chain(head, rows)


def _is_sound(text: str, delimiter: str, quote: str) -> bool:
    """Whether every quote that opens is closed, and none swallows rows."""
    if quote not in text:
        return True
    try:
        rows = csv.reader(StringIO(text, newline=""), delimiter=delimiter, quotechar=quote, skipinitialspace=True)
        widths: Counter[int] = Counter()
        swallowed = []
        for row in rows:
            widths[len(row)] += 1
            swallowed += [(len(row), cell) for cell in row if "\n" in cell]
    except csv.Error:
        return False
    width = widths.most_common(1)[0][0] if widths else 1
    looks = (line.count(delimiter) == width - 1 for _, cell in swallowed for line in cell.split("\n")[1:-1])
    if width > 1 and any(looks):
        return False
    # a quote left open at the end takes all the rest for one cell
    last = swallowed[-1][1] if swallowed else ""
    ends_open = bool(last) and text.rstrip("\n").endswith(last.rstrip("\n")) and not text.rstrip().endswith(quote)
    return not ends_open


def _row(lines: Sequence[str], delimiter: str, quote: str, width: int) -> tuple[list[str], int]:
    """The cells of the first row, and how many lines it takes: more than one only if that gives `width` cells."""
    for taken in range(1, len(lines) + 1):
        if taken > 1 and lines[taken - 1].count(delimiter) == width - 1 and width > 1:
            break  # the next row
        part = "\n".join(lines[:taken])
        if part.count(quote) % 2 == 0:
            reader = csv.reader(StringIO(part, newline=""), delimiter=delimiter, quotechar=quote, skipinitialspace=True)
            cells, *more = list(reader) or [[]]
            if not more and (taken == 1 or len(cells) == width):
                return cells, taken
    cells = next(csv.reader([lines[0]], delimiter=delimiter, quoting=csv.QUOTE_NONE), [])
    return [cell.strip().strip(quote) for cell in cells], 1
