"""Old binary Word documents (doc): the text by its piece table, headings by their styles, table rows with `|`.

Deleted text, field codes and pictures are left out; so are automatic numbers, which a `.docx` keeps. Source: [MS-DOC].
"""

from __future__ import annotations

from io import BytesIO
from typing import Any

import olefile

from rag_connectors.grid import row
from rag_connectors.office.word_binary import Paragraph, read_paragraphs
from rag_connectors.parsed import Parsed, ParseOptions, RefusalError
from rag_connectors.text import one_line
from rag_connectors.writing import TextWriter

_MAX_STREAM = 1 << 28


def parse(data: bytes, name: str, options: ParseOptions) -> Parsed:
    """One record. The title is the file's own, else the first heading."""
    with olefile.OleFileIO(BytesIO(data)) as file:
        if not file.exists("WordDocument"):
            raise RefusalError("damaged, or not what its name says: no Word document inside")
        document = file.openstream("WordDocument").read(_MAX_STREAM)
        tables = {
            called: file.openstream(called).read(_MAX_STREAM) for called in ("0Table", "1Table") if file.exists(called)
        }
        about: Any = file.get_metadata()
    writer = TextWriter()
    cells: list[str] = []
    for paragraph in read_paragraphs(document, tables):
        cells = _write(paragraph, cells, writer)
    if any(cells):
        writer.add(row(cells))
    return Parsed((writer.record(title=_title(about.title, about.codepage)),))


def _write(paragraph: Paragraph, cells: list[str], writer: TextWriter) -> list[str]:
    """Write a paragraph, or gather it into the row of its table; gives the cells of the row so far."""
    text, end = paragraph.text.strip(), paragraph.end
    if paragraph.ends_row:
        if line := row([one_line(cell) for cell in cells]):
            writer.add(line)
        return []
    if paragraph.in_table or end == "\x07":
        open_cell = cells[-1] if cells and cells[-1].endswith("\n") else ""
        cells = [*(cells[:-1] if open_cell else cells), open_cell + text + ("" if end == "\x07" else "\n")]
        return cells
    if not text:
        writer.gap()
    elif paragraph.level:
        writer.heading(paragraph.level, text)
    else:
        writer.gap()
        writer.add(text)
    return []


def _title(title: object, page: object) -> str:
    if not isinstance(title, bytes):
        return str(title or "")
    encoding = {65001: "utf-8"}.get(page, f"cp{page}") if isinstance(page, int) and page > 0 else "cp1252"
    try:
        return title.decode(encoding, "replace").strip("\0")
    except LookupError:
        return title.decode("cp1252", "replace").strip("\0")
