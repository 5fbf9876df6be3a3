"""Bytes to text: byte order marks, UTF-8, UTF-16 without a mark, the encoding that is named, then the likeliest one.

What comes out holds no control characters but line feed and tab, no lone surrogates and only line feeds as line ends;
otherwise Unicode is kept as it is (no normalisation form is applied, so quotes stay exact).
"""

from __future__ import annotations

import codecs
import re
import unicodedata
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
_CONTROLS = re.compile(  # what colours and titles a terminal, as a whole
    "\x1b(?:\\[[0-9;?]*[A-Za-z]|\\][^\x07\x1b]*(?:\x07|\x1b\\\\))|[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\ufeff]"
)
_OVERSTRUCK = re.compile("[^\n\b]\b(?=[^\n])")  # bold and underlined, as printers and `man` write it
_BREAKS = re.compile("(?<=[!-\u024f])[\u200b\u2060]+(?=[!-\u024f])")  # in other scripts they part words
_SURROGATES = re.compile("[\ud800-\udfff]")
_RAW_CONTROLS = re.compile(rb"[\x01-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_SAYS_NOTHING = frozenset(["ascii", "us-ascii", "unknown-8bit", "8bit", "default"])  # what mail names by habit
_DOS_END = b"\x1a"  # what old programs put at the end of a text
_WIDE = ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")
_USUAL = frozenset(" \n\t0123456789,.;:-()。、，")  # in a text of any script
_LEAST_SOUND = 3  # lines in UTF-8, and a fifth of those beyond ASCII: then the others are in another encoding
_BEARABLE = 0.05  # share of the characters beyond ASCII that may be lost before an encoding is the wrong one


def clean(text: str) -> str:
    """Line ends as "\\n", control characters gone, lone surrogates replaced: encodable as UTF-8."""
    if text.replace("\n", "").replace("\t", "").isprintable():  # what is taken out or mended below never is
        return text
    text = _OVERSTRUCK.sub("", text) if "\b" in text else text
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
        return _lossy(data, _wide(data))
    if data.isascii() and (text := seven_bits(data, declared)):
        return clean(text), ""
    try:
        return clean(data.decode("utf-8")), ""
    except UnicodeDecodeError:
        pass
    data = data.rstrip(_DOS_END)
    controls = len(_RAW_CONTROLS.findall(data))
    if controls > len(data) / 100:
        raise RefusalError("binary content, not text", "skipped")
    text, lost = _legacy(data, declared)
    return text, lost or (f"damaged: {controls} bytes in it are in no text" if controls else "")


def _wide(data: bytes) -> str:
    """Which encoding with several bytes a character this is, without a mark. Raises RefusalError when none."""
    heads = {encoding: data[:4096].decode(encoding, "replace") for encoding in _WIDE if len(data) % 2 == 0}
    sound = {encoding: head for encoding, head in heads.items() if sum(map(_is_odd, head)) <= len(head) / 50}
    best = max(sound, key=lambda encoding: sum(map(_USUAL.__contains__, sound[encoding])), default="")
    if best and _USUAL & set(sound[best]):
        return best
    raise RefusalError("binary content, not text", "skipped")


def _is_odd(char: str) -> bool:
    """Whether no text has this character."""
    return char == "\ufffd" or (unicodedata.category(char) in ("Cc", "Cn", "Co") and char not in "\t\n\r\f")


def _legacy(data: bytes, declared: str) -> tuple[str, str]:
    encoding = known(declared) if declared.strip().lower() not in _SAYS_NOTHING else ""
    if encoding:
        text, lost = _lossy(data, encoding)
        if text.count("\ufffd") <= _BEARABLE * _beyond(text):
            return text, lost  # else it is unknown or wrong: as if none were named
    if text := _of_mainframes(data):
        return text, ""
    if lines := _by_line(data):
        return lines
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


def _of_mainframes(data: bytes) -> str:
    """The text of bytes in EBCDIC, whose blanks are "@"; "" for others."""
    text = data.decode("cp037") if b" " not in data and data.count(b"@") > len(data) / 20 else ""
    return (
        clean(text)
        if sum(char.isascii() and (char.isalnum() or char == " ") for char in text) > 0.8 * len(data)
        else ""
    )


def _by_line(data: bytes) -> tuple[str, str] | None:
    """Lines in UTF-8 and lines in another encoding, each by its own, and what was lost; None where that is not so."""
    lines = data.split(b"\n")
    shown = {n: line.decode("utf-8", "replace") for n, line in enumerate(lines) if not line.isascii()}
    others = [n for n, text in shown.items() if "\ufffd" in text]
    sound = len(shown) - len(others)
    if sound < max(_LEAST_SOUND, len(shown) / 5):
        return None
    damaged = {n for n in others if 2 * shown[n].count("\ufffd") <= _beyond(shown[n]) or shown[n].endswith("\ufffd")}
    lost = sum(shown[n].count("\ufffd") for n in damaged)
    wrong = f"not valid UTF-8: {lost} characters replaced" if lost else ""
    other = set(others) - damaged
    for encoding in guesses(b"\n".join(lines[n] for n in sorted(other))) if other else ["utf-8"]:
        with suppress(UnicodeError):
            read = (
                line.decode(encoding) if n in other else line.decode("utf-8", "replace") for n, line in enumerate(lines)
            )
            return clean("\n".join(read)), wrong
    return None


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
