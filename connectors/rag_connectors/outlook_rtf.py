"""The packed RTF in which Outlook keeps bodies ([MS-OXRTFCP])."""

from __future__ import annotations

import struct

from striprtf.striprtf import rtf_to_text

from rag_connectors.text import clean

_DICTIONARY = (
    b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript \\fdecor "
    b"MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par \\pard\\plain\\f0"
    b"\\fs20\\b\\i\\u\\tab\\tx"
)
_RING = 4096  # bytes that a reference can reach back
_MOST = 64 << 20  # bytes


def unpack(data: bytes) -> tuple[str, str]:
    """The kind of the body and its text. Raises ValueError for what is no such RTF."""
    text: str = rtf_to_text(_decompress(data).decode("latin-1"), errors="replace")  # type: ignore[no-untyped-call]
    return "plain", clean(text)


def _decompress(data: bytes) -> bytes:
    if len(data) < 16:
        raise ValueError("its RTF is cut off")
    _, size, kind, _ = struct.unpack_from("<IIII", data)
    if kind == 0x414C454D:  # MELA: as it is
        return data[16 : 16 + size]
    if kind != 0x75465A4C:  # LZFu
        raise ValueError("its RTF is packed in an unknown way")
    ring = bytearray(_DICTIONARY.ljust(_RING, b"\0"))
    at, place, out = len(_DICTIONARY), 17, bytearray()
    flags, bit = data[16:17], 0
    while flags and len(out) < min(size, _MOST):
        if flags[0] >> bit & 1:
            [reference] = struct.unpack(">H", data[place : place + 2].ljust(2, b"\0"))
            start, length, place = reference >> 4, (reference & 15) + 2, place + 2
            if start == at:
                break
        else:
            start, length, place = -1, 1, place + 1
        for number in range(length):
            byte = data[place - 1 : place] if start < 0 else ring[(start + number) % _RING :][:1]
            out += byte
            ring[at : at + 1] = byte or b"\0"
            at = (at + 1) % _RING
        bit = (bit + 1) % 8
        if not bit:
            flags, place = data[place : place + 1], place + 1
    return bytes(out)
