"""Slides (pptx): the text of every slide in its order, tables row by row, and the speaker's notes."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from rag_connectors.archive import core_title, need, relations, unpack, xml
from rag_connectors.grid import row
from rag_connectors.parsed import Parsed, ParseOptions
from rag_connectors.text import one_line
from rag_connectors.writing import TextWriter

_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_P = "{http://schemas.openxmlformats.org/presentationml/2006/main}"
_ID = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_ROOT = "ppt/presentation.xml"
_TITLES = frozenset(["title", "ctrTitle"])
_FIELDS = frozenset(["sldNum", "dt", "ftr", "hdr", "sldImg"])  # repeated on every slide


def parse(data: bytes, name: str, options: ParseOptions) -> Parsed:
    """One record with a section per slide. The title is the file's own, else that of the first slide that has one."""
    archive = unpack(data, limit=options.max_bytes)
    root = need(archive, _ROOT, "presentation")
    targets = relations(archive, _ROOT)
    writer = TextWriter()
    title = ""
    lost: list[str] = []
    for number, entry in enumerate(root.iter(f"{_P}sldId"), 1):
        part = targets.get(entry.get(_ID, ""), ("", ""))[1]
        slide = xml(archive, part)
        if slide is None:
            lost.append(f"slide {number} is missing in the file")
            continue
        writer.gap()
        start = writer.at
        for shape in _shapes(slide):
            if _placeholder(shape) in _TITLES:
                title = title or one_line(" ".join(_lines(shape)))
            _write(shape, writer)
        for kind, target in relations(archive, part).values():
            notes = xml(archive, target) if kind == "notesSlide" else None
            for shape in _shapes(notes) if notes is not None else ():
                _write(shape, writer)
        writer.span(start, "slide", f"slide {number}")
    return Parsed((writer.record(title=core_title(archive) or title),), tuple(lost))


def _shapes(parent: Element) -> Iterator[Element]:
    """Shapes and frames that hold text, out of their groups."""
    for child in parent:
        if child.tag in (f"{_P}sp", f"{_P}graphicFrame"):
            yield child
        elif child.tag != _FALLBACK:
            yield from _shapes(child)


def _placeholder(shape: Element) -> str:
    found = shape.find(f"{_P}nvSpPr/{_P}nvPr/{_P}ph")
    return found.get("type", "body") if found is not None else ""


def _write(shape: Element, writer: TextWriter) -> None:
    lines = [line for line in _lines(shape) if line]
    if lines and _placeholder(shape) not in _FIELDS:
        writer.add("\n".join(lines))
        writer.gap()


def _lines(shape: Element) -> Iterator[str]:
    rows = list(shape.iter(f"{_A}tr"))
    for one in rows:
        yield row([one_line(" ".join(map(_text, cell.iter(f"{_A}p")))) for cell in one.findall(f"{_A}tc")])
    if not rows:
        for paragraph in shape.iter(f"{_A}p"):
            yield one_line(_text(paragraph))


def _text(paragraph: Element) -> str:
    return "".join(
        node.text or "" if node.tag == f"{_A}t" else "\n" if node.tag == f"{_A}br" else "" for node in paragraph.iter()
    )
