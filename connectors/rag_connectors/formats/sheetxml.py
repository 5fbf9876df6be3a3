"""Workbooks of Excel 2003 in XML, which carry the name xls or xml."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from rag_connectors.archive import tree
from rag_connectors.grid import table
from rag_connectors.parsed import Parsed, ParseOptions
from rag_connectors.writing import TextWriter

_SS = "{urn:schemas-microsoft-com:office:spreadsheet}"
_LAST = 1 << 14


def parse(data: bytes, name: str, options: ParseOptions) -> Parsed:
    """One record with a section per row."""
    root = tree(data)
    writer = TextWriter()
    for sheet in root.iter(f"{_SS}Worksheet"):
        called = sheet.get(f"{_SS}Name", "Sheet")
        writer.gap()
        for number, line in table(_rows(sheet)):
            start = writer.at
            writer.add(line)
            writer.span(start, "row", f"{called} row {number}")
    return Parsed((writer.record(),))


def _rows(sheet: Element) -> Iterator[tuple[int, list[str]]]:
    number = 0
    for row in sheet.iter(f"{_SS}Row"):
        number = _index(row, number)
        cells: list[str] = []
        for cell in row.iterfind(f"{_SS}Cell"):
            cells += [""] * (_index(cell, len(cells)) - 1 - len(cells))
            data = cell.find(f"{_SS}Data")
            text = "".join(data.itertext()) if data is not None else ""
            cells.append(
                text.replace("T00:00:00.000", "") if data is not None and data.get(f"{_SS}Type") == "DateTime" else text
            )
            across = cell.get(f"{_SS}MergeAcross", "0")
            cells += [""] * (min(int(across), _LAST) if across.isdecimal() else 0)
        yield number, cells


def _index(node: Element, before: int) -> int:
    own = node.get(f"{_SS}Index", "")
    return min(int(own), before + _LAST) if own.isdecimal() and int(own) > before else before + 1
