"""Jupyter notebooks: cells in order with their textual output; headings in Markdown cells are sections.

An output in several forms is taken as text, unless that only names it; HTML is read as a page. Of a line that was
written over again and again (a progress bar) the last state stays. Of drawings (SVG) the words are read, other pictures
are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from rag_connectors.data_uris import drop_data
from rag_connectors.formats.html import write
from rag_connectors.formats.markdown import headings
from rag_connectors.numbers import read_json
from rag_connectors.parsed import Parsed, ParseOptions, RefusalError
from rag_connectors.text import clean, decode
from rag_connectors.writing import TextWriter

_ONLY_NAMED = re.compile(
    r"\s*<[\w.]+(?:[ \w.]*\bobject\b| at 0x|[ \w.]* size |(?:\.\w+)+>)[^\n]*>?\s*|\s*"
)  # <Figure size 640x480>
_FORMS = ("text/markdown", "text/latex", "application/json", "application/javascript")
_TEXTS = ("text/", *_FORMS)
_DRAWING = "image/svg+xml"
_STUB = 2  # times as many words in HTML: then one line of text only names it
_OVERWRITTEN = re.compile(r"[^\n\r]*\r(?![\r\n]|\Z)")
_OLD_ERROR, _ERROR = "pyerr", "error"


def parse(data: bytes, name: str, options: ParseOptions) -> Parsed:
    """One record with a section per cell. The title is the first heading."""
    text, lost = decode(data)
    try:
        book = read_json(text)
        cells = book["cells"] if "cells" in book else [cell for sheet in book["worksheets"] for cell in sheet["cells"]]
    except (ValueError, KeyError, TypeError) as error:
        raise RefusalError("damaged, or no notebook: it has no cells in JSON form") from error
    writer = TextWriter()
    for number, cell in enumerate(cells, 1):
        source = drop_data(_joined(cell.get("source", cell.get("input")) or ""))
        pieces = [source.strip("\n"), *_outputs(cell)]
        writer.gap()
        start = writer.at
        if cell.get("cell_type") == "markdown":
            writer.headings((start + at, level, title) for at, level, title in headings(pieces[0]))
        if cell.get("cell_type") == "heading":
            writer.heading(int(cell.get("level", 1)), pieces.pop(0))
        for piece in pieces:
            if piece.strip():
                writer.add(piece)
        writer.span(start, "cell", f"cell {number}")
    return Parsed((writer.record(),), (lost,) if lost else ())


def _joined(source: Any) -> str:
    return clean("".join(map(str, source)) if isinstance(source, list) else str(source))


def _outputs(cell: dict[str, Any]) -> Iterator[str]:
    for output in cell.get("outputs") or ():
        if output.get("output_type") in (_ERROR, _OLD_ERROR):
            trace = "\n".join(map(str, output.get("traceback") or ()))
            said = f"{output.get('ename', '')}: {output.get('evalue', '')}"
            trace, said = _joined(trace).strip("\n"), _joined(said).strip(": ")
            yield "\n".join(filter(None, (trace, said if said not in trace else "")))
        else:
            yield _shown(output)


def _shown(output: dict[str, Any]) -> str:
    """The form of an output that says most in words."""
    data = output.get("data") or {}
    plain = output.get("text") or data.get("text/plain") or ""
    plain = plain if isinstance(plain, str) else "".join(map(str, plain))
    plain = drop_data(clean(_OVERWRITTEN.sub("", plain))).strip("\n")
    page = data.get("text/html") or output.get("html")
    only_named = _ONLY_NAMED.fullmatch(plain) is not None
    if page and (only_named or "\n" not in plain or "<table" in _joined(page)):
        writer = TextWriter()
        write(_joined(page), writer)
        text = writer.record().text.strip()
        least = 0 if only_named else len(plain.split()) * (1 if " | " in text else _STUB)
        if len(text.split()) > least:
            return text
    if not only_named:
        return plain
    others = (data[form] for form in (*_FORMS, *data) if data.get(form) and _is_text(form))
    other = next(others, output.get("latex") or "")
    return drop_data(_joined(other)).strip("\n") or _said(data.get(_DRAWING) or output.get("svg")) or plain


def _is_text(form: str) -> bool:
    return form.startswith(_TEXTS) and form not in ("text/plain", "text/html")


def _said(drawing: Any) -> str:
    """The words in a drawing."""
    writer = TextWriter()
    write(_joined(drawing or ""), writer)
    return writer.record().text.strip()
