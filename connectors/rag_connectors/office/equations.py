"""Equations of Office files (OMML) as a line of text: `x = (-b ± √(b^2 - 4ac))/(2a)`, `∑_(i=1)^n i`."""

from __future__ import annotations

import re
from collections.abc import Callable
from xml.etree.ElementTree import Element

M = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
_WHOLE = re.compile(r"\d[\d.,]*|[^\W\d]+′*|\([^()]*\)|[^\w\s]?")
_HIDDEN = frozenset(f"{M}{name}" for name in ("ctrlPr", "rPr", "argPr"))


def equation(node: Element) -> str:
    """The text of an equation or a part of it. White space is kept as it is written."""
    tag = node.tag.removeprefix(M) if node.tag.startswith(M) else ""
    if tag == "t":
        return node.text or ""
    if node.tag in _HIDDEN or tag.endswith("Pr"):
        return ""
    if tag in _FORMS:
        return _FORMS[tag](node)
    return _lines(node) if tag == "oMathPara" else "".join(map(equation, node))


def _lines(node: Element) -> str:
    return "\n".join(equation(part).strip() for part in node if part.tag == f"{M}oMath")


def _part(node: Element, name: str) -> str:
    found = node.find(f"{M}{name}")
    return equation(found).strip() if found is not None else ""


def _inner(node: Element, name: str) -> str:
    """A part, in parentheses if it is more than one number, word or sign."""
    text = _part(node, name)
    return text if _WHOLE.fullmatch(text) else f"({text})"


def _option(node: Element, name: str, usual: str) -> str:
    properties = next((part for part in node if part.tag.endswith("Pr")), None)
    found = properties.find(f"{M}{name}") if properties is not None else None
    return usual if found is None else found.get(f"{M}val", "")


def _fraction(node: Element) -> str:
    if _option(node, "type", "bar") == "noBar":
        return f"({_part(node, 'num')} ¦ {_part(node, 'den')})"
    return f"{_inner(node, 'num')}/{_inner(node, 'den')}"


def _root(node: Element) -> str:
    degree = _part(node, "deg")
    sign = {"": "√", "2": "√", "3": "∛", "4": "∜"}.get(degree, f"root {degree} of ")
    return f"{sign}{_inner(node, 'e')}"


def _sum(node: Element) -> str:
    below, above = _part(node, "sub"), _part(node, "sup")
    limits = (f"_{_inner(node, 'sub')}" if below else "") + (f"^{_inner(node, 'sup')}" if above else "")
    return f"{_option(node, 'chr', '∫')}{limits} {_part(node, 'e')}".strip()


def _fence(node: Element) -> str:
    separator = _option(node, "sepChr", "|")
    inside = separator.join(equation(part).strip() for part in node if part.tag == f"{M}e")
    return f"{_option(node, 'begChr', '(')}{inside}{_option(node, 'endChr', ')')}"


def _function(node: Element) -> str:
    name, of = _part(node, "fName"), _part(node, "e")
    return f"{name}{of}" if of.startswith("(") else f"{name} {of}"


def _matrix(node: Element) -> str:
    rows = [[equation(cell).strip() for cell in row] for row in node if row.tag == f"{M}mr"]
    return f"[{'; '.join(', '.join(cells) for cells in rows)}]"


def _script(*marks: tuple[str, str]) -> Callable[[Element], str]:
    def write(node: Element) -> str:
        scripts = "".join(f"{mark}{_inner(node, name)}" for name, mark in marks if _part(node, name))
        return f"{_inner(node, 'e')}{scripts}"

    return write


_ACCENTS = {"": "\u0302", "¯": "\u0304", "→": "\u20d7", "˙": "\u0307", "¨": "\u0308", "~": "\u0303", "^": "\u0302"}


def _accent(node: Element) -> str:
    mark = _option(node, "chr", "\u0302")
    text = _part(node, "e")
    return text + _ACCENTS.get(mark, mark) if len(text) == 1 else f"{text}{mark}" if not mark else f"({text}){mark}"


def _pre(node: Element) -> str:
    return f"_{_inner(node, 'sub')}^{_inner(node, 'sup')}{_part(node, 'e')}"


_FORMS: dict[str, Callable[[Element], str]] = {
    "f": _fraction,
    "rad": _root,
    "nary": _sum,
    "d": _fence,
    "func": _function,
    "m": _matrix,
    "sSup": _script(("sup", "^")),
    "sSub": _script(("sub", "_")),
    "sSubSup": _script(("sub", "_"), ("sup", "^")),
    "limLow": _script(("lim", "_")),
    "limUpp": _script(("lim", "^")),
    "acc": _accent,
    "sPre": _pre,
    "eqArr": lambda node: "; ".join(equation(part).strip() for part in node if part.tag == f"{M}e"),
}
