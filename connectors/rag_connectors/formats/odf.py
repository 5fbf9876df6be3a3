"""OpenDocument texts, tables and slides (odt, ods, odp, also as one XML file): cells as they are shown, list numbers,
headings, formulas, charts and comments below their paragraph, footnotes at the end, page headers and footers once.
Deleted text is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from rag_connectors.archive import Archive, need, unpack, xml
from rag_connectors.grid import Merge, row, spread, table
from rag_connectors.office.odf_cells import count_of, rows_of, shown_whole, value_of
from rag_connectors.office.odf_lists import NS, Lists
from rag_connectors.office.odf_objects import OBJECT, pictures, read_object
from rag_connectors.office.odf_styles import Lettering, read_looks
from rag_connectors.office.runs import raised
from rag_connectors.office.symbols import translate
from rag_connectors.page_edges import says
from rag_connectors.parsed import Parsed, ParseOptions, RefusalError
from rag_connectors.pictures import PictureReader
from rag_connectors.text import one_line
from rag_connectors.writing import TextWriter

_TEXT, _TABLE, _OFFICE, _DRAW, _STYLE = (
    f"{NS}{name}:1.0}}" for name in ("text", "table", "office", "drawing", "style")
)
_TITLE = "{http://purl.org/dc/elements/1.1/}title"
_META, _DATE = f"{NS}meta:1.0}}", "{http://purl.org/dc/elements/1.1/}date"
_CREATOR = "{http://purl.org/dc/elements/1.1/}creator"
_LEFT_OUT = frozenset(
    [
        f"{_TEXT}tracked-changes",
        f"{_TEXT}note",
        f"{_OFFICE}annotation",
        f"{_TEXT}ruby-text",
        f"{_OFFICE}forms",
        f"{_DRAW}glue-point",
    ]
)
_CHARACTERS = {f"{_TEXT}tab": "\t", f"{_TEXT}line-break": "\n"}
_MOST_REPEATED = 1000  # equal rows that are written; a sheet is filled up with empty ones
_WIDEST = 1 << 14


def parse(data: bytes, name: str, options: ParseOptions) -> Parsed:
    """One record. The title is the file's own, else the first heading."""
    archive = None
    if data.startswith(b"PK"):
        archive = unpack(data, limit=options.max_bytes)
        root = need(archive, "content.xml", "OpenDocument text")
        styles, about = xml(archive, "styles.xml"), xml(archive, "META-INF/manifest.xml")
        if about is not None and any(node.tag.endswith("}encryption-data") for node in about.iter()):
            raise RefusalError("encrypted: it needs a password")
        meta = xml(archive, "meta.xml")
    else:
        root = styles = meta = _flat(data)
    title = next((one_line(node.text or "") for node in (meta.iter(_TITLE) if meta is not None else ())), "")
    reader = _Reader([part for part in (root, styles) if part is not None], archive, PictureReader(options))
    reader.edges("header")
    body = root.find(f"{_OFFICE}body")
    reader.blocks(body if body is not None else root)
    reader.read_pictures(root, "")
    reader.edges("footer")
    for note in reader.notes:
        reader.writer.gap()
        reader.writer.add(note)
    return reader.pictures.parsed(reader.writer.record(title=title, meta=_about(meta)))


def _about(meta: Element | None) -> dict[str, str]:
    """Who wrote the file (`author`), and when it was changed last (`date`)."""
    if meta is None:
        return {}
    names = {"author": (f"{_META}initial-creator", _CREATOR), "date": (_DATE, f"{_META}creation-date")}
    found = {
        field: next((one_line(node.text or "") for tag in tags for node in meta.iter(tag)), "")
        for field, tags in names.items()
    }
    return {field: value for field, value in found.items() if value}


def _flat(data: bytes) -> Element:
    try:
        root: Element = fromstring(data)
    except ParseError as error:
        raise RefusalError("damaged, or not what its name says: no OpenDocument file") from error
    except DefusedXmlException as error:
        raise RefusalError("refused: it declares XML entities") from error
    if not root.tag.startswith(_OFFICE):
        raise RefusalError("damaged, or not what its name says: no OpenDocument file")
    return root


class _Reader:
    """Writes blocks in their order, and gathers what stands elsewhere."""

    def __init__(self, roots: list[Element], archive: Archive | None, pictures: PictureReader) -> None:
        self._roots = roots
        self.pictures = pictures
        self._archive = archive
        self._looks = read_looks(roots)
        self.writer = TextWriter()
        self.lists = Lists(roots)
        self.notes: list[str] = []
        self._hanging: list[str] = []  # comments and charts, which stand below the block they belong to
        self._slides = 0

    def edges(self, kind: str) -> None:
        """Page headers or footers, each text once, without page numbers."""
        said: dict[str, None] = {}
        for root in self._roots:
            for edge in root.iter():
                if edge.tag in (f"{_STYLE}{kind}", f"{_STYLE}{kind}-first", f"{_STYLE}{kind}-left"):
                    said |= dict.fromkeys(self._edge(edge))
        for line in said:
            if says(line):
                self.writer.gap()
                self.writer.add(line)

    def _edge(self, parent: Element) -> Iterator[str]:
        for node in parent:
            if node.tag == f"{_TABLE}table":
                yield from (row([one_line(cell) for cell in cells]) for cells in self._grid(node)[0])
            elif node.tag == f"{_TEXT}p":
                yield one_line(self._text(node))
            else:
                yield from self._edge(node)

    def blocks(self, parent: Element, style: str = "", depth: int = 0) -> None:
        """Everything inside; `style` and `depth` are of the list around it."""
        for node in parent:
            tag = node.tag
            if tag in _LEFT_OUT:
                continue
            if tag == f"{_TEXT}h":
                self._heading(node)
            elif tag == f"{_TEXT}p":
                self._paragraph(self._text(node).strip())
            elif tag == f"{_TEXT}list":
                self._list(node, node.get(f"{_TEXT}style-name", style), depth + 1)
            elif tag == f"{_TABLE}table":
                self._table(node)
            elif tag == f"{_DRAW}page":
                self._slide(node)
            elif tag == OBJECT:
                self._paragraph(self._object(node).strip())
            else:
                self.blocks(node, style, depth)
            self._hang()

    def read_pictures(self, node: Element, label: str, start: int = 0) -> None:
        """What OCR sees in the pictures inside, whose other text was written since `start`."""
        bare = self.writer.at == start
        self.pictures.write(pictures(node, self._archive), self.writer, label, bare=bare)

    def _heading(self, node: Element) -> None:
        text = self._text(node).strip()
        level = node.get(f"{_TEXT}outline-level", "1")
        at = int(level) if level.isdecimal() and len(level) < 3 else 1
        label = self.lists.heading(at) if text and node.get(f"{_TEXT}is-list-header") != "true" else ""
        self.writer.heading(at, f"{label} {text}".strip())

    def _paragraph(self, text: str) -> None:
        self.writer.gap()
        if text:
            self.writer.add(text)

    def _hang(self) -> None:
        hanging, self._hanging = self._hanging, []
        for text in hanging:
            self._paragraph(text)

    def _object(self, node: Element) -> str:
        formula, chart = read_object(node, self._archive)
        self._hanging += ["\n".join(filter(None, chart))] * any(chart)
        return f" {formula} " if formula else ""

    def _list(self, node: Element, style: str, depth: int) -> None:
        self.lists.begin(
            style,
            depth,
            goes_on=node.get(f"{_TEXT}continue-numbering") == "true" or bool(node.get(f"{_TEXT}continue-list")),
        )
        for item in node:
            if item.tag not in (f"{_TEXT}list-item", f"{_TEXT}list-header"):
                continue
            label = (
                self.lists.item(style, depth, item.get(f"{_TEXT}start-value", "")) if item.tag.endswith("item") else ""
            )
            for part in item:
                if part.tag == f"{_TEXT}p" and label:
                    if text := self._text(part).strip():
                        self.writer.add(f"{label} {text}")
                        label = ""
                elif part.tag == f"{_TEXT}h":
                    self._heading(part)
                elif part.tag == f"{_TEXT}list":
                    self._list(part, part.get(f"{_TEXT}style-name", style), depth + 1)
                elif part.tag == f"{_TEXT}p":
                    if text := self._text(part).strip():
                        self.writer.add(text)
                self._hang()

    def _slide(self, page: Element) -> None:
        self._slides += 1
        self.writer.gap()
        start = self.writer.at
        self.blocks(page)
        self.read_pictures(page, f"slide {self._slides}", start)
        self.writer.span(start, "slide", f"slide {self._slides}")
        self.writer.gap()

    def _table(self, node: Element) -> None:
        """In a spreadsheet, rows have addresses and are told by their header."""
        name = node.get(f"{_TABLE}name", "")
        grid, merges = self._grid(node)
        spread(grid, merges)
        for shapes in node.iterfind(f"{_TABLE}shapes"):
            for drawing in shapes.iter(OBJECT):
                self._object(drawing)
        self.writer.gap()
        if any(self._roots[0].iter(f"{_OFFICE}spreadsheet")):
            columns = [
                i for i in range(max(map(len, grid), default=0)) if any(i < len(cells) and cells[i] for cells in grid)
            ]
            rows = [[cells[i] if i < len(cells) else "" for i in columns] for cells in grid]
            for number, line in table(enumerate(rows, 1)):
                start = self.writer.at
                self.writer.add(line)
                self.writer.span(start, "row", f"{name} row {number}")
        else:
            for cells in grid:
                if line := row([one_line(cell) for cell in cells]):
                    self.writer.add(line)
        self.writer.gap()

    def _grid(self, node: Element) -> tuple[list[list[str]], list[Merge]]:
        grid: list[list[str]] = []
        merges: list[Merge] = []
        for line in rows_of(node):
            cells: list[str] = []
            for cell in line:
                if cell.tag not in (f"{_TABLE}table-cell", f"{_TABLE}covered-table-cell"):
                    continue
                text = "" if cell.tag.endswith("covered-table-cell") else shown_whole(cell, self._cell(cell))
                times = count_of(cell, "number-columns-repeated")
                across, down = count_of(cell, "number-columns-spanned"), count_of(cell, "number-rows-spanned")
                if text and (across > 1 or down > 1):
                    merges.append(Merge(len(grid), len(cells), len(grid) + down - 1, len(cells) + across - 1))
                cells += [text] * min(times, _WIDEST - len(cells))
            while cells and not cells[-1]:
                cells.pop()
            times = count_of(line, "number-rows-repeated")
            grid += (
                [list(cells) for _ in range(min(times, _MOST_REPEATED if cells else 1 << 20))]
                if cells or times < 1 << 12
                else []
            )
        width = max(map(len, grid), default=0)
        return [cells + [""] * (min(width, 256) - len(cells)) for cells in grid], merges

    def _cell(self, cell: Element) -> str:
        for note in cell.iterfind(f"{_OFFICE}annotation"):
            self._comment(note)
        inside = {id(p) for note in cell.iter(f"{_OFFICE}annotation") for p in note.iter()}
        lines = [
            self._text(part)
            for part in cell.iter()
            if part.tag in (f"{_TEXT}p", f"{_TEXT}h") and id(part) not in inside
        ]
        for drawing in cell.iter(OBJECT):
            self._object(drawing)
        return one_line(" ".join(lines)) or value_of(cell)

    def _comment(self, node: Element) -> None:
        by = node.findtext(_CREATOR) or ""
        text = one_line(" ".join(self._text(part) for part in node.iter(f"{_TEXT}p")))
        if text:
            self._hanging.append(f"Comment{f' by {by}' if by else ''}: {text}")

    def _text(self, node: Element) -> str:
        look = self._looks.get(node.get(f"{_TEXT}style-name", ""), Lettering())
        parts = [translate(look.font, node.text or "")]
        for child in node:
            if child.tag == f"{_TEXT}s":
                count = child.get(f"{_TEXT}c", "1")
                parts.append(" " * (min(int(count), 100) if count.isdecimal() else 1))
            elif child.tag == f"{_TEXT}note":
                body = child.find(f"{_TEXT}note-body")
                self.notes.append(
                    one_line(" ".join(self._text(p) for p in body.iter(f"{_TEXT}p"))) if body is not None else ""
                )
            elif child.tag == f"{_OFFICE}annotation":
                self._comment(child)
            elif child.tag in _CHARACTERS:
                parts.append(_CHARACTERS[child.tag])
            elif child.tag == OBJECT:
                formula = self._object(child)
                parts.append(formula.lstrip() if not parts[-1] or parts[-1][-1].isspace() else formula)
            elif child.tag == f"{_TEXT}span":
                place = self._looks.get(child.get(f"{_TEXT}style-name", ""), Lettering()).place
                parts.append(raised(place, self._text(child), "".join(parts[-2:])))
            elif child.tag not in _LEFT_OUT:
                block = child.tag in (f"{_TEXT}p", f"{_TEXT}h", f"{_DRAW}text-box")
                parts.append(("\n" if block else "") + self._text(child))
            tail = translate(look.font, child.tail or "")
            parts.append(tail.lstrip() if parts[-1].endswith(" ") else tail)
        return "".join(parts)
