"""Slides (pptx): the text of every slide in its order, tables row by row, charts, diagrams, comments, speaker's notes.

Footers, and what layouts and masters say of their own, stand on the first slide that has them. Dates and slide numbers
are left out, and what a layout asks for.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from rag_connectors.archive import Archive, main_part, need, properties, related, relations, unpack, xml
from rag_connectors.grid import Merge, merged_rows
from rag_connectors.office.drawings import A, drawn
from rag_connectors.office.equations import M, equation
from rag_connectors.office.inside import described, packed, pictures
from rag_connectors.office.numbering import write_number
from rag_connectors.office.runs import raised
from rag_connectors.office.symbols import is_symbolic, translate, translate_signs
from rag_connectors.page_edges import says
from rag_connectors.parsed import Parsed, ParseOptions
from rag_connectors.pictures import PictureReader
from rag_connectors.text import one_line
from rag_connectors.writing import TextWriter

_P = "{http://schemas.openxmlformats.org/presentationml/2006/main}"
_ID = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_PLACEHOLDER = f"{_P}nvSpPr/{_P}nvPr/{_P}ph"
_TITLES = frozenset(["title", "ctrTitle"])
_FIELDS = frozenset(["sldNum", "dt", "sldImg"])  # repeated on every slide
_EDGES = frozenset(["ftr", "hdr"])
_SHAPES = (  # of automatic numbers
    ("arabic", "decimal"), ("alphaLc", "lowerLetter"), ("alphaUc", "upperLetter"), ("romanLc", "lowerRoman"),
    ("romanUc", "upperRoman"), ("circle", "decimalEnclosedCircle"),
)  # fmt: skip


def parse(data: bytes, name: str, options: ParseOptions) -> Parsed:
    """One record with a section per slide. The title is the file's own, else that of the first slide that has one."""
    archive = unpack(data, limit=options.max_bytes)
    main = main_part(archive, "ppt/presentation.xml")
    root = need(archive, main, "presentation")
    targets = relations(archive, main)
    authors = dict(_authors(archive, main))
    writer = TextWriter()
    title = ""
    lost: list[str] = []
    said: set[str] = set()
    behind: set[str] = set()
    found = PictureReader(options)
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
            edge = one_line(" ".join(_lines(shape))) if _placeholder(shape) in _EDGES else ""
            if not edge or (says(edge) and edge not in said):
                _write(archive, part, shape, writer)
            said.add(edge)
        for target in _behind(archive, part):
            if target not in behind:
                behind.add(target)
                layout = xml(archive, target)
                for shape in _shapes(layout) if layout is not None else ():
                    if shape.find(_PLACEHOLDER) is None and (line := one_line(" ".join(_lines(shape)))) not in said:
                        _write(archive, target, shape, writer)
                        said.add(line)
        for parsed in packed(archive, part, slide, options):
            lost += parsed.lost
            for record in parsed.records:
                writer.embed(record)
                writer.gap()
        for line in described(slide):
            writer.add(line)
            writer.gap()
        found.write(pictures(archive, part, slide), writer, f"slide {number}", bare=writer.at == start)
        for kind, target in relations(archive, part).values():
            more = xml(archive, target) if kind in ("notesSlide", "comments") else None
            if more is not None and kind == "comments":
                for line in _comments(more, authors):
                    writer.add(line)
                writer.gap()
            for shape in _shapes(more) if more is not None and kind == "notesSlide" else ():
                if _placeholder(shape) not in _EDGES:
                    _write(archive, target, shape, writer)
        writer.span(start, "slide", f"slide {number}")
    own, meta = properties(archive)
    return found.parsed(writer.record(title=own or title, meta=meta), lost)


def _behind(archive: Archive, part: str) -> Iterator[str]:
    """The layout of a slide and the master of that, which may say something of their own."""
    for layout in related(archive, part, "slideLayout"):
        yield layout
        yield from related(archive, layout, "slideMaster")


def _shapes(parent: Element) -> Iterator[Element]:
    """Shapes and frames that hold text, out of their groups."""
    for child in parent:
        if child.tag in (f"{_P}sp", f"{_P}graphicFrame"):
            yield child
        elif child.tag != _FALLBACK:
            yield from _shapes(child)


def _placeholder(shape: Element) -> str:
    found = shape.find(_PLACEHOLDER)
    return found.get("type", "body") if found is not None else ""


def _write(archive: Archive, part: str, shape: Element, writer: TextWriter) -> None:
    if _placeholder(shape) in _FIELDS:
        return
    lines = [line for line in (*_lines(shape), *drawn(archive, part, shape)) if line]
    if lines:
        writer.add("\n".join(lines))
        writer.gap()


def _lines(shape: Element) -> Iterator[str]:
    tables = list(shape.iter(f"{A}tbl"))
    for one in tables:
        yield from _rows(one)
    if not tables:
        yield from _paragraphs(shape)


def _rows(table: Element) -> Iterator[str]:
    """Rows as lines; what a cell says over several rows or columns stands in each of them."""
    grid: list[list[str]] = []
    merges: list[Merge] = []
    for number, line in enumerate(table.iter(f"{A}tr")):
        cells = line.findall(f"{A}tc")
        grid.append([one_line(" ".join(_paragraphs(cell))) for cell in cells])
        for left, cell in enumerate(cells):
            across, down = (_count(cell.get(name, "1")) for name in ("gridSpan", "rowSpan"))
            if across > 1 or down > 1:
                merges.append(Merge(number, left, number + down - 1, left + across - 1))
    yield from merged_rows(grid, merges)


def _paragraphs(body: Element) -> Iterator[str]:
    """Paragraphs with the numbers that are counted for them."""
    counts: dict[int, tuple[str, int]] = {}  # level -> kind of number, the last one
    for paragraph in body.iter(f"{A}p"):
        text = one_line(_text(paragraph))
        look = paragraph.find(f"{A}pPr")
        level = _count(look.get("lvl", "0")) if look is not None else 0
        auto = look.find(f"{A}buAutoNum") if look is not None else None
        counts = {at: count for at, count in counts.items() if at < level or (at == level and auto is not None)}
        if auto is None or not text:
            yield text
            continue
        kind = auto.get("type", "arabicPeriod")
        before, last = counts.get(level, ("", 0))
        number = last + 1 if before == kind else _count(auto.get("startAt", "1"))
        counts[level] = (kind, number)
        yield f"{_numbered(kind, number)} {text}"


def _numbered(kind: str, number: int) -> str:
    said = write_number(number, next((shape for start, shape in _SHAPES if kind.startswith(start)), "decimal"))
    return (
        f"({said})"
        if kind.endswith("ParenBoth")
        else said + (")" if kind.endswith("ParenR") else "." * kind.endswith("Period"))
    )


def _text(node: Element, before: str = "") -> str:
    """A paragraph's runs, line breaks and equations; `before` is the text that they follow."""
    if node.tag == f"{A}r":
        fonts = {found.tag: found.get("typeface", "") for found in node.iterfind(f"{A}rPr/*")}
        text = node.findtext(f"{A}t") or ""
        look = node.find(f"{A}rPr")
        rise = look.get("baseline", "0").partition("%")[0] if look is not None else "0"
        place = "" if rise == "0" else "subscript" if rise.startswith("-") else "superscript"
        latin, sign = fonts.get(f"{A}latin", ""), fonts.get(f"{A}sym", "")
        shown = translate_signs(sign, text) if sign and not is_symbolic(latin) else translate(latin, text)
        return raised(place, shown, before)
    if node.tag == f"{A}t":
        return node.text or ""
    if node.tag == f"{A}br":
        return "\n"
    if node.tag == f"{M}oMath":
        return f" {equation(node)} "
    text = ""
    for child in node if node.tag != _FALLBACK else ():
        text += _text(child, text)
    return text


def _authors(archive: Archive, main: str) -> Iterator[tuple[str, str]]:
    for part in related(archive, main, "commentAuthors", "authors"):
        for author in xml(archive, part) or ():
            yield author.get("id", ""), author.get("name", "")


def _comments(root: Element, authors: dict[str, str]) -> Iterator[str]:
    """Comments and their replies, of the old kind and of the new."""
    for comment in root.iter():
        name = comment.tag.rpartition("}")[2] if isinstance(comment.tag, str) else ""
        if name not in ("cm", "reply"):
            continue
        bodies = [part for part in comment if part.tag.rpartition("}")[2] in ("txBody", "text")]
        text = one_line(" ".join(" ".join(_paragraphs(body)) or body.text or "" for body in bodies))
        by = authors.get(comment.get("authorId", ""), "")
        if text:
            yield f"Comment{f' by {by}' if by else ''}: {text}"


def _count(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 6 else 1
