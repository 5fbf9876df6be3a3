"""What is said by the form of a page's text: powers, notes, formulas, the numbers of a list."""

from __future__ import annotations

import re
from collections.abc import Callable

from selectolax.lexbor import LexborHTMLParser, LexborNode

from rag_connectors.mathml import linear
from rag_connectors.text import one_line

MARK = "- "  # of an item without a number
_EXPONENT = re.compile(r"[-+−–]?(?:\d+(?:[.,/]\d+)?|[a-z])|[-+−]", re.ASCII)
_MARK_OF_NOTE = re.compile(r"(\d{1,2}(?:[ ,] ?\d{1,2})+|\d{1,2}(?=\)))\)?")
_RAISED = re.compile(r"(?:vertical-align\s*:\s*|(?<!\S))(super|sub|sup)(?:script)?(?![^\s;])", re.IGNORECASE)
_STRUCK = re.compile(r"text-decoration[\w-]*\s*:[^;]*line-through", re.IGNORECASE)
_FORMULA = re.compile(r"\b(?:tex|math|latex|equation|formula)", re.IGNORECASE)
_CENTS = re.compile(r"\d\d", re.ASCII)
_PRICE = re.compile(r"[$€£¥]")
_LONG_PRICE = 24  # characters
_PERMALINKS = frozenset(["¶", "#", "§", "🔗", "⚓"])
_POWERS = {"2": "²", "3": "³"}
_LONG_ALT = 4  # words that describe a picture; fewer name it
_FIELDS = frozenset(["", "text", "email", "tel", "number", "date", "time", "url", "month", "week", "datetime-local"])
_WHOLE = re.compile(r"-?\d{1,9}", re.ASCII)
_ROMAN = tuple(
    zip((1000, 900, 500, 400, 100, 90, 50, 40, 10, 9, 5, 4, 1), "M CM D CD C XC L XL X IX V IV I".split(), strict=True)
)


def _superscript(node: LexborNode, before: str) -> str:
    """Powers as `10^6` and `m²`, notes as `[1]`; anything else as it stands."""
    text = one_line(node.text())
    link = node.css_first("a") is not None or (node.parent is not None and node.parent.tag == "a")
    if link or "note" in (node.attributes.get("class") or "") or "reference" in (node.attributes.get("class") or ""):
        return text if not text or text[0] in "[(*†‡" else f"[{text}]"
    if not (before.isalnum() or before in ")]}") or not before:
        return text
    if before.isdigit() and _CENTS.fullmatch(text) and _is_price(node.parent):
        return f".{text}"
    if _MARK_OF_NOTE.fullmatch(text):
        return f"[{text.rstrip(')')}]"
    if before.isalpha() and text in _POWERS:
        return _POWERS[text]
    if _EXPONENT.fullmatch(text):
        return f"^{text}"
    return f"^({text})" if any(char.isdigit() for char in text) and any(char in "+-−·/*=" for char in text) else text


def _is_price(node: LexborNode | None) -> bool:
    """Whether an element holds an amount of money and hardly anything else."""
    text = node.text().strip() if node is not None else ""
    return len(text) <= _LONG_PRICE and _PRICE.search(text) is not None


def is_permalink(link: LexborNode) -> bool:
    """Whether it is the sign behind a heading that leads to that heading."""
    return (link.attributes.get("href") or "").startswith("#") and link.text().strip() in _PERMALINKS


def _subscript(node: LexborNode, before: str) -> str:
    text = one_line(node.text())
    after = node.next
    goes_on = after is not None and after.tag == "-text" and (after.text_content or "")[:1].isdigit()
    apart = before.isdigit() or (before.isalpha() and goes_on and text[-1:].isdigit())
    return f"_{text}{' ' * goes_on}" if apart and text[:1].isalnum() else text


def is_note_link(node: LexborNode) -> bool:
    kinds = f"{node.attributes.get('epub:type') or ''} {node.attributes.get('role') or ''}"
    return "noteref" in kinds and node.css_first("sup") is None


def is_replaced(node: LexborNode) -> bool:
    """Whether deleted text stands beside what was put in its place."""
    for beside in (_beside(node, "next"), _beside(node, "prev")):
        if beside is not None and beside.tag == "ins":
            return True
    return False


def _beside(node: LexborNode, side: str) -> LexborNode | None:
    """The next or previous element, if only white space is between."""
    other: LexborNode | None = getattr(node, side)
    while other is not None and other.tag == "-text" and not (other.text_content or "").strip():
        other = getattr(other, side)
    return other


def is_struck(node: LexborNode, tag: str) -> bool:
    """Whether it is a line's text that the page strikes out: no longer so, and still to be read."""
    if tag in ("span", "font"):
        struck = _STRUCK.search(node.attributes.get("style") or "") is not None
    else:
        struck = tag in ("del", "s", "strike")
    return struck and bool(node.text().strip()) and node.css_first("p, div, li, table, h1, h2, h3, br") is None


def is_formula(node: LexborNode) -> bool:
    """Whether a script or a picture is a formula written in TeX."""
    attributes = node.attributes
    if node.tag == "script":
        return (attributes.get("type") or "").startswith("math/tex")
    return bool(attributes.get("alt") and _FORMULA.search(attributes.get("class") or ""))


def look_of(node: LexborNode, tag: str) -> str:
    """The element that a node looks like: any may be raised by its style or class, a picture may show a formula."""
    if tag in ("script", "img"):
        return "formula" if is_formula(node) else "described" if _is_described(node) else tag
    if tag in ("input", "select", "textarea"):
        return "field"
    if tag == "svg":
        return "drawing"
    if tag in ("span", "font", "small"):
        attributes = node.attributes
        look = _RAISED.search(f"{attributes.get('style') or ''} {attributes.get('class') or ''}")
        return look[1][:3].lower() if look else tag
    return tag


INLINE: dict[str, Callable[[LexborNode, str], str]] = {
    "sup": _superscript,
    "sub": _subscript,
    "field": lambda node, before: f" {_chosen(node)} ",
    "drawing": lambda node, before: "".join(
        f" {one_line(text.text())} " for text in node.css("text, foreignObject") if text.text()
    ),
    "iframe": lambda node, before: f" {_page_in(node)} ",
    "math": lambda node, before: linear(node),
    "formula": lambda node, before: f" {node.text() if node.tag == 'script' else node.attributes.get('alt')} ",
}


def _chosen(field: LexborNode) -> str:
    """What a form's field holds."""
    attributes = field.attributes
    if field.tag == "select":
        return ", ".join(one_line(option.text()) for option in field.css("option[selected]"))
    if field.tag == "textarea":
        return one_line(field.text())
    kind = (attributes.get("type") or "").lower()
    if kind in ("checkbox", "radio"):
        return "[x]" if "checked" in attributes else ""
    return one_line(attributes.get("value") or "") if kind in _FIELDS else ""


def _is_described(picture: LexborNode) -> bool:
    """Whether a picture is described in more words than a name has; one in a link says where that leads."""
    above = picture.parent
    in_link = above is not None and (above.tag == "a" or (above.parent is not None and above.parent.tag == "a"))
    return picture.tag == "img" and not in_link and len((picture.attributes.get("alt") or "").split()) >= _LONG_ALT


def _page_in(frame: LexborNode) -> str:
    """The text of a page that stands in an attribute of its frame."""
    body = LexborHTMLParser(frame.attributes.get("srcdoc") or "").body
    return one_line(body.text(separator=" ")) if body is not None else ""


def list_mark(item: LexborNode, last: dict[int, int]) -> str:
    """What stands before a list's item: its number, in an ordered list of plain numbers, else a dash."""
    above = item.parent
    if above is None or above.tag != "ol":
        return MARK
    start = above.attributes.get("start") or ""
    before = last.get(above.mem_id, int(start) - 1 if _WHOLE.fullmatch(start) else 0)
    own = item.attributes.get("value") or ""
    down = "reversed" in above.attributes
    if down and above.mem_id not in last and not start:
        before = 1 + sum(one.tag == "li" for one in above.iter())
    number = int(own) if _WHOLE.fullmatch(own) else before - 1 if down else before + 1
    last[above.mem_id] = number
    style = above.attributes.get("type") or "1"
    return f"{_letters(number, style)}. "


def _letters(number: int, style: str) -> str:
    if style in "aA" and 0 < number <= 26:
        return chr(ord(style) + number - 1)
    if style in "iI" and 0 < number < 4000:
        roman = ""
        for value, sign in _ROMAN:
            roman += sign * (number // value)
            number %= value
        return roman if style == "I" else roman.lower()
    return str(number)
