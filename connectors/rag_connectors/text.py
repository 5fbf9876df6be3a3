"""Bytes to text: byte order marks, UTF-8, UTF-16 without a mark, the encoding that is named, then the likeliest one.

What comes out holds no control characters but line feed and tab, no lone surrogates and only line feeds as line ends;
otherwise Unicode is kept as it is (no normalisation form is applied, so quotes stay exact).
"""

from __future__ import annotations

import codecs
import re
from contextlib import suppress

from rag_connectors.encodings import guesses, known, seven_bits
from rag_connectors.parsed import RefusalError

_MARKS = (  # UTF-32 first: its little-endian mark begins with that of UTF-16
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_LINE_ENDS = re.compile("\r\n?|[\x0b\x0c\x85]")
_CONTROLS = re.compile("\x1b\\[[0-9;]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\ufeff]")  # terminal colours as a whole
_BREAKS = re.compile("(?<=[!-\u024f])[\u200b\u2060]+(?=[!-\u024f])")  # in other scripts they part words
_SURROGATES = re.compile("[\ud800-\udfff]")
_RAW_CONTROLS = re.compile(rb"[\x01-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_SAYS_NOTHING = frozenset(["ascii", "us-ascii", "unknown-8bit", "8bit", "default"])  # what mail names by habit
_DOS_END = b"\x1a"  # what old programs put at the end of a text
_BEARABLE = 0.05  # share of the characters beyond ASCII that may be lost before an encoding is the wrong one


def clean(text: str) -> str:
    """Line ends as "\\n", control characters gone, lone surrogates replaced: encodable as UTF-8."""
    if text.isascii() and "\r" not in text and text.replace("\n", "").replace("\t", "").isprintable():
        return text
    text = _BREAKS.sub("", _CONTROLS.sub("", _LINE_ENDS.sub("\n", text)))
    return _SURROGATES.sub("\ufffd", text)


def one_line(text: str) -> str:
    """Cleaned, every run of white space one space."""
    return " ".join(clean(text).split())


def decode(data: bytes, *, declared: str = "") -> tuple[str, str]:
    """The cleaned text and what was lost ("" if nothing). `declared` is the encoding the file itself names.

    Raises RefusalError ("skipped") for what is not text.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _lossy(data[len(mark) :], encoding)
    if b"\0" in data:
        return _lossy(data, _utf16(data))
    if data.isascii() and (text := seven_bits(data, declared)):
        return clean(text), ""
    try:
        return clean(data.decode("utf-8")), ""
    except UnicodeDecodeError:
        pass
    controls = len(_RAW_CONTROLS.findall(data.rstrip(_DOS_END)))
    if controls > len(data) / 100:
        raise RefusalError("binary content, not text", "skipped")
    text, lost = _legacy(data, declared)
    return text, lost or (f"damaged: {controls} bytes in it are in no text" if controls else "")


def _utf16(data: bytes) -> str:
    """Which UTF-16 has its zero bytes where these are. Raises RefusalError when neither has."""
    head = data[:4096]
    even, odd, half = head[::2].count(0), head[1::2].count(0), len(head) // 2
    if len(data) % 2 == 0 and odd > half * 0.4 and even <= half * 0.02:
        return "utf-16-le"
    if len(data) % 2 == 0 and even > half * 0.4 and odd <= half * 0.02:
        return "utf-16-be"
    raise RefusalError("binary content, not text", "skipped")


def _legacy(data: bytes, declared: str) -> tuple[str, str]:
    encoding = known(declared) if declared.strip().lower() not in _SAYS_NOTHING else ""
    if encoding:
        text, lost = _lossy(data, encoding)
        if text.count("\ufffd") <= _BEARABLE * _beyond(text):
            return text, lost  # else it is unknown or wrong: as if none were named
    damaged = data.decode("utf-8", "replace")
    if damaged.count("\ufffd") * 4 < _beyond(damaged):  # mostly sound UTF-8 with a few broken characters
        return _lossy(data, "utf-8")
    ranked = list(dict.fromkeys(guesses(data)))
    for encoding in ranked:
        with suppress(UnicodeError):
            return clean(data.decode(encoding)), ""
    for encoding in ranked:
        text, lost = _lossy(data, encoding)
        if text.count("\ufffd") <= _BEARABLE * _beyond(text):
            return text, lost
    raise RefusalError("not text in any encoding known here", "skipped")


def _beyond(text: str) -> int:
    """How many characters are beyond ASCII."""
    return len(text) - len(text.encode("ascii", "ignore"))


def _lossy(data: bytes, encoding: str) -> tuple[str, str]:
    text = data.decode(encoding, "replace")
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return clean(text), f"not valid {encoding.upper()}: {text.count(chr(0xFFFD))} characters replaced"
    return clean(text), ""
