"""Values that hold a page's markup (of a shop, a blog, a forum) as their text."""

from __future__ import annotations

import re

from rag_connectors.formats import html
from rag_connectors.writing import TextWriter

_BEGINS = re.compile(
    r"\s*<(?:p|div|span|h[1-6]|ul|ol|dl|table|section|article|blockquote|figure|strong|em|b|i|a|html|body|!doctype)\b",
    re.IGNORECASE,
)


def plain(value: str) -> str:
    """The text of a value that begins with an element and ends one; any other as it is."""
    if "</" not in value or not _BEGINS.match(value):
        return value
    writer = TextWriter()
    html.write(value, writer, whole=True)
    return writer.record().text.rstrip() or value
