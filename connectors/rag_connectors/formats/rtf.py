"""Rich text (rtf) by striprtf: the text, table rows with `|`. Pictures and levels of headings are left out."""

from __future__ import annotations

import re

from striprtf.striprtf import rtf_to_text

from rag_connectors.grid import row
from rag_connectors.parsed import Parsed, ParseOptions, RefusalError
from rag_connectors.text import one_line
from rag_connectors.writing import TextWriter

_CODEPAGE = re.compile(rb"\\ansicpg(\d{1,5})")
_TITLE = re.compile(rb"{\\title ([^{}\\]{1,300})}")


def parse(data: bytes, name: str, options: ParseOptions) -> Parsed:
    """One record. The title is the file's own."""
    page = _CODEPAGE.search(data[:4096])
    encoding = f"cp{page[1].decode()}" if page and page[1] not in (b"0", b"65001") else "cp1252"
    try:
        "".encode(encoding)
    except LookupError:
        encoding = "cp1252"
    if not data.rstrip(b"\0 \r\n\t").endswith(b"}"):
        lost: tuple[str, ...] = ("the file is cut off: its end is missing",)
    else:
        lost = ()
    try:
        text = str(rtf_to_text(data.decode("latin-1"), encoding=encoding, errors="replace"))  # type: ignore[no-untyped-call]
    except (ValueError, IndexError) as error:
        raise RefusalError(f"damaged: no rich text ({one_line(str(error))[:100]})") from error
    writer = TextWriter()
    for line in text.split("\n"):
        if "|" in line and line.rstrip().endswith("|"):
            line = row([one_line(cell) for cell in line.rstrip().removesuffix("|").split("|")])
        if line.strip():
            writer.add(line.strip())
        else:
            writer.gap()
    title = _TITLE.search(data)
    return Parsed((writer.record(title=title[1].decode(encoding, "replace") if title else ""),), lost)
