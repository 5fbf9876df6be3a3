"""Paragraphs of an old binary Word document, from its streams. Source: [MS-DOC], sections 2.4.1 and 2.4.6.

All parts come in the order in which they are stored: main text, footnotes, headers, comments, endnotes, text boxes.
"""

from __future__ import annotations

import re
import struct
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from rag_connectors.parsed import RefusalError

_FLAGS, _LENGTHS, _BTE_PAPX, _CLX = 0x0A, 0x4C, 0x102, 0x1A2
_ENCRYPTED, _TABLE_1 = 0x0100, 0x0200
_PAGE = 512
_NARROW = [bytes([code]).decode("cp1252", "ignore") or chr(code) for code in range(256)]
_IN_TABLE, _ENDS_ROW, _INNER_ROW, _DEFINE_TABLE = 0x2416, 0x2417, 0x244C, 0xD608
_OPERANDS = {0: 1, 1: 1, 2: 2, 3: 4, 4: 2, 5: 2, 7: 3}
_FIELD = re.compile("\x13[^\x13\x14\x15]*(?:\x14([^\x13\x14\x15]*))?\x15")
_MARKS = str.maketrans({"\x0b": "\n", "\x0c": "\n", "\x0e": "\n", "\x1e": "-", "\x1f": None, "\xa0": " ", "\x01": None,
                        "\x02": None, "\x03": None, "\x04": None, "\x05": None, "\x08": None, "\x13": None,
                        "\x14": None, "\x15": None})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph's text and the character that ends it; `level` is that of a heading, 0 for others."""

    text: str
    end: str
    level: int = 0
    in_table: bool = False
    ends_row: bool = False


def read_paragraphs(document: bytes, tables: Mapping[str, bytes]) -> Iterator[Paragraph]:
    """Every paragraph. Raises RefusalError for what is damaged, encrypted or too old."""
    if len(document) < _CLX + 8:
        raise RefusalError("damaged: its Word document is cut short")
    magic, version = struct.unpack_from("<HH", document)
    if magic != 0xA5EC or version < 101:
        raise RefusalError(
            "made before Word 97: convert it with `soffice --headless --convert-to docx FILE`", "skipped"
        )
    [flags] = struct.unpack_from("<H", document, _FLAGS)
    if flags & _ENCRYPTED:
        raise RefusalError("encrypted: it needs a password")
    table = tables.get("1Table" if flags & _TABLE_1 else "0Table", b"")
    total = sum(struct.unpack_from("<8i", document, _LENGTHS))
    text, places = _pieces(document, table, total)
    looks = _Looks(document, table)
    start = 0
    clean = _without_codes(text)
    for at, char in enumerate(text):
        if char in "\r\x07":
            said = clean[start:at].replace("\0", "")
            level, in_table, ends_row = looks.at(places[at])
            yield Paragraph(_join(said), char, level, in_table, ends_row)
            start = at + 1
    if clean[start:].strip("\0"):
        yield Paragraph(_join(clean[start:].replace("\0", "")), "\r")


def _join(text: str) -> str:
    """The text as people read it: marks replaced, pairs of surrogates one character."""
    return text.translate(_MARKS).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _without_codes(text: str) -> str:
    """The text with NUL in place of field codes, so that every character keeps its place."""

    def blank(match: re.Match[str]) -> str:
        kept_from = match.start(1) - match.start() if match[1] is not None else len(match[0]) - 1
        body = "".join(char if char in "\r\x07" else "\0" for char in match[0][:kept_from])
        return body + (match[0][kept_from:-1] if match[1] is not None else "") + "\0"

    for _ in range(16):  # fields inside fields, the inner ones first
        changed = _FIELD.sub(blank, text)
        if changed == text:
            break
        text = changed
    return text


def _pieces(document: bytes, table: bytes, total: int) -> tuple[str, list[int]]:
    """The whole text, and where in the stream each character stands."""
    offset, size = struct.unpack_from("<II", document, _CLX)
    clx = table[offset : offset + size]
    at = 0
    while at + 3 <= len(clx) and clx[at] == 1:  # changes of a quick save
        at += 3 + struct.unpack_from("<H", clx, at + 1)[0]
    if at + 5 > len(clx) or clx[at] != 2:
        raise RefusalError("damaged: its table of text pieces is missing")
    [size] = struct.unpack_from("<I", clx, at + 1)
    plc = clx[at + 5 : at + 5 + size]
    count = (len(plc) - 4) // 12
    if count < 1:
        raise RefusalError("damaged: its table of text pieces is empty")
    bounds = struct.unpack_from(f"<{count + 1}I", plc)
    parts: list[str] = []
    places: list[int] = []
    for i in range(count):
        [where] = struct.unpack_from("<I", plc, 4 * (count + 1) + 8 * i + 2)
        narrow = bool(where & 0x40000000)
        begin = (where & 0x3FFFFFFF) // 2 if narrow else where & 0x3FFFFFFF
        width = 1 if narrow else 2
        length = max(0, min(bounds[i + 1], total) - bounds[i])
        raw = document[begin : begin + length * width]
        part = "".join(map(_NARROW.__getitem__, raw)) if narrow else _wide(raw)
        parts.append(part)
        places.extend(range(begin, begin + len(part) * width, width))
    return "".join(parts), places


def _wide(raw: bytes) -> str:
    """UTF-16 with one character a unit, so that places stay right; pairs are joined when it is written."""
    return "".join(map(chr, struct.unpack(f"<{len(raw) // 2}H", raw[: len(raw) // 2 * 2])))


class _Looks:
    """Which paragraphs are headings, stand in tables, or end a row."""

    def __init__(self, document: bytes, table: bytes) -> None:
        self._starts: list[int] = []
        self._looks: list[tuple[int, bool, bool]] = []
        offset, size = struct.unpack_from("<II", document, _BTE_PAPX)
        plc = table[offset : offset + size]
        count = max(0, (len(plc) - 4) // 8)
        for number in struct.unpack_from(f"<{count}I", plc, 4 * (count + 1)) if count else ():
            begin = (number & 0x3FFFFF) * _PAGE
            if begin + _PAGE <= len(document):
                self._page(document[begin : begin + _PAGE])
        order = sorted(range(len(self._starts)), key=self._starts.__getitem__)
        self._starts = [self._starts[i] for i in order]
        self._looks = [self._looks[i] for i in order]

    def at(self, place: int) -> tuple[int, bool, bool]:
        """Heading level, whether in a table, whether it ends a row."""
        i = bisect_right(self._starts, place) - 1
        return self._looks[i] if i >= 0 else (0, False, False)

    def _page(self, page: bytes) -> None:
        runs = page[-1]
        if 4 * (runs + 1) + 13 * runs >= _PAGE:
            return
        starts = struct.unpack_from(f"<{runs + 1}I", page)
        for i in range(runs):
            at = 2 * page[4 * (runs + 1) + 13 * i]
            look = (0, False, False)
            if at and at + 1 < _PAGE:
                size = page[at]
                begin, length = (at + 2, 2 * page[at + 1]) if size == 0 else (at + 1, 2 * size - 1)
                look = _look(page[begin : begin + length])
            self._starts.append(starts[i])
            self._looks.append(look)


def _look(properties: bytes) -> tuple[int, bool, bool]:
    if len(properties) < 2:
        return 0, False, False
    [style] = struct.unpack_from("<H", properties)
    found: dict[int, int] = {}
    at = 2
    while at + 3 <= len(properties):
        [sprm] = struct.unpack_from("<H", properties, at)
        at += 2
        kind = sprm >> 13
        if kind == 6:
            size = (
                struct.unpack_from("<H", properties, at)[0] + 1
                if sprm == _DEFINE_TABLE and at + 2 <= len(properties)
                else properties[at] + 1
            )
        else:
            size = _OPERANDS[kind]
        found[sprm] = properties[at] if at < len(properties) else 0
        at += size
    return (
        style if 1 <= style <= 9 else 0,
        bool(found.get(_IN_TABLE)),
        bool(found.get(_ENDS_ROW) or found.get(_INNER_ROW)),
    )
