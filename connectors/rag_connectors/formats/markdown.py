"""Markdown as it is written, without its front matter: headings are sections, front matter is title and metadata.

Headings are found by markdown-it-py (CommonMark), so a `#` in a code fence is none.
"""

from __future__ import annotations

import re
from itertools import accumulate, pairwise

import yaml
from markdown_it import MarkdownIt

from rag_connectors.parsed import Parsed, ParsedRecord, ParseOptions, Scalar
from rag_connectors.records import scalars
from rag_connectors.text import decode, one_line
from rag_connectors.writing import outline

_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.{0,65536}?)^(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
_BLOCKS = MarkdownIt("commonmark")
_BLOCKS.core.ruler.enableOnly(["normalize", "block"])  # inline markup is parsed for headings only
_INLINE = MarkdownIt("commonmark")


def parse(data: bytes, name: str, options: ParseOptions) -> Parsed:
    """One record. The title is the front matter's, else the first heading of level 1."""
    text, lost = decode(data)
    meta, text = front_matter(text)
    found = headings(text)
    title = str(meta.pop("title", "")) or next((label for _, level, label in found if level == 1), "")
    return Parsed((ParsedRecord(text, title, tuple(outline(found, len(text))), meta),), (lost,) if lost else ())


def headings(text: str) -> list[tuple[int, int, str]]:
    """Offset, level and plain words of every heading outside quotes and lists."""
    starts = list(accumulate((len(line) + 1 for line in text.split("\n")), initial=0))
    tokens = _BLOCKS.parse(text)
    found = []
    for token, inline in pairwise(tokens):
        if token.type == "heading_open" and token.level == 0 and token.map:
            found.append((starts[token.map[0]], int(token.tag[1]), _plain(inline.content)))
    return [heading for heading in found if heading[2]]


def front_matter(text: str) -> tuple[dict[str, Scalar], str]:
    """The scalars of a leading YAML block, and the text after it. What is no YAML mapping stays text."""
    match = _FRONT_MATTER.match(text)
    if not match:
        return {}, text
    try:
        fields = yaml.safe_load(match[1])
    except (yaml.YAMLError, ValueError):  # ValueError: a date that does not exist
        return {}, text
    if not isinstance(fields, dict):
        return {}, text
    return scalars(fields), text[match.end() :].lstrip("\n")


def _plain(markup: str) -> str:
    children = _INLINE.parseInline(markup)[0].children or ()
    return one_line(
        "".join(
            token.content if token.type in ("text", "code_inline") else " " * (token.type == "softbreak")
            for token in children
        )
    )
