"""The cells of a workbook (xlsx), as shown, read from its XML: what a style or a property has wrong loses none.

Shared formulas are not computed: a cell shows the result that was stored with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from rag_connectors.archive import Archive, content, need, related, relations, xml
from rag_connectors.grid import Merge
from rag_connectors.office.formats import BUILT_IN, show_number
from rag_connectors.office.runs import raised
from rag_connectors.parsed import RefusalError
from rag_connectors.text import one_line

S = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_ID = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_PLACE = re.compile(r"\$?([A-Za-z]{1,3})\$?(\d{1,7})")
_LAST_ROW, _LAST_COLUMN = 1 << 20, 1 << 14
_EDGES = frozenset(f"{S}{page}{edge}" for page in ("odd", "even", "first") for edge in ("Header", "Footer"))
_PLACE_CODE, _PAGE_CODE = re.compile("&[LCR]"), re.compile("&[PN]")
_CODE = re.compile(r'&(?:"[^"]*"|K[0-9A-Fa-f]{6}|\d+|[A-Z])')  # fonts, colours, dates, names of the file
_ESCAPE = re.compile("_x([0-9A-Fa-f]{4})_")


@dataclass(slots=True)
class Sheet:
    """A sheet's cells by row and column, both from 0; `blind` counts formulas without a stored result.

    `edges` are the texts in the head and foot of its printed pages.
    """

    name: str
    part: str
    rows: dict[int, dict[int, str]] = field(default_factory=dict)
    merges: list[Merge] = field(default_factory=list)
    blind: int = 0
    edges: list[str] = field(default_factory=list)


class Workbook:
    """A workbook's sheets, read one at a time; `lost` names those that cannot be read."""

    def __init__(self, archive: Archive, main: str) -> None:
        self.archive, self.main = archive, main
        self._root = need(archive, main, "workbook")
        settings = self._root.find(f"{S}workbookPr")
        self._date1904 = settings is not None and settings.get("date1904", "0") in ("1", "true")
        self._strings = list(self._read_strings())
        self.lost: list[str] = []
        self._shapes = self._read_shapes()

    def sheets(self) -> Iterator[Sheet]:
        """The sheets in their order, hidden ones too."""
        targets = relations(self.archive, self.main)
        for entry in self._root.iter(f"{S}sheet"):
            name = one_line(entry.get("name", ""))
            part = targets.get(entry.get(_ID, ""), ("", ""))[1]
            data = content(self.archive, part)
            if data is None:
                self.lost.append(f"the sheet {name} is missing in the file")
            else:
                yield self._sheet(name, part, data)

    def _sheet(self, name: str, part: str, data: bytes) -> Sheet:
        sheet = Sheet(name, part)
        at = -1
        try:
            for _, node in iterparse(BytesIO(data), events=("end",)):
                if node.tag == f"{S}row":
                    number = node.get("r", "")
                    at = int(number) - 1 if number.isdecimal() and 0 < int(number) <= _LAST_ROW else at + 1
                    self._row(node, at, sheet)
                    node.clear()
                elif node.tag in _EDGES:
                    plain = _CODE.sub("", _PAGE_CODE.sub("1", _PLACE_CODE.sub("\n", node.text or "")))
                    sheet.edges += filter(None, map(one_line, plain.split("\n")))
                elif node.tag == f"{S}mergeCell":
                    if merge := area(node.get("ref", "")):
                        sheet.merges.append(merge)
        except ParseError as error:
            if not sheet.rows:
                raise RefusalError(f"damaged: {part} is not well-formed XML") from error
            self.lost.append(f"the sheet {name} is damaged after row {at + 1}")
        except DefusedXmlException as error:
            raise RefusalError(f"refused: {part} declares XML entities") from error
        return sheet

    def _row(self, node: Element, at: int, sheet: Sheet) -> None:
        column = -1
        for cell in node.iter(f"{S}c"):
            place = place_of(cell.get("r", ""))
            column = place[1] if place else column + 1
            text = self._text(cell, sheet)
            if text and column < _LAST_COLUMN:
                sheet.rows.setdefault(place[0] if place else at, {})[column] = text

    def _text(self, cell: Element, sheet: Sheet) -> str:
        kind = cell.get("t", "n")
        value = cell.findtext(f"{S}v") or ""
        if kind == "inlineStr":
            return _string(cell.find(f"{S}is"))
        if not value:
            sheet.blind += cell.find(f"{S}f") is not None and kind != "str"
            return ""
        if kind == "s":
            value = value.strip()
            return self._strings[int(value)] if value.isdecimal() and int(value) < len(self._strings) else ""
        if kind == "b":
            return "TRUE" if value.strip() in ("1", "true") else "FALSE"
        if kind == "d":
            return one_line(value.replace("T00:00:00", "").replace("T", " ").removesuffix("Z").removesuffix(".000"))
        if kind != "n":
            return _unescape(value).strip()
        style = cell.get("s", "0")
        shape = self._shapes[int(style)] if style.isdecimal() and int(style) < len(self._shapes) else ""
        return show_number(value, shape, date1904=self._date1904)

    def _read_strings(self) -> Iterator[str]:
        for part in related(self.archive, self.main, "sharedStrings") or ["xl/sharedStrings.xml"]:
            root = xml(self.archive, part)
            yield from map(_string, root.iterfind(f"{S}si") if root is not None else ())

    def _read_shapes(self) -> list[str]:
        """The number format of every cell style."""
        part = next(iter(related(self.archive, self.main, "styles")), "xl/styles.xml")
        try:
            root = xml(self.archive, part)
        except RefusalError:
            self.lost.append("its number formats are damaged: numbers and dates are shown as they are stored")
            return []
        if root is None:
            return []
        own = {one.get("numFmtId", ""): one.get("formatCode", "") for one in root.iter(f"{S}numFmt")}
        styles = root.find(f"{S}cellXfs")
        ids = [style.get("numFmtId", "0") for style in styles] if styles is not None else []
        return [own[i] if i in own else BUILT_IN.get(int(i), "") if i.isdecimal() else "" for i in ids]


def place_of(reference: str) -> tuple[int, int] | None:
    """Row and column, from 0, of a cell's name: "B3" is (2, 1)."""
    match = _PLACE.fullmatch(reference)
    if not match or not 0 < int(match[2]) <= _LAST_ROW:
        return None
    column = 0
    for letter in match[1].upper():
        column = column * 26 + ord(letter) - 64
    return int(match[2]) - 1, column - 1


def area(reference: str) -> Merge | None:
    """The cells of a reference like "A1:C2"."""
    first, _, last = reference.partition(":")
    start, end = place_of(first), place_of(last)
    return Merge(*start, *end) if start and end else None


def _string(node: Element | None) -> str:
    """A string with its runs, without how it is read aloud (phonetic)."""
    if node is None:
        return ""
    text = node.findtext(f"{S}t") or ""
    for run in node.iterfind(f"{S}r"):
        look = run.find(f"{S}rPr/{S}vertAlign")
        text += raised(look.get("val", "") if look is not None else "", run.findtext(f"{S}t") or "", text)
    return _unescape(text).strip()


def _unescape(text: str) -> str:
    return _ESCAPE.sub(lambda match: chr(int(match[1], 16)), text) if "_x" in text else text
