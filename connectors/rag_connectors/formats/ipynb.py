"""Jupyter notebooks: cells in order with their textual output; headings in Markdown cells are sections."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rag_connectors.formats.markdown import headings
from rag_connectors.numbers import read_json
from rag_connectors.parsed import Parsed, ParseOptions, RefusalError
from rag_connectors.text import clean, decode
from rag_connectors.writing import TextWriter

_MAX_OUTPUT = 5_000  # characters of one output; logs of training runs are longer and say little


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
        source = _joined(cell.get("source", cell.get("input", "")))
        pieces = [source.strip("\n"), *_outputs(cell)]
        writer.gap()
        start = writer.at
        if cell.get("cell_type") == "markdown":
            writer.headings((start + at, level, title) for at, level, title in headings(pieces[0]))
        for piece in pieces:
            if piece.strip():
                writer.add(piece)
        writer.span(start, "cell", f"cell {number}")
    return Parsed((writer.record(),), (lost,) if lost else ())


def _joined(source: Any) -> str:
    return clean("".join(source) if isinstance(source, list) else str(source))


def _outputs(cell: dict[str, Any]) -> Iterator[str]:
    for output in cell.get("outputs") or ():
        shown = output.get("text") or (output.get("data") or {}).get("text/plain") or ""
        yield _joined(shown).strip("\n")[:_MAX_OUTPUT]
