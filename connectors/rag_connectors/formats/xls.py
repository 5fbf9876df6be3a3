"""Old and binary workbooks (xls, xlsb) by calamine: a line per row under "Sheet1 row 12" addresses.

Numbers are shown without their format, dates in ISO form. Comments and text boxes of an xls stand below their sheet;
charts are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from io import BytesIO

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, PasswordError, SheetTypeEnum

from rag_connectors.grid import Merge, spread, table
from rag_connectors.office.xls_notes import read_notes
from rag_connectors.parsed import Parsed, ParseOptions, RefusalError
from rag_connectors.text import one_line
from rag_connectors.writing import TextWriter


def parse(data: bytes, name: str, options: ParseOptions) -> Parsed:
    """One record with a section per row; it has no title."""
    notes = read_notes(data)
    if notes.encrypted:
        raise RefusalError("encrypted: it needs a password")
    try:
        book = CalamineWorkbook.from_object(BytesIO(data))
    except PasswordError as error:
        raise RefusalError("encrypted: it needs a password") from error
    except CalamineError as error:
        raise RefusalError(f"damaged: no workbook ({one_line(str(error))[:100]})") from error
    writer = TextWriter()
    lost: list[str] = []
    for meta in book.sheets_metadata:
        if meta.typ != SheetTypeEnum.WorkSheet:
            continue
        try:
            sheet = book.get_sheet_by_name(meta.name)
        except CalamineError as error:
            lost.append(f"the sheet {meta.name} is damaged ({one_line(str(error))[:100]})")
            continue
        writer.gap()
        for number, line in table(_rows(sheet)):
            start = writer.at
            writer.add(line)
            writer.span(start, "row", f"{sheet.name} row {number}")
        for line in notes.lines.get(sheet.name, ()):
            writer.gap()
            writer.add(line)
    return Parsed((writer.record(),), tuple(lost))


def _rows(sheet: CalamineSheet) -> Iterator[tuple[int, list[str]]]:
    top, left = sheet.start or (0, 0)
    grid = [[_show(value) for value in cells] for cells in sheet.to_python(skip_empty_area=True)]
    merges = (Merge(a - top, b - left, c - top, d - left) for (a, b), (c, d) in sheet.merged_cell_ranges or ())
    spread(grid, [merge for merge in merges if merge.top >= 0 and merge.left >= 0])
    return enumerate(grid, top + 1)


def _show(value: object) -> str:
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        return f"{int(value)}" if value.is_integer() and abs(value) < 1e22 else f"{value:.15g}"
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(" ", "minutes")
    if isinstance(value, timedelta):
        minutes, seconds = divmod(int(value.total_seconds()), 60)
        return f"{minutes // 60}:{minutes % 60:02}" + (f":{seconds:02}" if seconds else "")
    return value.isoformat() if isinstance(value, date | time) else str(value)
