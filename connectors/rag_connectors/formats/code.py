"""Source code as text, with a section per function, class or type: `pool.py, Pool > close`.

A section begins with the comments, decorators and attributes right above its definition.

Definitions are found by one pattern for most languages that name them by keyword, nested by indentation. It is no
parser: a definition in a string literal counts, and C-style functions without a keyword do not.
"""

from __future__ import annotations

import re

from rag_connectors.parsed import Parsed, ParsedRecord, ParseOptions
from rag_connectors.text import decode
from rag_connectors.writing import outline

_DEFINITION = re.compile(
    r"^([ \t]*)(?:(?:export|default|public|private|protected|internal|static|abstract|final|async|pub|unsafe|override)"
    r"(?:\([^()\n]{0,40}\))?[ \t]+){0,5}"
    r"(?:def|class|func|fn|fun|function|struct|interface|trait|impl|enum|module|namespace|object|type)[ \t]+"
    r"(?:\([^()\n]{0,80}\)[ \t]*)?([A-Za-z_$][\w$.]*)",
    re.MULTILINE,
)
_ABOVE = re.compile(r" ?(?:@|#|//|/\*|\*|--)")


def parse(data: bytes, name: str, options: ParseOptions) -> Parsed:
    """One record: the text, its definitions as sections of kind "code"."""
    text, lost = decode(data)
    found = [
        (_begin(text, match.start(), match[1]), len(match[1].expandtabs(4)), match[2])
        for match in _DEFINITION.finditer(text)
        if match[2]
    ]
    return Parsed((ParsedRecord(text, spans=tuple(outline(found, len(text), kind="code"))),), (lost,) if lost else ())


def _begin(text: str, at: int, indent: str) -> int:
    """Where the lines begin that stand right above a definition, as far in, and speak of it."""
    while at:
        above = text.rfind("\n", 0, at - 1) + 1
        line = text[above : at - 1]
        if not (line.startswith(indent) and _ABOVE.match(line, len(indent))):
            break
        at = above
    return at
