"""Comments and text boxes of old workbooks (xls), which calamine leaves out. Source: [MS-XLS], records of BIFF8."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from io import BytesIO
from itertools import pairwise
from typing import NamedTuple

from rag_connectors.text import one_line

_SHEET, _NOTE, _OBJECT, _TEXT, _GOES_ON, _PASSWORD = 0x85, 0x1C, 0x5D, 0x1B6, 0x3C, 0x2F
_COLUMNS = 26


class Notes(NamedTuple):
    """What hangs on the sheets of a workbook, by their names; `encrypted`: only its password opens it."""

    lines: dict[str, list[str]]
    encrypted: bool = False


def read_notes(data: bytes) -> Notes:
    """Nothing where the file is no old workbook, or damaged: its cells are read otherwise."""
    import olefile

    try:
        with olefile.OleFileIO(BytesIO(data)) as file:
            name = next(path for path in file.listdir() if path[-1].lower() == "workbook" and len(path) == 1)
            stream = file.openstream(name).read()
        sheets, encrypted = _sheets(stream)
        ends = [*(start for start, _ in sheets[1:]), len(stream)]
        lines = {called: list(_lines(stream[start:end])) for (start, called), end in zip(sheets, ends, strict=False)}
    except Exception:  # damaged files raise nearly anything
        return Notes({})
    return Notes(lines, encrypted)


def _records(stream: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 4 <= len(stream):
        kind, size = struct.unpack_from("<HH", stream, at)
        yield kind, stream[at + 4 : at + 4 + size]
        at += 4 + size


def _sheets(stream: bytes) -> tuple[list[tuple[int, str]], bool]:
    """Where each sheet begins, and its name; whether the file is encrypted."""
    found, encrypted = list[tuple[int, str]](), False
    for kind, body in _records(stream):
        if kind == _SHEET:
            found.append((struct.unpack_from("<I", body)[0], _string(body[7], body[6], body[8:])))
        encrypted |= kind == _PASSWORD
    return sorted(found), encrypted


def _string(flags: int, length: int, data: bytes) -> str:
    return data[: 2 * length].decode("utf-16-le", "replace") if flags & 1 else data[:length].decode("latin-1")


def _lines(sheet: bytes) -> Iterator[str]:
    """Comments by their cells, then the text boxes."""
    texts: dict[int, str] = {}
    notes: list[tuple[int, int, int, str]] = []
    last = 0
    for (kind, body), (below, more) in pairwise([*_records(sheet), (0, b"")]):
        if kind == _OBJECT and len(body) >= 8:
            last = struct.unpack_from("<H", body, 6)[0]
        elif kind == _TEXT and below == _GOES_ON and more:
            texts[last] = one_line(_string(more[0], struct.unpack_from("<H", body, 10)[0], more[1:]))
        elif kind == _NOTE and len(body) >= 11:
            row, column, _, number, length = struct.unpack_from("<HHHHH", body)
            notes.append((row, column, number, _string(body[10], length, body[11:])))
    for row, column, number, author in sorted(notes):
        text = texts.pop(number, "").removeprefix(f"{author}:").strip()
        place = (chr(64 + column // _COLUMNS) if column >= _COLUMNS else "") + chr(65 + column % _COLUMNS)
        if text:
            yield f"Comment on {place}{row + 1}{f' by {author}' if author.strip() else ''}: {text}"
    yield from filter(None, texts.values())
