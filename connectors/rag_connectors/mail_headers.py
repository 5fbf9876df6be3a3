"""Headers of mail as people read them: encoded words (RFC 2047) in any encoding, bytes for which none is named.

The standard library decodes each encoded word by itself, which breaks characters that mail programs cut in two.
"""

from __future__ import annotations

import binascii
import re

from rag_connectors.parsed import RefusalError
from rag_connectors.text import decode, one_line

_WORD = re.compile(r"=\?([^?\s]+)\?([BbQq])\?([^?]*)\?=")
_ESCAPE = "\x1b"  # begins Japanese in seven bits
_BETWEEN = re.compile(r"(\?=)\s+(?==\?[^?\s]+\?[BbQq]\?)")


def to_bytes(value: str) -> bytes:
    """What a header's value was in the file."""
    return value.encode("utf-8", "surrogateescape")


def read_header(value: str, charset: str = "") -> str:
    """A value on one line. `charset` is the encoding of bytes that stand in it as they are."""
    if not value.isascii() or _ESCAPE in value:
        value = _text(to_bytes(value), charset)
    value = _BETWEEN.sub(r"\1", value.replace("\r", "").replace("\n", " "))
    pieces: list[str] = []
    pending, label, at = b"", "", 0
    for word in _WORD.finditer(value):
        name = word[1].partition("*")[0].lower()  # after "*" stands a language
        if pending and (word.start() > at or name != label):
            pieces.append(_text(pending, label))
            pending = b""
        pieces.append(value[at : word.start()])
        pending += _bytes(word[2], word[3])
        label, at = name, word.end()
    if pending:
        pieces.append(_text(pending, label))
    return one_line("".join([*pieces, value[at:]]))


def _bytes(how: str, encoded: str) -> bytes:
    data = to_bytes(encoded)
    try:
        return binascii.a2b_qp(data, header=True) if how in "qQ" else binascii.a2b_base64(data + b"==")
    except ValueError:
        return data


def _text(data: bytes, charset: str) -> str:
    try:
        return decode(data, declared=charset)[0]
    except RefusalError:
        return data.decode("ascii", "replace")
