"""Workbooks (xlsx) by openpyxl: a line per row, with stored results of formulas, under "Sheet1 row 12" addresses.

Charts, comments and pictures are left out.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time
from io import BytesIO
from typing import Any
from zipfile import ZipFile

import openpyxl

from rag_connectors.archive import unpack
from rag_connectors.grid import table
from rag_connectors.parsed import Parsed, ParseOptions, RefusalError
from rag_connectors.writing import TextWriter

_NO_RESULT = re.compile(rb"</f>\s*(?:<v\s*/>|<v></v>)?\s*</c>")


def parse(data: bytes, name: str, options: ParseOptions) -> Parsed:
    """One record with a section per row; it has no title unless the workbook's properties name one."""
    archive = unpack(data, limit=options.max_bytes)
    if "[Content_Types].xml" not in archive.namelist():
        raise RefusalError("damaged, or not what its name says: no workbook inside")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about styles and extensions, which hold no text
        book = openpyxl.load_workbook(BytesIO(data), read_only=True, data_only=True)
    writer = TextWriter()
    for sheet in book.worksheets:
        sheet.reset_dimensions()  # the declared size is often wrong
        writer.gap()
        for number, line in table(_rows(sheet.iter_rows())):
            start = writer.at
            writer.add(line)
            writer.span(start, "row", f"{sheet.title} row {number}")
    blind = sum(len(_NO_RESULT.findall(part)) for part in _sheets(archive))
    lost = (f"formulas without a stored result: {blind} (open and save it in a spreadsheet program)",) if blind else ()
    return Parsed((writer.record(title=str(book.properties.title or "")),), lost)


def _rows(rows: Iterable[Sequence[Any]]) -> Iterator[tuple[int, list[str]]]:
    for number, row in enumerate(rows, 1):
        yield number, [_show(cell.value, getattr(cell, "number_format", "")) for cell in row]


def _show(value: object, shape: str) -> str:
    """A cell as a person sees it, near enough: whole numbers whole, percentages as such, dates in ISO form."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int | float):
        return f"{value * 100:.10g}%" if shape and shape.endswith("%") else f"{value:.15g}"
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(" ", "minutes")
    return value.isoformat() if isinstance(value, date | time) else str(value)


def _sheets(archive: ZipFile) -> Iterator[bytes]:
    for name in archive.namelist():
        if name.startswith("xl/worksheets/") and name.endswith(".xml"):
            yield archive.read(name)
