"""reStructuredText as it is written, with its sections; nothing in it is run or included.

Sections are found by their adornments (a line of one punctuation mark under, or over and under, a title), levels in
the order in which adornments first appear, as the reStructuredText specification has it.
"""

from __future__ import annotations

import re

from rag_connectors.data_uris import drop_data
from rag_connectors.parsed import Parsed, ParsedRecord, ParseOptions
from rag_connectors.text import decode, one_line
from rag_connectors.writing import outline

_TITLE = re.compile(
    r"^(?:(?P<over>([!-/:-@\[-`{-~])\2{2,})[ \t]*\n[ \t]{0,3})?"
    r"(?P<title>\S[^\n]*)\n(?P<under>([!-/:-@\[-`{-~])\5{2,})[ \t]*$",
    re.MULTILINE,
)
_MARKUP = re.compile(r":[\w:.+-]+:(?=`)|[`*|]|\s*<[^<>`]*>(?=`)")


def parse(data: bytes, name: str, options: ParseOptions) -> Parsed:
    """One record. The title is the first section's."""
    text, lost = decode(data)
    text = drop_data(text)
    found = _headings(text)
    record = ParsedRecord(text, found[0][2] if found else "", tuple(outline(found, len(text))))
    return Parsed((record,), (lost,) if lost else ())


def _headings(text: str) -> list[tuple[int, int, str]]:
    styles: list[tuple[str, bool]] = []
    found = []
    for match in _TITLE.finditer(text):
        over, title, under = match["over"] or "", match["title"].rstrip(), match["under"]
        if (over and over != under) or len(under) < len(title) or not re.search(r"\w", title):
            continue
        style = (under[0], bool(over))
        if style not in styles:
            styles.append(style)
        found.append((match.start(), styles.index(style), one_line(_MARKUP.sub("", title))))
    return found
