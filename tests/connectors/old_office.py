"""Small files of old and open Office formats, built in memory: compound files (doc, xls) and OpenDocument."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

from tests.connectors.samples import archive

_SECTOR = 512
_SMALLEST = 4096  # bytes of a stream; smaller ones would be stored elsewhere
_NAMES = {
    name: f"urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"
    for name in ("office", "text", "table", "style", "meta", "chart", "form", "presentation")
} | {
    "draw": "urn:oasis:names:tc:opendocument:xmlns:drawing:1.0",
    "svg": "urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0",
}


def compound(streams: Mapping[str, bytes]) -> bytes:
    """A compound file (OLE) of these streams, filled up with zeros."""
    sectors: list[bytes] = []
    chain: list[int] = []
    entries = [_entry("Root Entry", 5, 0xFFFFFFFE, 0, child=1)]
    for number, (name, data) in enumerate(streams.items(), 1):
        data = data.ljust(max(_SMALLEST, -(-len(data) // _SECTOR) * _SECTOR), b"\0")
        first, count = len(sectors), len(data) // _SECTOR
        sectors += [data[i : i + _SECTOR] for i in range(0, len(data), _SECTOR)]
        chain += [*range(first + 1, first + count), 0xFFFFFFFE]
        after = number + 1 if number < len(streams) else 0xFFFFFFFF
        entries.append(_entry(name, 2, first, len(data), right=after))
    entries += [bytes(128)] * (-len(entries) % 4)
    folder = len(sectors)
    sectors += [b"".join(entries[i : i + 4]) for i in range(0, len(entries), 4)]
    chain += [*range(folder + 1, len(sectors)), 0xFFFFFFFE]
    table = len(sectors)
    chain.append(0xFFFFFFFD)
    assert len(chain) <= 128
    fat = struct.pack("<128I", *chain, *[0xFFFFFFFF] * (128 - len(chain)))
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<HHHHH", 62, 3, 0xFFFE, 9, 6) + bytes(10)
    head += struct.pack("<IIIIIIIII", 1, folder, 0, _SMALLEST, 0xFFFFFFFE, 0, 0xFFFFFFFE, 0, table)
    return head.ljust(_SECTOR, b"\xff") + b"".join(sectors) + fat


def _entry(name: str, kind: int, first: int, size: int, *, child: int = 0xFFFFFFFF, right: int = 0xFFFFFFFF) -> bytes:
    called = name.encode("utf-16-le") + b"\0\0"
    links = struct.pack("<BBIII", kind, 1, 0xFFFFFFFF, right, child)
    return (
        called.ljust(64, b"\0")
        + struct.pack("<H", len(called))
        + links
        + bytes(36)
        + struct.pack("<II", first, size)
        + bytes(4)
    )


def doc(paragraphs: Sequence[tuple[str, bytes]], *, flags: int = 0) -> bytes:
    """A Word 97 document: each paragraph with its end mark, and the properties that its style has."""
    text = "".join(said for said, _ in paragraphs)
    begin = 1024
    head = bytearray(begin)
    struct.pack_into("<HH", head, 0, 0xA5EC, 193)
    struct.pack_into("<H", head, 0x0A, 0x0200 | flags)
    body = text.encode("utf-16-le")
    units = len(body) // 2
    struct.pack_into("<i", head, 0x4C, units)
    body = body.ljust(-(-len(body) // _SECTOR) * _SECTOR, b"\0")
    bounds = [begin]
    for said, _ in paragraphs:
        bounds.append(bounds[-1] + len(said.encode("utf-16-le")))
    page = bytearray(_SECTOR)
    struct.pack_into(f"<{len(bounds)}I", page, 0, *bounds)
    at = _SECTOR - 2
    for i, (_, properties) in enumerate(paragraphs):
        properties += b"" if len(properties) % 2 else b"\0"
        at -= len(properties) + 1
        at -= at % 2
        page[at] = (len(properties) + 1) // 2
        page[at + 1 : at + 1 + len(properties)] = properties
        page[4 * len(bounds) + 13 * i] = at // 2
    page[-1] = len(paragraphs)
    pieces = struct.pack("<II", 0, units) + struct.pack("<HIH", 0, begin, 0)
    clx = b"\x02" + struct.pack("<I", len(pieces)) + pieces
    plc = struct.pack("<III", begin, bounds[-1], (begin + len(body)) // _SECTOR)
    struct.pack_into("<II", head, 0x102, len(clx), len(plc))
    struct.pack_into("<II", head, 0x1A2, 0, len(clx))
    return compound({"WordDocument": bytes(head) + body + bytes(page), "1Table": clx + plc})


def xls(
    rows: Sequence[Sequence[str | float]], *, name: str = "Sites", notes: Sequence[tuple[int, str, str]] = ()
) -> bytes:
    """A BIFF8 workbook of one sheet. `notes` are comments on column A: row, author, text; text boxes have row -1."""

    def record(kind: int, data: bytes) -> bytes:
        return struct.pack("<HH", kind, len(data)) + data

    begin = record(0x809, struct.pack("<HHHHII", 0x600, 5, 0, 0, 0, 6))
    end = record(0x0A, b"")
    sheet = record(0x809, struct.pack("<HHHHII", 0x600, 0x10, 0, 0, 0, 6))
    for i, cells in enumerate(rows):
        for j, value in enumerate(cells):
            place = struct.pack("<HHH", i, j, 0)
            if isinstance(value, str) and value:
                sheet += record(0x204, place + struct.pack("<HB", len(value), 1) + value.encode("utf-16-le"))
            elif not isinstance(value, str):
                sheet += record(0x203, place + struct.pack("<d", value))
    for number, (row, author, text) in enumerate(notes, 1):
        sheet += record(0x5D, struct.pack("<HHHHH", 0x15, 18, 0x19, number, 0) + bytes(12))
        sheet += record(0x1B6, struct.pack("<HHHHHHH", 0, 0, 0, 0, 0, len(text), 0) + bytes(4))
        sheet += record(0x3C, b"\1" + text.encode("utf-16-le"))
        if row >= 0:
            sheet += record(0x1C, struct.pack("<HHHHHB", row, 0, 0, number, len(author), 0) + author.encode())
    called = struct.pack("<BB", len(name), 0) + name.encode("latin-1")
    length = len(begin) + 4 + 6 + len(called) + len(end)
    return compound({"Workbook": begin + record(0x85, struct.pack("<IH", length, 0) + called) + end + sheet + end})


def odf(body: str, *, kind: str = "text", styles: str = "", title: str = "") -> bytes:
    """An OpenDocument file with this body, these automatic styles and this title."""
    names = " ".join(f'xmlns:{name}="{uri}"' for name, uri in _NAMES.items())
    dc = 'xmlns:dc="http://purl.org/dc/elements/1.1/"'
    return archive(
        {
            "mimetype": f"application/vnd.oasis.opendocument.{kind}",
            "content.xml": f"<office:document-content {names} {dc}><office:automatic-styles>{styles}"
            f"</office:automatic-styles><office:body><office:{kind}>{body}</office:{kind}></office:body>"
            "</office:document-content>",
            "meta.xml": f"<office:document-meta {names} {dc}><office:meta><dc:title>{title}</dc:title></office:meta>"
            "</office:document-meta>",
        }
    )
