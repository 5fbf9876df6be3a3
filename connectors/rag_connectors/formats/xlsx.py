"""Workbooks (xlsx): a line per row as it is shown, with stored results of formulas, at "Sheet1 row 12".

Comments stand below the row they belong to; text boxes, charts, heads and feet of printed pages below the sheet.
"""

from __future__ import annotations

from collections.abc import Iterator

from selectolax.lexbor import LexborHTMLParser

from rag_connectors.archive import content, main_part, properties, related, unpack, xml
from rag_connectors.grid import Merge, spread, table
from rag_connectors.office.drawings import A, drawn
from rag_connectors.office.inside import described, pictures
from rag_connectors.office.runs import FALLBACK
from rag_connectors.office.workbook import S, Sheet, Workbook, place_of
from rag_connectors.page_edges import says
from rag_connectors.parsed import Parsed, ParseOptions
from rag_connectors.pictures import PictureReader
from rag_connectors.text import one_line
from rag_connectors.writing import TextWriter

_TC = "{http://schemas.microsoft.com/office/spreadsheetml/2018/threadedcomments}"
_XDR = "{http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing}"
_MOST_MERGED = 20_000  # cells of a merged area that are filled; a larger one is decoration


def parse(data: bytes, name: str, options: ParseOptions) -> Parsed:
    """One record with a section per row; it has no title unless the workbook's properties name one."""
    archive = unpack(data, limit=options.max_bytes)
    book = Workbook(archive, main_part(archive, "xl/workbook.xml"))
    writer = TextWriter()
    blind = 0
    edges: set[str] = set()
    found = PictureReader(options)
    for sheet in book.sheets():
        blind += sheet.blind
        comments = _comments(book, sheet)
        writer.gap()
        for number, line in table(_rows(sheet)):
            start = writer.at
            writer.add(line)
            for said in comments.pop(number - 1, ()):
                writer.add(said)
            writer.span(start, "row", f"{sheet.name} row {number}")
        writer.gap()
        for said in [*(line for lines in comments.values() for line in lines), *_drawn(book, sheet)]:
            writer.add(said)
        found.write(_pictures(book, sheet), writer, sheet.name, bare=not sheet.rows)
        for said in filter(says, sheet.edges):
            if said not in edges:
                writer.add(said)
            edges.add(said)
    if blind:
        book.lost.append(f"formulas without a stored result: {blind} (open and save it in a spreadsheet program)")
    title, meta = properties(archive)
    return found.parsed(writer.record(title=title, meta=meta), book.lost)


def _rows(sheet: Sheet) -> Iterator[tuple[int, list[str]]]:
    """Rows with their numbers, without columns that are empty in all of them; a blank row where rows are missing."""
    columns = sorted({column for cells in sheet.rows.values() for column in cells})
    places = {column: i for i, column in enumerate(columns)}
    numbers = sorted(sheet.rows)
    order = {number: i for i, number in enumerate(numbers)}
    grid = [[""] * len(columns) for _ in numbers]
    for number, cells in sheet.rows.items():
        for column, text in cells.items():
            grid[order[number]][places[column]] = text
    spread(grid, _merges(sheet, order, places))
    last = -1
    for number, texts in zip(numbers, grid, strict=True):
        if number > last + 1:
            yield number, []
        yield number + 1, texts
        last = number


def _merges(sheet: Sheet, order: dict[int, int], places: dict[int, int]) -> Iterator[Merge]:
    """Merged cells by the rows and columns that are left of the sheet."""
    for top, left, bottom, right in sheet.merges:
        if (bottom - top + 1) * (right - left + 1) > _MOST_MERGED or top not in order or left not in places:
            continue
        rows = [order[i] for i in range(top, bottom + 1) if i in order]
        columns = [places[i] for i in range(left, right + 1) if i in places]
        yield Merge(order[top], places[left], rows[-1], columns[-1])


def _comments(book: Workbook, sheet: Sheet) -> dict[int, list[str]]:
    """Row -> its comments as lines; of a cell with a thread, the thread."""
    people = {
        person.get("id", ""): person.get("displayName", "")
        for part in related(book.archive, book.main, "person")
        for person in xml(book.archive, part) or ()
    }
    found: dict[str, list[str]] = {}
    for part in related(book.archive, sheet.part, "threadedComment"):
        for node in xml(book.archive, part) or ():
            by = people.get(node.get("personId", ""), "")
            found.setdefault(node.get("ref", ""), []).append(
                _said(node.get("ref", ""), by, node.findtext(f"{_TC}text") or "")
            )
    for part in related(book.archive, sheet.part, "comments"):
        root = xml(book.archive, part)
        authors = [author.text or "" for author in root.iter(f"{S}author")] if root is not None else []
        for node in root.iter(f"{S}comment") if root is not None else ():
            ref, who = node.get("ref", ""), node.get("authorId", "")
            by = authors[int(who)] if who.isdecimal() and int(who) < len(authors) else ""
            text = "".join(run.text or "" for run in node.iter(f"{S}t"))
            if ref not in found or not by.startswith("tc="):
                found.setdefault(ref, []).append(_said(ref, by, text.removeprefix(f"{by}:") if by else text))
    rows: dict[int, list[str]] = {}
    for ref, lines in found.items():
        rows.setdefault((place_of(ref) or (0, 0))[0], []).extend(filter(None, lines))
    return rows


def _said(ref: str, by: str, text: str) -> str:
    text = one_line(text)
    return f"Comment on {ref}{f' by {by}' if by and not by.startswith('tc=') else ''}: {text}" if text else ""


def _drawn(book: Workbook, sheet: Sheet) -> Iterator[str]:
    """Text boxes, charts, what is said of pictures, and labels of form controls."""
    for part in related(book.archive, sheet.part, "drawing", "chart"):
        root = xml(book.archive, part)
        if root is None:
            continue
        for older in [(parent, one) for parent in root.iter() for one in parent if one.tag == FALLBACK]:
            older[0].remove(older[1])
        for body in root.iter(f"{_XDR}txBody"):
            if text := one_line(" ".join("".join(t.text or "" for t in p.iter(f"{A}t")) for p in body.iter(f"{A}p"))):
                yield text
        yield from drawn(book.archive, part, root)
        yield from described(root)
    for part in related(book.archive, sheet.part, "vmlDrawing"):
        yield from _controls(content(book.archive, part) or b"")


def _controls(data: bytes) -> Iterator[str]:
    """The labels of check boxes and the like in an old drawing; comments are in parts of their own."""
    for shape in LexborHTMLParser(data).css("v\\:shape"):
        about = shape.css_first("x\\:ClientData, x\\:clientdata")
        kind = (about.attributes.get("objecttype") or "") if about is not None else ""
        box = shape.css_first("v\\:textbox")
        said = one_line(box.text()) if box is not None and kind.lower() != "note" else ""
        if said:
            is_box = about is not None and kind.lower() in ("checkbox", "radio")
            is_ticked = is_box and about is not None and about.css_first("x\\:checked") is not None
            yield f"{'☒' if is_ticked else '☐'} {said}" if is_box else said


def _pictures(book: Workbook, sheet: Sheet) -> Iterator[bytes]:
    for part in related(book.archive, sheet.part, "drawing"):
        root = xml(book.archive, part)
        yield from pictures(book.archive, part, root) if root is not None else ()
