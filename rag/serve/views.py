"""A document as a tree of elements, with a span of its text marked: what a page shows without trusting any of it.

An element is {"tag": TAG, "children": [...]}, with "href" where it is a link and "label" where it has an address; a
child is an element or a string. Tags are those of `TAGS`, links lead to the web or to mail, and no markup of a document
is kept as it is. Of a long document the elements are those around the span: text[from:to] of `length` characters.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import groupby
from typing import Any, TypeAlias

from markdown_it import MarkdownIt
from markdown_it.token import Token

from rag.text.markdown import SUFFIXES
from rag.types import Document, Section

Element: TypeAlias = dict[str, Any]
Child: TypeAlias = Element | str

TAGS = frozenset(
    "p h1 h2 h3 h4 h5 h6 ul ol li blockquote pre code table thead tbody tr th td strong em s a hr br mark div".split()
)
WINDOW = 40_000  # characters that are shown at a time
SKIPPED = 40  # characters of markup between two that are shown: the longest entity has 33
_LINK = re.compile(r"(?:https?://|mailto:)", re.IGNORECASE)
_TARGET = re.compile(r"\]\([^)\n]*\)|\]\[[^\]\n]*\]")  # behind the text of a link
_LINE_END = re.compile(r"\r\n?|\n")
_BULLET = re.compile(r"[-*•] +")
_BAR = re.compile(r"(?: |(?<=\| ))\| ")  # between cells; an empty cell has one blank


def view_document(document: Document, start: int, end: int, *, at: int) -> dict[str, Any]:
    """The elements around the offset `at`, with text[start:end] in `mark` elements."""
    text = document.text
    first, last = _window(text, at)
    kinds = {section.kind for section in document.sections}
    kind = next((kind for kind in ("row", "slide", "page", "code") if kind in kinds), "text")
    if document.source.lower().endswith(SUFFIXES):
        kind, elements = "markdown", _markdown(text, first, last, start, end)
    else:
        marker = _Marker(text, start, end)
        sections = [s for s in document.sections if s.start < last and s.end > first]
        elements = _VIEWS[kind](marker, sections, first, last)
    return {"kind": kind, "from": first, "to": last, "length": len(text), "elements": elements}


def _window(text: str, at: int) -> tuple[int, int]:
    """A stretch of whole lines around an offset; the whole of a text that is short enough."""
    if len(text) <= WINDOW:
        return 0, len(text)
    first = max(0, at - WINDOW // 4)
    first = text.rfind("\n", 0, first) + 1 if first else 0
    last = text.find("\n", min(len(text), first + WINDOW))
    return first, len(text) if last < 0 else last + 1


class _Marker:
    """Stretches of a text as children, what lies in one span of it in `mark` elements."""

    def __init__(self, text: str, start: int, end: int) -> None:
        self.text, self.start, self.end = text, start, end

    def children(self, first: int, last: int) -> list[Child]:
        """text[first:last]."""
        a, b = max(first, self.start), min(last, self.end)
        if a >= b:
            return [self.text[first:last]] if first < last else []
        parts: list[Child] = [self.text[first:a], element("mark", [self.text[a:b]]), self.text[b:last]]
        return [part for part in parts if part]

    def lines(self, first: int, last: int) -> Iterator[tuple[int, int]]:
        """The spans of the lines in a stretch, without their ends."""
        at = first
        for line in self.text[first:last].split("\n"):
            yield at, at + len(line)
            at += len(line) + 1


def element(tag: str, children: Sequence[Child], **more: str) -> Element:
    """An element; `more` is its href or label."""
    return {"tag": tag, "children": list(children), **more}


def _outline(marker: _Marker, sections: Sequence[Section], first: int, last: int) -> list[Element]:
    """Headings, lists, tables and paragraphs, as the lines show them."""
    levels = {s.start: s.label.count(" > ") for s in reversed(sections) if s.kind == "heading"}

    def kind(line: tuple[int, int]) -> str:
        text = marker.text[slice(*line)]
        if not text.strip():
            return "gap"
        if line[0] in levels:
            return f"h{min(levels[line[0]], 3) + 2}"
        if _BULLET.match(text):
            return "ul"
        return f"table {len(_BAR.findall(text))}" if " | " in text else "p"

    found: list[Element] = []
    for name, group in groupby(marker.lines(first, last), kind):
        lines = list(group)
        if name.startswith("h"):
            found += [element(name, marker.children(*line)) for line in lines]
        elif name == "ul":
            found.append(element("ul", [element("li", marker.children(a + _bullet(marker, a), b)) for a, b in lines]))
        elif name.startswith("table") and len(lines) > 1:
            head, *rest = (_cells(marker, a, b) for a, b in lines)
            body = [element("tr", [element("td", marker.children(*cell)) for cell in row]) for row in rest]
            cells = [element("th", marker.children(*cell)) for cell in head]
            found.append(_table([element("tr", cells)], body))
        elif name != "gap":
            found.append(element("p", marker.children(lines[0][0], lines[-1][1])))
    return found


def _bullet(marker: _Marker, at: int) -> int:
    mark = _BULLET.match(marker.text, at)
    return len(mark[0]) if mark else 0


def _cells(marker: _Marker, first: int, last: int) -> list[tuple[int, int]]:
    """The spans of the cells of a line like `a | b` or `| a | b |`."""
    line = marker.text[first:last]
    if line.startswith("| ") and line.endswith(" |"):
        first, last = first + 2, last - 1
    bars = [bar.span() for bar in _BAR.finditer(marker.text, first, last)]
    starts, ends = [first, *(end for _, end in bars)], [*(start for start, _ in bars), last]
    return [(a, a + len(marker.text[a:b].rstrip())) for a, b in zip(starts, ends, strict=True)]


def _table(head: Sequence[Element], body: Sequence[Element]) -> Element:
    return element("table", [*([element("thead", head)] if head else []), element("tbody", body)])


def _rows(marker: _Marker, sections: Sequence[Section], first: int, last: int) -> list[Element]:
    """A table with the address of each row; cells stand below the names of their columns where the rows name them."""
    body: list[Element] = []
    tables: list[Element] = []
    names: list[str] = []
    head: list[Element] = []

    def close() -> None:
        if head or body:
            tables.append(_table(head, body))
            head.clear()
            body.clear()

    for section in sections:
        if section.kind != "row":
            continue
        a, b = section.start, section.start + len(marker.text[section.start : section.end].rstrip("\n"))
        if found := _pairs(marker.text, a, b, names):
            cells = [element("td", marker.children(*found[name]) if name in found else []) for name in names]
        elif " | " in marker.text[a:b]:
            close()
            spans = _cells(marker, a, b)
            names = [marker.text[slice(*span)] for span in spans]
            cells = [element("th", marker.children(*span)) for span in spans]
            head.append(element("tr", cells, label=section.label))
            continue
        else:
            cells = [element("td", marker.children(a, b))]
        body.append(element("tr", cells, label=section.label))
    close()
    return tables


def _pairs(text: str, first: int, last: int, names: Sequence[str]) -> dict[str, tuple[int, int]]:
    """The span of the value of each `Name: value` of a row, in the order of the names; {} for any other line."""
    found: dict[str, tuple[int, int]] = {}
    at, begun = first, ""
    for name in names:
        opening = f"{name}: " if at == first and not begun else f"; {name}: "
        place = text.find(opening, at, last) if begun else (first if text.startswith(opening, first) else -1)
        if place < 0:
            continue
        if begun:
            found[begun] = (found[begun][0], place)
        at, begun = place + len(opening), name
        found[name] = (at, last)
    return found


def _labelled(kind: str) -> Any:
    """A view in parts, each under its address: slides, pages."""

    def show(marker: _Marker, sections: Sequence[Section], first: int, last: int) -> list[Element]:
        parts = [section for section in sections if section.kind == kind]
        return [
            element("div", _outline(marker, sections, max(s.start, first), min(s.end, last)), label=s.label)
            for s in parts
        ]

    return show


def _code(marker: _Marker, sections: Sequence[Section], first: int, last: int) -> list[Element]:
    return [element("pre", [element("code", marker.children(first, last))])]


_VIEWS: dict[str, Any] = {
    "row": _rows,
    "slide": _labelled("slide"),
    "page": _labelled("page"),
    "code": _code,
    "text": _outline,
}


@cache
def _parser() -> MarkdownIt:
    """CommonMark with tables; HTML in it is text."""
    return MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])


def _markdown(text: str, first: int, last: int, start: int, end: int) -> list[Element]:
    """Parsed whole lines. The parser sees nothing of the span, so that no span makes other elements."""
    return _elements(_parser().parse(text[first:last]), _Places(_Marker(text, start, end), first, last))


class _Places:
    """Where in Markdown what is shown of it stands: text after text, each behind the one before."""

    def __init__(self, marker: _Marker, first: int, last: int) -> None:
        self._marker, self._at, self._end = marker, first, last
        ends = [found.end() for found in _LINE_END.finditer(marker.text, first, last)]
        self._lines = [first, *ends, last, last]
        self._before = ""  # the type of the token before

    def enter(self, block: Token) -> None:
        """What follows is in these lines."""
        before, self._before = self._before, block.type
        if not block.map:
            return
        begin, behind, end = (self._lines[line] for line in (block.map[0], block.map[0] + 1, block.map[1]))
        if block.type == "fence":
            begin = behind
        elif block.type == "inline" and before not in ("th_open", "td_open"):  # to the end of a line: what opens it,
            begin = max(begin, self._marker.text.rfind(block.content.partition("\n")[0], begin, behind))  # is before
        self._at, self._end = max(self._at, begin), end

    def leave_link(self) -> None:
        """Its text is over; where it leads is not shown."""
        if found := _TARGET.match(self._marker.text, self._at, self._end):
            self._at = found.end()

    def children(self, shown: str) -> list[Child]:
        """A text in parts, what lies in the span in `mark` elements."""
        found = self._marker.text.find(shown, self._at, self._end)
        if found >= 0:
            self._at = found + len(shown)
            return self._marker.children(found, self._at)
        parts: list[Child] = []  # it has escapes or entities, or lines that begin with markup
        for on, group in groupby(shown, self._is_marked):
            text = "".join(group)
            parts.append(element("mark", [text]) if on else text)
        return parts

    def _is_marked(self, letter: str) -> bool:
        """Whether the next letter is, whose place is the next one there is, if it is near."""
        text, at = self._marker.text, self._at
        found = at if letter.isspace() else text.find(letter, at, min(at + SKIPPED, self._end))
        if found >= 0 and text[found : found + 1].isspace() == letter.isspace():
            at, self._at = found, found + 1
        return self._marker.start <= at < self._marker.end


def _elements(tokens: Sequence[Token], places: _Places) -> list[Any]:
    """Tokens as a tree."""
    stack: list[list[Child]] = [[]]
    for token in tokens:
        places.enter(token)
        if token.nesting == 1 and not token.hidden:
            children: list[Child] = []
            opened = element(token.tag if token.tag in TAGS else "div", [])
            opened["children"] = children
            href = str(token.attrGet("href") or "")
            if _LINK.match(href):
                opened["href"] = href
            stack[-1].append(opened)
            stack.append(children)
        elif token.nesting == -1 and not token.hidden:
            stack.pop()
        elif token.type == "inline":
            stack[-1] += _elements(token.children or [], places)
        elif token.type == "softbreak":
            stack[-1].append(" ")
        elif token.type in ("hr", "hardbreak"):
            stack[-1].append(element(token.tag, []))
        elif token.type in ("fence", "code_block"):
            stack[-1].append(element("pre", [element("code", places.children(token.content))]))
        elif token.type == "code_inline":
            stack[-1].append(element("code", places.children(token.content)))
        elif token.content:  # text, and what a picture shows
            stack[-1] += places.children(token.content)
        if token.type in ("link_close", "image"):
            places.leave_link()
    return stack[0]
