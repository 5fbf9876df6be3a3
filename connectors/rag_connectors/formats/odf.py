"""OpenDocument texts, tables and slides (odt, ods, odp, also as one XML file): cells as they are shown, list numbers,
headings, formulas, what is typed into forms; text boxes, charts, tables of other programs and comments below their
paragraph, footnotes at the end, page headers, footers and what masters of slides say once. Deleted text is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from xml.etree.ElementTree import Element

from rag_connectors.archive import Archive
from rag_connectors.grid import Merge, row, spread, table
from rag_connectors.office.embedded import embedded
from rag_connectors.office.inside import is_description
from rag_connectors.office.odf_cells import is_blind, read_grid, shown_whole, value_of
from rag_connectors.office.odf_file import open_file
from rag_connectors.office.odf_forms import CONTROL, control_of, read_controls
from rag_connectors.office.odf_lists import NS, Lists
from rag_connectors.office.odf_objects import OBJECT, OTHER, body_of, foreign, pictures, read_object
from rag_connectors.office.odf_styles import Lettering, edge_parts, read_looks
from rag_connectors.office.runs import raised
from rag_connectors.office.symbols import translate
from rag_connectors.page_edges import says
from rag_connectors.parsed import Parsed, ParsedRecord, ParseOptions
from rag_connectors.pictures import PictureReader
from rag_connectors.text import one_line
from rag_connectors.writing import TextWriter

_TEXT, _TABLE, _OFFICE, _DRAW, _SVG = (
    f"{NS}{name}:1.0}}" for name in ("text", "table", "office", "drawing", "svg-compatible")
)
_HREF = "{http://www.w3.org/1999/xlink}href"
_CREATOR = "{http://purl.org/dc/elements/1.1/}creator"
_LEFT_OUT = frozenset(
    [
        f"{_TEXT}tracked-changes",
        f"{_TABLE}tracked-changes",
        f"{_TABLE}content-validations",
        f"{_TEXT}note",
        f"{_TEXT}ruby-text",
        f"{_OFFICE}forms",
        f"{_DRAW}glue-point",
    ]
)
_PARAGRAPHS = (f"{_TEXT}p", f"{_TEXT}h")
_ANNOTATION = f"{_OFFICE}annotation"
_SHAPES = "text-box custom-shape rect ellipse polygon path line connector g"
_BOXES = frozenset(f"{_DRAW}{name}" for name in _SHAPES.split())
_CHARACTERS = {f"{_TEXT}tab": "\t", f"{_TEXT}line-break": "\n"}


def parse(data: bytes, name: str, options: ParseOptions) -> Parsed:
    """One record. The title is the file's own, else the first heading."""
    file = open_file(data, limit=options.max_bytes)
    reader = _Reader(file.roots, file.archive, options, PictureReader(options))
    reader.edges("header")
    body = file.root.find(f"{_OFFICE}body")
    reader.blocks(body if body is not None else file.root)
    reader.read_pictures(file.root, "")
    reader.edges("footer")
    reader.end()
    return reader.pictures.parsed(reader.writer.record(title=file.title, meta=file.about), reader.lost)


class _Reader:
    """Writes blocks in their order, and gathers what stands elsewhere."""

    def __init__(
        self, roots: list[Element], archive: Archive | None, options: ParseOptions, pictures: PictureReader
    ) -> None:
        self._roots, self._archive, self._options, self.pictures = roots, archive, options, pictures
        self._looks = read_looks(roots)
        self.writer = TextWriter()
        self.lists = Lists(roots)
        self.lost: list[str] = []
        self._controls = read_controls(roots)
        self._notes: list[str] = []
        self._hanging: list[str | Element | ParsedRecord] = []  # what stands below the block it belongs to
        self._slides = self._blind = 0

    def edges(self, kind: str) -> None:
        """Page headers or footers, each text once, without page numbers."""
        said: dict[str, None] = {}
        for part in edge_parts(self._roots, kind):
            said |= dict.fromkeys(self._edge(part) if len(part) else [one_line(part.text or "")])
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

    def blocks(self, parent: Iterable[Element], style: str = "", depth: int = 0) -> None:
        """Everything inside; `style` and `depth` are of the list around it."""
        for node in parent:
            tag = node.tag
            if tag in _LEFT_OUT:
                continue
            if tag == _ANNOTATION:
                self._comment(node)
            elif tag == CONTROL:
                self._paragraph(self._controls.get(control_of(node), ""))
            elif tag == f"{_TEXT}h":
                self._heading(node)
            elif tag == f"{_TEXT}p":
                self._paragraph(self._text(node).strip())
            elif tag == f"{_TEXT}list":
                self._list(node, node.get(f"{_TEXT}style-name", style), depth + 1)
            elif tag == f"{_TABLE}table":
                self._table(node)
            elif tag == f"{_DRAW}page":
                self._slide(node)
            elif tag in (OBJECT, OTHER):
                self._paragraph(self._object(node).strip())
            else:
                self._describe(node)
                self.blocks(node, style, depth)
                self._missing(node)
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
        for one in hanging:
            if isinstance(one, str):
                self._paragraph(one)
            elif isinstance(one, ParsedRecord):
                self.writer.gap()
                self.writer.embed(one)
                self.writer.gap()
            else:
                self.blocks([one])

    def _object(self, node: Element) -> str:
        """The formula that an object shows; charts, tables and texts in it are to stand below."""
        if node.tag == OTHER:
            data = foreign(node, self._archive)
            parsed = embedded(data, "an object in it", self._options) if data else None
            self._hanging += parsed.records if parsed else ()
            self.lost += parsed.lost if parsed else ()
            return ""
        formula, chart = read_object(node, self._archive)
        self._hanging += ["\n".join(filter(None, chart))] * any(chart)
        inside, roots = body_of(node, self._archive)
        if inside is not None:
            reader = _Reader(roots, None, self._options, self.pictures)
            reader.blocks(inside)
            reader.end()
            self._hanging.append(reader.writer.record())
            self.lost += reader.lost
        return f" {formula} " if formula else ""

    def end(self) -> None:
        """Footnotes, and what is to know of the cells."""
        for note in self._notes:
            self._paragraph(note)
        if self._blind:
            what = "open and save it in a spreadsheet program"
            self.lost.append(f"formulas without a stored result: {self._blind} ({what})")

    def _describe(self, node: Element) -> None:
        """What is said of a picture or drawing, in more words than a name has."""
        said = [one_line("".join(child.itertext())) for child in node if child.tag in (f"{_SVG}title", f"{_SVG}desc")]
        self._hanging += [words for words in said if is_description(words)]

    def _missing(self, node: Element) -> None:
        """Names a part that is kept in another file."""
        source = node.find(f"{_TEXT}section-source")
        if source is not None and not any(child.tag in _PARAGRAPHS for child in node.iter()):
            self.lost.append(f"a part of it is in another file ({source.get(_HREF, '')})")

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
                else:
                    self.blocks([part], style, depth)
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
        self._hanging += node.findall(f"{_TABLE}shapes")
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
        return read_grid(node, self._cell)

    def _cell(self, cell: Element) -> str:
        self._blind += is_blind(cell)
        return shown_whole(cell, one_line(" ".join(self._inside(cell))) or value_of(cell))

    def _inside(self, parent: Element) -> Iterator[str]:
        """The lines in a cell; of a table within it, a line with its cells."""
        for node in parent:
            if node.tag == _ANNOTATION:
                self._comment(node)
            elif node.tag in _PARAGRAPHS:
                yield self._text(node)
            elif node.tag == f"{_TABLE}table":
                grid, merges = self._grid(node)
                spread(grid, merges)
                yield "; ".join(", ".join(filter(None, map(one_line, cells))) for cells in grid if any(cells))
            elif node.tag in (OBJECT, OTHER):
                yield self._object(node)
            elif node.tag == CONTROL:
                yield self._controls.get(control_of(node), "")
            elif node.tag not in _LEFT_OUT:
                self._describe(node)
                yield from self._inside(node)

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
                self._notes.append(
                    one_line(" ".join(self._text(p) for p in body.iter(f"{_TEXT}p"))) if body is not None else ""
                )
            elif child.tag == _ANNOTATION:
                self._comment(child)
            elif child.tag in _BOXES:
                self._hanging.append(child)
            elif child.tag == CONTROL:
                apart = " " if "".join(parts[-2:])[-1:].strip() else ""
                parts.append(apart + self._controls.get(control_of(child), ""))
            elif child.tag in _CHARACTERS:
                parts.append(_CHARACTERS[child.tag])
            elif child.tag in (OBJECT, OTHER):
                formula = self._object(child)
                parts.append(formula.lstrip() if not parts[-1] or parts[-1][-1].isspace() else formula)
            elif child.tag == f"{_TEXT}span":
                place = self._looks.get(child.get(f"{_TEXT}style-name", ""), Lettering()).place
                parts.append(raised(place, self._text(child), "".join(parts[-2:])))
            elif child.tag not in _LEFT_OUT and not child.tag.startswith(_SVG):
                self._describe(child)
                parts.append(("\n" if child.tag in _PARAGRAPHS else "") + self._text(child))
            tail = translate(look.font, child.tail or "")
            parts.append(tail.lstrip() if parts[-1].endswith(" ") else tail)
        return "".join(parts)
