"""What of a page is not its text: navigation, banners, link lists, what the page hides and no button shows.

Everything else stays. Which element is called `main` decides only about lists of links outside it: pages put warnings,
questions and whole articles wherever they like.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property

from selectolax.lexbor import LexborHTMLParser, LexborNode

from rag_connectors.page_inline import is_formula

SKIP = frozenset("script style noscript template canvas iframe object head audio video datalist".split())
_FRAMES = frozenset(["nav", "aside", "header", "footer", "menu"])  # what may be furniture, by its element
_FRAME_ROLES = frozenset(["navigation", "banner", "contentinfo", "complementary", "menu", "menubar", "directory"])
_DIALOG_ROLES = frozenset(["dialog", "alertdialog"])
_ASKS = re.compile(  # what a dialog wants that is none of the page's text
    r"\bcookies?\b|consent|einwillig|gdpr|\bdsgvo\b|newsletter|subscri|abonn|sign[ -]?(?:in|up)\b|log[ -]?in\b|anmeld|"
    r"ad ?blocker|personali[sz]ed ads|tracking|privacy (?:policy|settings|preferences)|datenschutz",
    re.IGNORECASE,
)
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_SHOWN = re.compile(r"accordion|collaps|panel|\btab|faq|answer|toggle|expand|disclos|drawer|spoiler|footnote", re.I)
_TWICE = re.compile(r"\b(?:katex-html|mjx-chtml|MathJax_Preview|mwe-math-fallback)", re.I)  # what <math> says too
_NOTES = re.compile(r"note|rearnote|endnote", re.IGNORECASE)
_RIGHTS = re.compile(r"©|\(c\)\s*\d{4}|copyright|all rights reserved|alle rechte vorbehalten", re.IGNORECASE)
_BLOCKS = frozenset("div section ul ol dl p table aside nav header footer form details center".split())
_LINKED = 0.5  # of the characters: more in links is a list of links
_SENTENCE = 4  # words
_FEW_WORDS = 6  # a banner or footer of fewer says nothing
_MIN_MAIN = 200  # characters; a shorter <main> is not where the text is
_LONG_BUTTON = 4  # words; shorter ones are commands, not text


class Choice:
    """Decides for each node of one page whether it is left out, with all that it holds."""

    def __init__(self, tree: LexborHTMLParser, root: LexborNode, *, whole: bool = False) -> None:
        self._whole = whole  # nothing but lists of links is furniture: in a mail, a chapter
        self._root = root.mem_id
        self._tree = tree
        mains = [node for node in tree.css("main, [role=main], article") if len(node.text()) >= _MIN_MAIN]
        self._main = {node.mem_id for node in mains}
        self._around = {above.mem_id for node in mains for above in _above(node)}

    def leaves_out(self, node: LexborNode, tag: str, inside: bool) -> bool:
        """`inside`: whether it stands in a main element, or in something outside that was looked at as a whole."""
        if tag in SKIP:
            return not (is_formula(node) if tag == "script" else tag == "iframe" and node.attributes.get("srcdoc"))
        attributes = node.attributes
        role = attributes.get("role") or ""
        if role == "search" and node.css_first("h1, h2, h3, p, table, article") is None:
            return True  # else what was found stands there, too
        if role == "tooltip" or self._hides(node, tag) or _TWICE.search(attributes.get("class") or ""):
            return True
        if (tag == "dialog" or role in _DIALOG_ROLES) and _asks(node):
            return True
        if self._whole:
            return (tag == "nav" or role == "navigation") and _links(node) > _LINKED
        if tag in _FRAMES or role in _FRAME_ROLES:
            return self._is_furniture(node, tag, role, inside)
        if tag == "button" or role == "button":
            return not _is_heading(node)
        outside = bool(self._main) and not inside and node.mem_id not in self._around | self._main
        return outside and tag in _BLOCKS and _links(node) > _LINKED

    def opens(self, node: LexborNode) -> bool:
        """Whether what is in the node needs no look of its own."""
        return node.mem_id not in self._around and node.mem_id != self._root

    @cached_property
    def _shown(self) -> frozenset[str]:
        return frozenset(_controlled(self._tree))

    def _hides(self, node: LexborNode, tag: str) -> bool:
        attributes = node.attributes
        if attributes.get("hidden") == "until-found":
            return False
        is_closed = tag == "dialog" and "open" not in attributes
        if "hidden" not in attributes and not _HIDDEN.search(attributes.get("style") or "") and not is_closed:
            return False
        names = f"{attributes.get('class') or ''} {attributes.get('id') or ''} {attributes.get('epub:type') or ''}"
        shown = (attributes.get("id") or "\0") in self._shown or attributes.get("role") in ("tabpanel", "region")
        named = "aria-labelledby" in attributes or _SHOWN.search(names) is not None
        return not (shown or named or _is_answer(node) or node.css_first("math") is not None)

    def _is_furniture(self, node: LexborNode, tag: str, role: str, inside: bool) -> bool:
        attributes = node.attributes
        kinds = f"{attributes.get('epub:type') or ''} {role} {attributes.get('class') or ''}"
        if any(above.tag in ("blockquote", "figure") for above in _above(node)):
            return False  # who said it
        if tag == "aside" and _NOTES.search(kinds):
            return False
        text = node.text()
        words = len(text.split())
        if tag == "aside" and words >= _SENTENCE and text.strip().endswith((".", "!", "?")) and len(node.css("a")) == 1:
            return False  # a sentence that leads somewhere
        if _links(node) > _LINKED or (tag == "nav" and words < 2 * _FEW_WORDS):
            return True
        if tag == "header" and (inside or node.css_first("h1, h2, h3") is not None):
            return False
        if tag == "footer" or role == "contentinfo":
            if _RIGHTS.search(text):
                return words < 10 * _FEW_WORDS and not _says(node)
            return not inside and words < _FEW_WORDS and not any(map(str.isdigit, text)) and not _says(node)
        return tag != "aside" and role != "complementary" and words < _FEW_WORDS


def _controlled(tree: LexborHTMLParser) -> Iterator[str]:
    """The ids of what buttons, tabs and links within the page show."""
    for name in ("aria-controls", "data-target", "data-bs-target", "href", "aria-details", "aria-describedby", "for"):
        for node in tree.css(f"[{name}]"):
            value = node.attributes.get(name) or ""
            if name != "href" or value.startswith("#"):
                yield from value.replace("#", " ").split()


def _is_answer(node: LexborNode) -> bool:
    """Whether it comes right after a question or a button, which shows it."""
    before = node.prev
    if before is None and node.parent is not None and node.parent.tag == "div":
        before = node.parent.prev
    while before is not None and (before.tag or "").startswith(("-", "!")):
        if before.tag == "-text" and (before.text_content or "").strip():
            return False
        before = before.prev
    if before is None or not node.text().strip() or _links(node) > _LINKED:
        return False
    is_button = before.tag == "button" or before.attributes.get("role") == "button"
    return is_button or before.css_first("button") is not None or before.text().strip().endswith("?")


def _above(node: LexborNode) -> Iterator[LexborNode]:
    above = node.parent
    while above is not None:
        yield above
        above = above.parent


def _links(node: LexborNode) -> float:
    """The share of its text that is in links; 1 for a node without text but with links."""
    total = len("".join(node.text().split()))
    linked = sum(len("".join(link.text().split())) for link in node.css("a[href], a[onclick], [role^=menuitem]"))
    return linked / total if total else 0.0


def _asks(dialog: LexborNode) -> bool:
    """Whether a dialog is there to be answered, or does not show; else it warns or tells."""
    attributes = dialog.attributes
    if attributes.get("aria-hidden") == "true" or re.search(r"\bmodal\b(?!.*\bshow\b)", attributes.get("class") or ""):
        return True
    return dialog.css_first("input, textarea, select") is not None or _ASKS.search(dialog.text()) is not None


def _says(footer: LexborNode) -> bool:
    """Whether a footer has a sentence beside whose rights are reserved: opening hours, an address, a warning."""
    lines = footer.text(separator="\n").split("\n")
    return any(
        len(line.split()) >= _SENTENCE and line.strip().endswith((".", "!")) and not _RIGHTS.search(line)
        for line in lines
    )


def _is_heading(button: LexborNode) -> bool:
    """Whether a button is the heading of what it opens, or says more than a command does."""
    names = button.attributes
    if names.keys() & {"aria-expanded", "aria-controls", "data-bs-toggle", "data-toggle", "data-target"}:
        return True
    above = button.parent
    in_heading = above is not None and (above.tag or "") in {"h1", "h2", "h3", "h4", "h5", "h6", "dt", "summary"}
    return in_heading or len(button.text().split()) >= _LONG_BUTTON or button.text().strip().endswith("?")
