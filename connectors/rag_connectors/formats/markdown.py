"""Markdown as it is written, headings as sections; front matter is title and metadata, and lines below the text.

Headings are found by markdown-it-py (CommonMark), so a `#` in a code fence is none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any

import yaml
from markdown_it import MarkdownIt

from rag.text.access import FIELD
from rag.text.values import flatten
from rag_connectors.data_uris import drop_data
from rag_connectors.numbers import read_yaml
from rag_connectors.parsed import Parsed, ParsedRecord, ParseOptions
from rag_connectors.records import field_lines
from rag_connectors.text import clean, decode, one_line
from rag_connectors.writing import outline

if TYPE_CHECKING:
    from rag.types import Values

_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.{0,65536}?)^(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
_BLOCKS = MarkdownIt("commonmark")
_BLOCKS.core.ruler.enableOnly(["normalize", "block"])  # inline markup is parsed for headings only
_INLINE = MarkdownIt("commonmark")


def parse(data: bytes, name: str, options: ParseOptions) -> Parsed:
    """One record. The title is the front matter's, else the first heading of level 1."""
    text, lost = decode(data)
    fields, text = front_matter(drop_data(text).replace("&shy;", ""))
    found = headings(text)
    titles = [key for key, value in fields.items() if key.casefold() == "title" and value is not None]
    title = str(fields.pop(titles[0])) if titles else ""
    title = title or next((label for _, level, label in found if level == 1), "")
    meta, problems = flatten(fields)
    spans = tuple(outline(found, len(text)))
    record = ParsedRecord("\n\n".join(filter(None, (text.rstrip(), _lines(meta)))), title, spans, meta)
    return Parsed((record,), (*filter(None, [lost]), *problems))


def _lines(meta: Mapping[str, Values]) -> str:
    """Fields as lines, by which they are found; who may read the document is none of them."""
    given = {key: list(value) if isinstance(value, tuple) else value for key, value in meta.items() if key != FIELD}
    return clean("\n".join(line for key, value in given.items() for line in field_lines(value, key)))


def headings(text: str) -> list[tuple[int, int, str]]:
    """Offset, level and plain words of every heading outside quotes and lists."""
    starts = list(accumulate((len(line) + 1 for line in text.split("\n")), initial=0))
    tokens = _BLOCKS.parse(text)
    found = []
    for token, inline in pairwise(tokens):
        if token.type == "heading_open" and token.level == 0 and token.map:
            found.append((starts[token.map[0]], int(token.tag[1]), _plain(inline.content)))
    return [heading for heading in found if heading[2]]


def front_matter(text: str) -> tuple[dict[str, Any], str]:
    """The fields of a leading YAML block, and the text after it. What is no YAML mapping stays text."""
    match = _FRONT_MATTER.match(text)
    if not match:
        return {}, text
    try:
        fields = read_yaml(match[1])
    except (yaml.YAMLError, ValueError, RecursionError):
        return {}, text
    if not isinstance(fields, dict):
        return {}, text
    return {str(key): value for key, value in fields.items()}, text[match.end() :].lstrip("\n")


def _plain(markup: str) -> str:
    children = _INLINE.parseInline(markup)[0].children or ()
    return one_line(
        "".join(
            token.content if token.type in ("text", "code_inline") else " " * (token.type == "softbreak")
            for token in children
        )
    )
