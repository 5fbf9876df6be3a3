"""Rows of JSON Lines, JSON, CSV and TSV files, plain or gzipped, and of Parquet; what cannot be read is named by file
and line.

A row is where it stands ("12", or "1, item 7" in a JSON list) and a dict. A broken line costs itself; a JSON list
that breaks costs the items behind the break. Of a file in parts (`corpus-00000-of-00003.parquet`) all are read.
"""

from __future__ import annotations

import csv
import gzip
import json
import re
import zlib
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Callable, Collection, Iterator
from io import BufferedReader
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar, cast

from rag.errors import InputError, extra
from rag.registry import did_you_mean
from rag_evals.datasets.model import Located, Problems, Question

Row = tuple[str, dict[str, Any]]
T = TypeVar("T")

_DECODER = json.JSONDecoder()
_PART = re.compile(r"-0+-of-(\d+.*)$")
_DELIMITERS = ",;\t|"


def suffix(path: Path) -> str:
    """The suffix that says the format: that before .gz, if any, lower case."""
    return Path(path.name.lower().removesuffix(".gz")).suffix


def rows(path: Path, problems: Problems, known: Collection[str] = ()) -> Iterator[Row]:
    """The usable rows of a file, their fields in small letters. With `known`, other fields are named, each once.

    Raises InputError when the file cannot be opened, MissingExtra for Parquet.
    """
    met: set[str] = set()
    parts = (
        sorted(path.parent.glob(f"{path.name[: part.start()]}-*-of-{part[1]}"))
        if (part := _PART.search(path.name))
        else [path]
    )
    for where, row in chain.from_iterable(_READERS.get(suffix(one), _lines)(one, problems) for one in parts):
        if not isinstance(row, dict):
            problems.add(path, where, f"an object with named fields is needed, not {type(row).__name__}")
            continue
        row = _in_small_letters(row)
        for name in sorted(row.keys() - met - set(known)) if known else ():
            met.add(name)
            problems.add(path, where, f"unknown field {name!r} is ignored.{did_you_mean(name, known)}", lost=False)
        yield where, row


def _in_small_letters(row: dict[str, Any]) -> dict[str, Any]:
    """`Question` and ` question ` are `question`, unless that is there, too."""
    return {name.strip().lower(): row[name] for name in sorted(row, key=lambda name: name == name.strip().lower())}


def parsed(
    path: Path, problems: Problems, parse: Callable[[str, dict[str, Any]], T], known: Collection[str] = ()
) -> Iterator[tuple[str, T]]:
    """What `parse` makes of each row; a ValueError it raises is a problem of that row."""
    for where, row in rows(path, problems, known):
        try:
            yield where, parse(where, row)
        except ValueError as error:
            problems.add(path, where, f"{error}")


def located(
    path: Path, problems: Problems, parse: Callable[[str, dict[str, Any]], Question], known: Collection[str] = ()
) -> Iterator[Located]:
    """`parsed` for questions."""
    return (Located(str(path), where, question) for where, question in parsed(path, problems, parse, known))


def _open(path: Path) -> BufferedReader:
    try:
        with path.open("rb") as file:
            magic = file.read(4)
        if magic == b"PAR1":
            raise InputError(f"{path}: this is Parquet; let its name end in .parquet.")
        return cast(BufferedReader, gzip.open(path)) if magic[:2] == b"\x1f\x8b" else path.open("rb")
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error


def _raw_lines(path: Path, problems: Problems) -> Iterator[tuple[int, str]]:
    number = 0
    with _open(path) as file:
        if file.peek(2)[:2] in (BOM_UTF16_LE, BOM_UTF16_BE):  # as spreadsheets export "Unicode text"
            yield from enumerate(file.read().decode("utf-16", "replace").splitlines(keepends=True), 1)
            return
        try:
            for number, raw in enumerate(file, 1):
                try:
                    yield number, raw.decode("utf-8-sig" if number == 1 else "utf-8")
                except UnicodeDecodeError as error:
                    problems.add(path, str(number), f"not UTF-8 ({error.reason} at byte {error.start})")
        except (EOFError, OSError, zlib.error) as error:
            problems.add(path, str(number + 1), f"the rest of the file, which ends here ({error})")


def _lines(path: Path, problems: Problems) -> Iterator[tuple[str, Any]]:
    for number, line in _raw_lines(path, problems):
        if not line.strip():
            continue
        try:
            yield str(number), json.loads(line)
        except (ValueError, RecursionError) as error:  # ValueError: also a number of thousands of digits
            problems.add(path, str(number), f"not JSON ({error})")


def _json(path: Path, problems: Problems) -> Iterator[tuple[str, Any]]:
    """The items of a list, or the values that stand one after the other (one object, or JSON Lines)."""
    text = "".join(line for _, line in _raw_lines(path, problems))
    position, line, item = 0, 1, 0
    listed = text.lstrip().startswith("[")
    skip = " \t\r\n,[" if listed else " \t\r\n"
    while True:
        start = position
        while position < len(text) and text[position] in skip:
            position += 1
        line += text.count("\n", start, position)
        if position == len(text) or (listed and text[position] == "]"):
            return
        item += 1
        where = f"{line}, item {item}" if listed else str(line)
        try:
            value, end = _DECODER.raw_decode(text, position)
        except (ValueError, RecursionError) as error:  # ValueError: also a number of thousands of digits
            problems.add(path, where, f"the rest of the file, not JSON from here on ({error})")
            return
        yield where, value
        line += text.count("\n", position, end)
        position = end


def _table(path: Path, problems: Problems) -> Iterator[tuple[str, Any]]:
    """Rows under a header line, whose most frequent of , ; tab | is the delimiter."""
    lines = (line for _, line in _raw_lines(path, problems))
    header = next(lines, "")
    delimiter = max(_DELIMITERS, key=header.count)
    names = next(csv.reader([header], delimiter=delimiter), [])
    reader = csv.reader(lines, delimiter=delimiter)
    end = 1
    while True:
        start = end + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            problems.add(path, str(start), f"{error}")
            end = reader.line_num + 1
            continue
        if cells is None:
            return
        end = reader.line_num + 1
        if not cells:
            continue
        if len(cells) != len(names):
            problems.add(path, str(start), f"{len(cells)} cells under a header of {len(names)}")
            continue
        yield str(start), dict(zip((name.strip() for name in names), cells, strict=True))


def _parquet(path: Path, problems: Problems) -> Iterator[tuple[str, Any]]:
    with extra("parquet", "a data set in Parquet"):
        import pyarrow
        from pyarrow import parquet
    number = 0
    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches():
                for row in batch.to_pylist():
                    number += 1
                    yield str(number), row
    except (OSError, pyarrow.ArrowException) as error:
        problems.add(path, str(number + 1), f"the rest of the file ({error})")


_READERS: dict[str, Callable[[Path, Problems], Iterator[tuple[str, Any]]]] = {
    ".json": _json,
    ".csv": _table,
    ".tsv": _table,
    ".parquet": _parquet,
}
