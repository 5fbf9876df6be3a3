"""Rich text (rtf) by striprtf: the text, table rows with `|`; page headers first, footers and notes last, each once.

PictureReader and levels of headings are left out.
"""

from __future__ import annotations

import re

from striprtf.striprtf import rtf_to_text

from rag_connectors.grid import row
from rag_connectors.office.rtf_parts import mark_raised, plainly_written, split, write_powers
from rag_connectors.page_edges import says
from rag_connectors.parsed import Parsed, ParseOptions, RefusalError
from rag_connectors.text import one_line
from rag_connectors.writing import TextWriter

_CODEPAGE = re.compile(rb"\\ansicpg(\d{1,5})")
_MAC = {"10000": "mac_roman", "10006": "mac_greek", "10007": "mac_cyrillic", "10029": "mac_latin2", "65001": "utf-8"}
_TITLE = re.compile(rb"{\\title ([^{}\\]{1,300})}")


def parse(data: bytes, name: str, options: ParseOptions) -> Parsed:
    """One record. The title is the file's own."""
    page = _CODEPAGE.search(data[:4096])
    number = page[1].decode() if page else "10000" if b"\\mac" in data[:64] else "0"
    encoding = _MAC.get(number, f"cp{number}")
    try:
        "".encode(encoding)
    except LookupError:
        encoding = "cp1252"
    if not data.rstrip(b"\0 \r\n\t").endswith(b"}"):
        lost: tuple[str, ...] = ("the file is cut off: its end is missing",)
    else:
        lost = ()
    parts = split(mark_raised(plainly_written(data)))
    writer = TextWriter()
    _write(writer, _edges(parts.headers, encoding))
    _write(writer, _plain(parts.body, encoding))
    _write(writer, _edges(parts.footers, encoding))
    _write(writer, "\n".join(_plain(note, encoding) for note in parts.notes))
    title = _TITLE.search(data)
    return Parsed((writer.record(title=title[1].decode(encoding, "replace") if title else ""),), lost)


def _plain(text: str, encoding: str) -> str:
    """Raises RefusalError for what is no rich text."""
    try:
        plain = str(rtf_to_text(text, encoding=encoding, errors="replace"))  # type: ignore[no-untyped-call]
        return write_powers(plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
    except (ValueError, IndexError) as error:
        raise RefusalError(f"damaged: no rich text ({one_line(str(error))[:100]})") from error


def _edges(parts: list[str], encoding: str) -> str:
    """Lines of page headers or footers, each once, without page numbers."""
    lines = (line.strip() for part in parts for line in _plain(part, encoding).split("\n"))
    return "\n".join(dict.fromkeys(line for line in lines if says(line)))


def _write(writer: TextWriter, text: str) -> None:
    writer.gap()
    for line in text.split("\n"):
        if "|" in line and line.rstrip().endswith("|"):
            line = row([one_line(cell) for cell in line.rstrip().removesuffix("|").split("|")])
        if line.strip():
            writer.add(line.strip())
        else:
            writer.gap()
