"""Pictures and fonts that stand in a text as base64 or markup: hardly words, often larger than the text around them."""

from __future__ import annotations

import binascii
import re
from urllib.parse import unquote

_DATA = re.compile(
    r"data:(?:[\w.+-]{1,80}/[\w.+-]{1,80})?(?:;[\w.+-]{1,80}(?:=[\w.+\"-]{1,80})?){0,5}"
    r";base64,[ \t]*(?:[A-Za-z0-9+/=_-]|%2[BbFf]|%3[Dd]|(?:\\?\n|\r)[ \t>]{0,8}(?=[A-Za-z0-9+/=]{8}))*",
    re.IGNORECASE,
)
_DRAWING = re.compile(r"data:image/svg\+xml(?:;[\w=.+-]{1,80}){0,5},\s{0,9}(?=<|%3C)", re.IGNORECASE)
_END = re.compile(r"(?:<|%3C)(?:/|%2F)svg(?:>|%3E)", re.IGNORECASE)
_LABEL = re.compile(r"<text\b[^>]*>(.*?)</text>", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"<[^>]*>")


def drop_data(text: str) -> str:
    """The text with "data:" in place of each of them, so that `![A plan](data:)` still says what was shown.

    Behind it stands what a drawing that is written as markup (SVG) says.
    """
    folded = text.lower()
    text = _drop_drawings(text) if "data:image/svg+xml" in folded else text
    return _DATA.sub("data:", text) if ";base64," in folded else text


def _drop_drawings(text: str) -> str:
    parts, at = list[str](), 0
    for start in _DRAWING.finditer(text):
        if start.start() < at:
            continue
        end = _END.search(text, start.end())
        if end is None:
            break
        labels = (_TAG.sub(" ", label) for label in _LABEL.findall(unquote(text[start.end() : end.end()])))
        parts += text[at : start.start()], " ".join(["data:", *" ".join(labels).split()])
        at = end.end()
    return "".join([*parts, text[at:]])


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
