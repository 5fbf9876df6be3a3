"""HTML as its main text: blocks as lines, headings as sections, table rows as lines; no navigation, no script.

The parser is lexbor (selectolax), which reads what browsers read. What a page hides (`hidden`, `display:none`) is left
out: readers do not see it, so neither does an answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from selectolax.lexbor import LexborHTMLParser, LexborNode

from rag_connectors.data_uris import read_data
from rag_connectors.grid import row
from rag_connectors.markup import cut_off, read_markup, torn
from rag_connectors.page_choice import Choice
from rag_connectors.page_faq import questions
from rag_connectors.page_head import read_origin, read_title
from rag_connectors.page_inline import INLINE, is_note_link, is_permalink, is_replaced, is_struck, list_mark, look_of
from rag_connectors.page_shadow import fill_slots, open_trees
from rag_connectors.page_tables import lines as table_lines
from rag_connectors.page_tables import rows_of
from rag_connectors.parsed import Parsed, ParseOptions
from rag_connectors.pictures import PictureReader
from rag_connectors.text import clean, one_line
from rag_connectors.writing import TextWriter

_LINES = frozenset("div li tr dt dd option summary figcaption caption address center legend".split())
_PARAGRAPHS = frozenset(
    "p ul ol dl table pre blockquote section article main header footer aside nav form fieldset dialog menu hgroup "
    "figure details hr h1 h2 h3 h4 h5 h6".split()
)
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_ASKS = re.compile(r"javascript|\bflash\b|browser", re.IGNORECASE)
_NESTED = 8  # tables in a cell that are looked at
_MAX_CELL = 300  # characters; a longer table cell is layout, and its line breaks count


def parse(data: bytes, name: str, options: ParseOptions) -> Parsed:
    """One record: the main text."""
    markup, lost = read_markup(data)
    writer = TextWriter()
    tree = _tree(markup)
    title = _write(tree, writer)
    for question, answer in questions(tree, writer.text):
        writer.gap()
        writer.add(f"{question}\n{answer}")
    found = PictureReader(options)
    found.write(filter(None, map(read_data, pictures(tree))), writer, bare=not writer.at)
    record = writer.record(title=title, meta=read_origin(tree))
    return found.parsed(record, filter(None, (lost, cut_off(markup) or torn(markup))))


def pictures(tree: LexborHTMLParser) -> Iterator[str]:
    """The addresses of the pictures of a page."""
    for node in tree.css("img, image"):
        attributes = node.attributes
        yield attributes.get("src") or attributes.get("xlink:href") or attributes.get("href") or ""


def write(markup: str, writer: TextWriter, *, whole: bool = False) -> str:
    """Write a page's main text, or the `whole` of what it shows; gives its title."""
    return _write(_tree(markup), writer, whole=whole)


def _tree(markup: str) -> LexborHTMLParser:
    tree = LexborHTMLParser(open_trees(markup))
    fill_slots(tree)
    return tree


def _write(tree: LexborHTMLParser, writer: TextWriter, *, whole: bool = False) -> str:
    start = writer.at
    if tree.body is not None:  # a page of frames has none
        _walk(tree.body, _Flow(writer), Choice(tree, tree.body, whole=whole))
    for node in tree.css("noscript, noframes, object") if writer.at == start else ():
        _otherwise(node, writer)
    return read_title(tree)


def _otherwise(node: LexborNode, writer: TextWriter) -> None:
    """What a page without other text says where scripts, frames or players are not there, unless it asks for them."""
    inner = LexborHTMLParser(node.text() if "<" in node.text() else (node.html or "").partition(">")[2])
    if inner.body is not None and not _ASKS.search(inner.body.text()):
        _walk(inner.body, _Flow(writer), Choice(inner, inner.body))


class _Flow:
    """Inline text until a block ends."""

    def __init__(self, writer: TextWriter, *, cell: bool = False) -> None:
        self.writer = writer
        self.line: list[str] = []
        self.mark = ""  # of a list item that waits for its text
        self.cell = cell  # inside a data cell, where line breaks are spaces
        self.items: dict[int, int] = {}  # the last number in each ordered list
        self.beside: list[str] = []  # what is said of the pictures in the block

    def flush(self, gap: bool) -> None:
        if self.cell:
            self.line.append(" ")
            return
        text = one_line("".join(self.line)).strip("| ")
        self.line.clear()
        if text:
            self.writer.add(self.mark + text)
            self.mark = ""
        for said in dict.fromkeys(self.beside) if self.beside else ():
            if said.casefold() not in text.casefold():
                self.writer.add(said)
        self.beside.clear()
        if gap and not self.mark:
            self.writer.gap()

    def take(self) -> str:
        text = one_line("".join(self.line))
        self.line.clear()
        return text

    @property
    def last(self) -> str:
        """The character before what comes."""
        return next((piece[-1] for piece in reversed(self.line) if piece), "")


def _walk(root: LexborNode, flow: _Flow, choice: Choice) -> None:
    """Depth first without recursion: pages nest as deep as they like."""
    stack = [(root, False, False)]
    while stack:
        node, leaving, inside = stack.pop()
        tag = node.tag or ""
        if leaving:
            _leave(node, tag, flow)
        elif tag == "-text":
            flow.line.append(node.text_content or "")
        elif tag.startswith("-") or (node.mem_id != root.mem_id and choice.leaves_out(node, tag, inside)):
            continue
        elif (tag == "del" and is_replaced(node)) or (tag == "a" and is_permalink(node)):
            continue
        elif tag == "pre" and not flow.cell:
            flow.flush(True)
            flow.writer.add(clean(node.text()).strip("\n"))
            flow.writer.gap()
        elif (look := look_of(node, tag)) == "described":
            flow.beside.append(one_line(node.attributes.get("alt") or ""))
        elif look in INLINE:
            flow.line.append(INLINE[look](node, flow.last))
        elif tag == "table" and not flow.cell and not _is_layout(node):
            _write_table(node, flow, choice)
        else:
            _enter(node, tag, flow)
            stack.append((node, True, inside))
            within = inside or choice.opens(node)
            stack.extend((child, False, within) for child in reversed(list(node.iter(include_text=True))))
    flow.flush(False)


def _is_layout(table: LexborNode) -> bool:
    """Whether cells hold pages, not values."""
    return any(
        len(cell.text()) > _MAX_CELL
        or cell.css_first("h1, h2, h3, pre") is not None
        or any(map(_is_grid, cell.css("table")[:_NESTED]))
        for row in rows_of(table)
        for cell in row.iter()
    )


def _is_grid(table: LexborNode) -> bool:
    """Whether it has several rows of several cells."""
    return sum(sum(cell.tag in ("td", "th") for cell in row.iter()) > 1 for row in rows_of(table)) > 1


def _write_table(table: LexborNode, flow: _Flow, choice: Choice) -> None:
    def read(node: LexborNode) -> str:
        cell = _Flow(flow.writer, cell=True)
        _walk(node, cell, choice)
        return cell.take().replace("|", "¦")

    flow.flush(True)
    for child in table.iter():
        if child.tag == "caption" and (caption := read(child)):
            flow.writer.add(flow.mark + caption)
            flow.mark = ""
    for cells in table_lines(table, read):
        if line := row(cells):
            flow.writer.add(flow.mark + line)
            flow.mark = ""
    flow.writer.gap()


def _enter(node: LexborNode, tag: str, flow: _Flow) -> None:
    if tag in _PARAGRAPHS or tag in _LINES or tag == "br":
        flow.flush(tag in _PARAGRAPHS)
    if tag == "li" and not flow.cell:
        flow.mark = list_mark(node, flow.items)
    elif tag == "a" and is_note_link(node):
        flow.line.append("[")
    elif is_struck(node, tag):
        flow.line.append("~~")


def _leave(node: LexborNode, tag: str, flow: _Flow) -> None:
    if tag in ("td", "th"):
        flow.line.append(" " if flow.cell else " | ")
    elif tag in _HEADINGS and not flow.cell:
        flow.writer.heading(_HEADINGS[tag], flow.take())
    elif tag == "a" and is_note_link(node):
        flow.line.append("]")
    elif is_struck(node, tag):
        flow.line.append("~~")
    elif tag in _PARAGRAPHS or tag in _LINES:
        flow.flush(tag in _PARAGRAPHS)
        if tag == "li":  # an empty item
            flow.mark = ""
