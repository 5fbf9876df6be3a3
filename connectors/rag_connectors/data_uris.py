"""PictureReader and fonts that stand in a text as base64: no words, and often larger than the text around them."""

from __future__ import annotations

import binascii
import re
from urllib.parse import unquote

_DATA = re.compile(
    r"data:(?:[\w.+-]{1,80}/[\w.+-]{1,80})?(?:;[\w.+-]{1,80}(?:=[\w.+\"-]{1,80})?){0,5}"
    r";base64,[ \t]*(?:[A-Za-z0-9+/=_-]|%2[BbFf]|%3[Dd]|(?:\\?\n|\r)[ \t>]{0,8}(?=[A-Za-z0-9+/=]{8}))*",
    re.IGNORECASE,
)


def drop_data(text: str) -> str:
    """The text with "data:" in place of each of them, so that `![A plan](data:)` still says what was shown."""
    return _DATA.sub("data:", text) if ";base64," in text.lower() else text


def read_data(uri: str) -> bytes:
    """What an address holds itself ("data:image/png;base64,..."); b"" for any other."""
    about, _, data = uri.strip().partition(",")
    return read_base64(unquote(data)) if about.startswith("data:") and about.endswith("base64") else b""


def read_base64(text: str) -> bytes:
    """The bytes; b"" for what is no base64."""
    try:
        return binascii.a2b_base64(text.encode() + b"==")
    except ValueError:
        return b""
