"""Word documents (docx): paragraphs, headings from styles, tables row by row, foot- and endnotes at the end.

Deleted (tracked) text, field codes, headers and footers are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element
from zipfile import ZipFile

from rag_connectors.archive import core_title, need, unpack, xml
from rag_connectors.grid import row
from rag_connectors.parsed import Parsed, ParseOptions
from rag_connectors.text import one_line
from rag_connectors.writing import TextWriter

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"  # the same text a second time
_CHARACTERS = {f"{_W}tab": "\t", f"{_W}br": "\n", f"{_W}cr": "\n", f"{_W}noBreakHyphen": "-", f"{_W}p": "\n"}
_LEFT_OUT = frozenset([f"{_W}del", f"{_W}moveFrom", f"{_W}instrText", f"{_W}pPr", f"{_W}rPr", _FALLBACK])
_HEADING = re.compile(r"heading (\d)", re.IGNORECASE)
_NOTES = ("word/footnotes.xml", "word/endnotes.xml")


def parse(data: bytes, name: str, options: ParseOptions) -> Parsed:
    """One record. The title is the file's own, else its Title paragraph, else the first heading."""
    archive = unpack(data, limit=options.max_bytes)
    body = need(archive, "word/document.xml", "Word document").find(f"{_W}body")
    levels = _levels(archive)
    writer = TextWriter()
    title = ""
    for block in _nearest(body, "p", "tbl") if body is not None else ():
        if block.tag == f"{_W}tbl":
            writer.gap()
            for line in _rows(block):
                writer.add(line)
            writer.gap()
            continue
        text = _text(block).strip()
        level = _level(block, levels)
        if not text:
            writer.gap()
        elif level is not None:
            writer.heading(level, text)
            title = title or (one_line(text) if level == 0 else "")
        elif block.find(f"{_W}pPr/{_W}numPr") is not None:
            writer.add(f"- {text}")
        else:
            writer.gap()
            writer.add(text)
    for part in _NOTES:
        _notes(xml(archive, part), writer)
    return Parsed((writer.record(title=core_title(archive) or title),))


def _nearest(parent: Element, *names: str) -> Iterator[Element]:
    """The outermost elements of these names in order, out of content controls and the like."""
    for child in parent:
        if child.tag in [f"{_W}{name}" for name in names]:
            yield child
        elif child.tag not in _LEFT_OUT:
            yield from _nearest(child, *names)


def _rows(table: Element) -> Iterator[str]:
    for one in _nearest(table, "tr"):
        cells = [one_line(_text(cell)) for cell in _nearest(one, "tc")]
        if line := row(cells):
            yield line


def _text(node: Element) -> str:
    if node.tag == f"{_W}t":
        return node.text or ""
    if node.tag in _LEFT_OUT:
        return ""
    return _CHARACTERS.get(node.tag, "") + "".join(map(_text, node))


def _level(paragraph: Element, levels: dict[str, int]) -> int | None:
    outline = paragraph.find(f"{_W}pPr/{_W}outlineLvl")
    if outline is not None:
        return _outline(outline)
    style = paragraph.find(f"{_W}pPr/{_W}pStyle")
    return levels.get(style.get(f"{_W}val", "")) if style is not None else None


def _levels(archive: ZipFile) -> dict[str, int]:
    """Style id -> heading level; the Title style is level 0. Ids are localised, names are not."""
    styles = xml(archive, "word/styles.xml")
    found: dict[str, int] = {}
    for style in styles.iter(f"{_W}style") if styles is not None else ():
        named = style.find(f"{_W}name")
        name = named.get(f"{_W}val", "") if named is not None else ""
        heading = _HEADING.fullmatch(name)
        outline = style.find(f"{_W}pPr/{_W}outlineLvl")
        level = int(heading[1]) if heading else 0 if name.lower() == "title" else _outline(outline)
        if level is not None:
            found[style.get(f"{_W}styleId", "")] = level
    return found


def _outline(outline: Element | None) -> int | None:
    value = outline.get(f"{_W}val", "") if outline is not None else ""
    return int(value) + 1 if value.isdecimal() and int(value) < 9 else None  # 9 is body text


def _notes(root: Element | None, writer: TextWriter) -> None:
    for note in root if root is not None else ():
        text = one_line(_text(note))
        if text:
            writer.gap()
            writer.add(text)
