"""HTML as its main text: blocks as lines, headings as sections, table rows as lines; no navigation, no script.

The parser is lexbor (selectolax), which reads what browsers read. What a page hides (`hidden`, `display:none`) is left
out: readers do not see it, so neither does an answer.
"""

from __future__ import annotations

import re
from collections import Counter

from selectolax.lexbor import LexborHTMLParser, LexborNode

from rag_connectors.parsed import Parsed, ParseOptions
from rag_connectors.text import clean, decode, one_line
from rag_connectors.writing import TextWriter

_SKIP = frozenset(
    "script style noscript template svg math canvas iframe object head nav footer aside form button select input "
    "textarea dialog audio video".split()
)
_SKIP_ROLES = frozenset(["navigation", "banner", "contentinfo", "search", "complementary", "dialog", "menu"])
_LINES = frozenset("div li tr dt dd option summary figcaption caption address center".split())
_PARAGRAPHS = frozenset(
    "p ul ol dl table pre blockquote section article main header hgroup figure details hr h1 h2 h3 h4 h5 h6".split()
)
_MARK = "- "  # of a list item
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([A-Za-z0-9_:.-]{2,40})", re.IGNORECASE)
_OPEN = re.compile(r"<(?:html|body)[\s>]", re.IGNORECASE)
_CLOSED = re.compile(r"</(?:html|body)\s*>", re.IGNORECASE)
_NOT_MARKUP = re.compile(
    r"<!--.*?-->|<(script|style|textarea|title|svg|math|noscript|template|iframe)\b.*?</\1\s*>", re.I | re.S
)
_TAG = re.compile(r"<(/?)([a-z][a-z0-9]*)(?=[\s/>])", re.IGNORECASE)
_PAIRED = frozenset(  # elements whose end may not be left out
    "a abbr address article aside b blockquote button caption center cite code del details dfn div dl em fieldset "
    "figcaption figure font footer form h1 h2 h3 h4 h5 h6 header i ins kbd label legend main mark nav ol pre q s samp "
    "section select small span strong sub summary sup table u ul var".split()
)
_MAY_STAY_OPEN = frozenset("p li dt dd tr td th thead tbody tfoot".split())
_SLOPPY = 4  # more ends that do not fit are how a page was written, not damage
_MAX_CELL = 300  # characters; a longer table cell is layout, and its line breaks count
_MIN_MAIN = 200  # characters; a shorter <main> is not where the text is


def parse(data: bytes, name: str, options: ParseOptions) -> Parsed:
    """One record: the main text. The title is the page's, less a site name that the first heading does without."""
    declared = _CHARSET.search(data[:2048])
    markup, lost = decode(data, declared=declared[1].decode() if declared else "")
    writer = TextWriter()
    title = write(markup, writer)
    return Parsed((writer.record(title=title),), tuple(filter(None, (lost, cut_off(markup) or torn(markup)))))


def cut_off(markup: str) -> str:
    """In words, whether a page ends too early: inside a tag, or with its <html> or <body> still open; else ""."""
    unfinished = markup.rfind("<") > markup.rfind(">")
    if unfinished or (_OPEN.search(markup) and not _CLOSED.search(markup)):
        return "the page is cut off: its end is missing"
    return ""


def torn(markup: str) -> str:
    """In words, whether a few elements begin and do not end, or end and never began; else "".

    That is what a page looks like that lost a part. Of 443 pages of technical documentation, 4 looked so unharmed.
    """
    tags = Counter((tag.lower(), end) for end, tag in _TAG.findall(_NOT_MARKUP.sub("", markup)))
    odd = {name: tags[name, ""] - tags[name, "/"] for name, _ in tags if name in _PAIRED}
    odd |= {name: min(0, tags[name, ""] - tags[name, "/"]) for name, _ in tags if name in _MAY_STAY_OPEN}
    if not 0 < sum(map(abs, odd.values())) <= _SLOPPY:
        return ""
    name, over = next((name, over) for name, over in sorted(odd.items()) if over)
    what = f"a <{name}> is not closed" if over > 0 else f"a </{name}> closes nothing"
    return f"its markup is damaged ({what}): text may be missing"


def write(markup: str, writer: TextWriter) -> str:
    """Write a page's main text; gives its title."""
    tree = LexborHTMLParser(markup)
    body = tree.body
    if body is None:
        return ""
    root = _main(tree) or body
    first = root.css_first("h1")
    heading = one_line(first.text()) if first is not None else ""
    _walk(root, _Flow(writer))
    named = tree.css_first("head > title")
    title = one_line(named.text()) if named is not None else ""
    return heading if heading and heading in title else title or heading


def _main(tree: LexborHTMLParser) -> LexborNode | None:
    """The one element that is marked as the main text and holds some."""
    for query in ("main article", "main", "[role=main]", "article"):
        found = [node for node in tree.css(query) if len(node.text()) >= _MIN_MAIN]
        if len(found) == 1:
            return found[0]
    return None


class _Flow:
    """Inline text until a block ends."""

    def __init__(self, writer: TextWriter) -> None:
        self.writer = writer
        self.line: list[str] = []
        self.cells = 0  # > 0 inside a data cell, where line breaks are spaces

    def flush(self, gap: bool) -> None:
        if self.cells:
            self.line.append(" ")
            return
        text = one_line("".join(self.line)).strip("| ")
        if self.line == [_MARK]:  # it waits for its text
            return
        self.line.clear()
        if text:
            self.writer.add(text)
        if gap:
            self.writer.gap()

    def take(self) -> str:
        text = one_line("".join(self.line))
        self.line.clear()
        return text


def _walk(root: LexborNode, flow: _Flow) -> None:
    """Depth first without recursion: pages nest as deep as they like."""
    stack = [(root, False)]
    while stack:
        node, leaving = stack.pop()
        tag = node.tag or ""
        if leaving:
            _leave(node, tag, flow)
        elif tag == "-text":
            flow.line.append(node.text_content or "")
        elif tag == "pre" and not flow.cells:
            flow.flush(True)
            flow.writer.add(clean(node.text()).strip("\n"))
            flow.writer.gap()
        elif not (tag.startswith("-") or tag in _SKIP or _left_out(node, tag, root)):
            _enter(node, tag, flow)
            stack.append((node, True))
            stack.extend((child, False) for child in reversed(list(node.iter(include_text=True))))
    flow.flush(False)


def _left_out(node: LexborNode, tag: str, root: LexborNode) -> bool:
    attributes = node.attributes
    if "hidden" in attributes or (attributes.get("role") or "") in _SKIP_ROLES:
        return True
    if tag == "header" and root.tag == "body" and node.css_first("h1") is None:
        return True  # a site's banner
    return bool(_HIDDEN.search(attributes.get("style") or ""))


def _enter(node: LexborNode, tag: str, flow: _Flow) -> None:
    if tag in _PARAGRAPHS or tag in _LINES or tag == "br":
        flow.flush(tag in _PARAGRAPHS)
    if tag == "li" and not flow.cells:
        flow.line = [_MARK]
    if tag in ("td", "th") and (flow.cells or len(node.text()) <= _MAX_CELL):
        flow.cells += 1


def _leave(node: LexborNode, tag: str, flow: _Flow) -> None:
    if tag in ("td", "th"):
        flow.cells = max(0, flow.cells - 1)
        flow.line.append(" " if flow.cells else " | ")
    elif tag in _HEADINGS and not flow.cells:
        flow.writer.heading(_HEADINGS[tag], flow.take())
    elif tag in _PARAGRAPHS or tag in _LINES:
        if flow.line == [_MARK]:  # an empty item
            flow.line = []
        flow.flush(tag in _PARAGRAPHS)
