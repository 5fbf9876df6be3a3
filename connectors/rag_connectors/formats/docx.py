"""Word documents (docx): paragraphs with their automatic numbers, headings from styles, tables row by row.

Charts, diagrams and comments stand below the block they belong to; page headers come first and page footers last, each
text once; then foot- and endnotes. Deleted (tracked) text and field codes are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from xml.etree.ElementTree import Element

from rag_connectors.archive import Archive, content, main_part, need, properties, related, relations, unpack, xml
from rag_connectors.grid import Merge, merged_rows, spread
from rag_connectors.office.drawings import drawn
from rag_connectors.office.embedded import embedded
from rag_connectors.office.equations import M
from rag_connectors.office.inside import described, packed, pictures
from rag_connectors.office.numbering import BULLET, Numbering
from rag_connectors.office.runs import LEFT_OUT, Runs
from rag_connectors.office.styles import Style, W, outline, read_styles, value
from rag_connectors.page_edges import says
from rag_connectors.parsed import Parsed, ParseOptions
from rag_connectors.pictures import PictureReader
from rag_connectors.text import one_line
from rag_connectors.writing import TextWriter

_R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_MAX_CELL = 300  # characters; a longer text in a table of one column is text in a frame
_MAX_SPAN = 64  # columns of a cell


def parse(data: bytes, name: str, options: ParseOptions) -> Parsed:
    """One record. The title is the file's own, else its Title paragraph, else the first heading."""
    archive = unpack(data, limit=options.max_bytes)
    part = main_part(archive, "word/document.xml")
    bodies = need(archive, part, "Word document").findall(f"{W}body")  # of damaged files that Word opens, several
    word = _Word(archive, part, options)
    for body in bodies:
        word.edges(body, "header")
        word.blocks(body)
        word.note(word.initial)
        word.edges(body, "footer")
        word.pictures.write(pictures(archive, part, body), word.writer, bare=not word.writer.at)
    for kind in ("footnotes", "endnotes"):
        for target in related(archive, part, kind) or [f"word/{kind}.xml"]:
            for note in xml(archive, target) or ():
                word.note(word.runs.line(note))
    for comment in list(word.comments):
        word.note(word.comments.pop(comment))
    title, meta = properties(archive)
    return word.pictures.parsed(word.writer.record(title=title or word.title, meta=meta), word.lost)


class _Word:
    """What a document is read with, and what was written of it."""

    def __init__(self, archive: Archive, part: str, options: ParseOptions) -> None:
        self.archive, self.part, self.options = archive, part, options
        self.writer = TextWriter()
        self.title = self.initial = ""  # a large first letter of the paragraph that follows
        self.lost: list[str] = []
        self.pictures = PictureReader(options)
        self.styles = read_styles(self._root("styles"))
        self.numbering = Numbering(self._root("numbering"))
        self.runs = Runs(self.styles)
        self.comments = dict(self._comments())
        self._seen: set[str] = set()  # texts of page headers and footers

    def _root(self, kind: str) -> Element | None:
        return xml(self.archive, next(iter(related(self.archive, self.part, kind)), f"word/{kind}.xml"))

    def _comments(self) -> Iterator[tuple[str, str]]:
        root = self._root("comments")
        reader = Runs(self.styles)
        for comment in root if root is not None else ():
            by = comment.get(f"{W}author", "")
            text = reader.line(comment)
            if text:
                yield comment.get(f"{W}id", ""), f"Comment{f' by {by}' if by else ''}: {text}"

    def note(self, text: str) -> None:
        """A paragraph of its own."""
        if text:
            self.writer.gap()
            self.writer.add(text)

    def blocks(self, parent: Element) -> None:
        """Every paragraph and table inside, in order, and what hangs on each."""
        for block in _nearest(parent, "p", "tbl", "altChunk", "oMathPara", "subDoc"):
            self.runs.comments.clear()
            self.runs.objects.clear()
            self.runs.boxes.clear()
            if block.tag == f"{W}p":
                self._paragraph(block)
            elif block.tag == f"{W}tbl":
                self._table(block)
            elif block.tag == f"{W}altChunk":
                self._other(block)
            elif block.tag == f"{W}subDoc":
                self.lost.append("a part of it is in another file (a master document)")
            else:
                self.note(self.runs.text(block).strip())
            objects, boxes, comments = list(self.runs.objects), list(self.runs.boxes), list(self.runs.comments)
            for box in boxes:
                self.blocks(box)
            for one in objects:
                _empty_boxes(one)
                self.note("\n".join(described(one)))
                for parsed in packed(self.archive, self.part, one, self.options):
                    self._embed(parsed)
                if lines := list(drawn(self.archive, self.part, one)):
                    self.note("\n".join(lines))
                self.pictures.write(pictures(self.archive, self.part, one), self.writer)
            for comment in comments:
                self.note(self.comments.pop(comment, ""))

    def _paragraph(self, block: Element) -> None:
        text = self.runs.text(block).strip()
        frame = block.find(f"{W}pPr/{W}framePr")
        if text and frame is not None and frame.get(f"{W}dropCap") in ("drop", "margin"):
            self.initial += text
            return
        if text:
            text, self.initial = self.initial + text, ""
        level, label = self._look(block)
        if not text:
            self.writer.gap()
        elif level is not None:
            self.writer.heading(level, f"{label} {text}" if label and label != BULLET else text)
            self.title = self.title or (one_line(text) if level == 0 else "")
        elif label:
            self.writer.add(f"{label} {text}")
        else:
            self.note(text)

    def _look(self, paragraph: Element) -> tuple[int | None, str]:
        """The heading level of a paragraph, and its automatic number or bullet; an empty one counts too."""
        name = value(paragraph, "pPr/pStyle")
        style = self.styles.get(name, Style())
        own_level = value(paragraph, "pPr/outlineLvl")
        level = outline(own_level) if own_level else style.level
        own = paragraph.find(f"{W}pPr/{W}numPr")
        number = value(own, "numId") or style.number
        place = value(own, "ilvl")
        linked, at = self.numbering.styles.get(name, (None, 0))
        if number is None and own is None:
            number = linked
        if place.isdecimal() or style.place is not None:
            at = int(place) if place.isdecimal() else style.place or 0
        if (number is None and own is None) or number == "0":
            return level, ""
        return level, self.numbering.label(number or "", at)

    def _table(self, node: Element) -> None:
        cells = [list(_nearest(line, "tc")) for line in _nearest(node, "tr")]
        is_frame = max(map(len, cells), default=0) == 1
        if is_frame and any(len(_plain(cell)) > _MAX_CELL for cell in chain.from_iterable(cells)):
            for cell in chain.from_iterable(cells):
                self.blocks(cell)
            return
        self.writer.gap()
        for row_text in self._rows(node):
            self.writer.add(row_text)
        self.writer.gap()
        for other in node.iter(f"{W}altChunk"):
            self._other(other)

    def _rows(self, table: Element) -> Iterator[str]:
        """Rows as lines; what a cell says over several rows or columns stands in each of them."""
        yield from filter(None, merged_rows(*self._grid(table)))

    def _grid(self, table: Element) -> tuple[list[list[str]], list[Merge]]:
        grid: list[list[str]] = []
        merges: list[Merge] = []
        open_at: dict[int, Merge] = {}  # column -> the cell that goes on below
        for number, line in enumerate(_nearest(table, "tr")):
            texts: list[str] = [""] * _count(value(line, "trPr/gridBefore"), 0)
            for cell in _nearest(line, "tc"):
                left, span = len(texts), max(1, _count(value(cell, "tcPr/gridSpan"), 1))
                down = cell.find(f"{W}tcPr/{W}vMerge")
                goes_on = down is not None and down.get(f"{W}val", "continue") != "restart"
                text = self._cell(cell)
                texts += [text, *[""] * (span - 1)]
                merge = Merge(number, left, number, left + span - 1)
                if goes_on and left in open_at and not text:
                    open_at[left] = open_at[left]._replace(bottom=number)
                    continue
                if left in open_at:
                    merges.append(open_at.pop(left))
                if down is not None and not goes_on:
                    open_at[left] = merge
                elif span > 1:
                    merges.append(merge)
            grid.append(texts)
        return grid, [*merges, *open_at.values()]

    def _cell(self, cell: Element) -> str:
        texts: list[str] = []
        for block in _nearest(cell, "p", "tbl"):
            if block.tag == f"{W}tbl":  # its cells are no columns of the table around it
                grid, merges = self._grid(block)
                spread(grid, merges)
                texts.append("; ".join(", ".join(filter(None, cells)) for cells in grid if any(cells)))
                continue
            text = self.runs.text(block).strip()
            label = self._look(block)[1]
            texts.append(f"{label} {text}" if label and text else text)
        return one_line(" ".join(texts))

    def _other(self, block: Element) -> None:
        """A document that is put in whole (altChunk)."""
        target = relations(self.archive, self.part).get(block.get(f"{_R}id", ""), ("", ""))[1]
        data = content(self.archive, target)
        if data is None:
            self.lost.append(f"a document that belongs in it is missing ({target or 'no name'})")
            return
        self._embed(embedded(data, target, self.options))

    def _embed(self, parsed: Parsed) -> None:
        self.lost.extend(parsed.lost)
        for record in parsed.records:
            self.writer.gap()
            self.writer.embed(record)
            self.writer.gap()

    def edges(self, body: Element, kind: str) -> None:
        """The texts of all page headers or footers, each once, without page numbers."""
        targets = relations(self.archive, self.part)
        found = dict.fromkeys(node.get(f"{_R}id", "") for node in body.iter(f"{W}{kind}Reference"))
        for target in dict.fromkeys(targets.get(name, ("", ""))[1] for name in found):
            root = xml(self.archive, target)
            main, self.part = self.part, target
            for block in _nearest(root, "p", "tbl") if root is not None else ():
                lines = list(self._rows(block)) if block.tag == f"{W}tbl" else [self.runs.line(block)]
                for text in lines:
                    if text not in self._seen and says(text):
                        self.note(text)
                        self._seen.add(text)
            self.part = main


def _nearest(parent: Element, *names: str) -> Iterator[Element]:
    """The outermost elements of these names in order, out of content controls and the like."""
    wanted = {f"{space}{name}" for name in names for space in (W, M)}
    for child in parent:
        if child.tag in wanted:
            yield child
        elif child.tag not in LEFT_OUT:
            yield from _nearest(child, *names)


def _empty_boxes(drawing: Element) -> None:
    """Takes the texts out of a drawing's boxes: they were read as blocks."""
    for parent in list(drawing.iter()):
        for box in parent.findall(f"{W}txbxContent"):
            parent.remove(box)


def _plain(node: Element) -> str:
    return "".join(text.text or "" for text in node.iter(f"{W}t"))


def _count(text: str, usual: int) -> int:
    return min(int(text), _MAX_SPAN) if text.isdecimal() and len(text) < 6 else usual
