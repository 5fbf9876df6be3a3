"""Trees that a page shows in the shadow of an element (`<template shadowrootmode>`), as part of the page.

Browsers show such a tree in place of what its element holds, which goes where the tree has a `<slot>` for it.
Source: the HTML standard, declarative shadow roots.
"""

from __future__ import annotations

import re

from selectolax.lexbor import LexborHTMLParser, LexborNode

_MARK = "data-shadow-tree"
_TEMPLATE = re.compile(r"<template\b([^>]*)>|</template\s*>", re.IGNORECASE)
_ROOT = re.compile(r"\bshadowroot(?:mode)?\s*=", re.IGNORECASE)
_MOST = 2000  # trees of a page


def open_trees(markup: str) -> str:
    """The markup with its shadow trees as elements, which parsers keep apart from the page else."""
    if not _ROOT.search(markup):
        return markup
    shadows: list[bool] = []

    def opened(found: re.Match[str]) -> str:
        if found[1] is not None:
            shadows.append(bool(_ROOT.search(found[1])))
            return f"<div {_MARK}>" if shadows[-1] else found[0]
        return "</div>" if shadows and shadows.pop() else found[0]

    return _TEMPLATE.sub(opened, markup)


def fill_slots(tree: LexborHTMLParser) -> None:
    """Put what the elements hold where their shadow trees have room for it; what has no room there is not shown."""
    for _ in range(_MOST):  # one after the other: filling a slot makes new nodes of those it holds
        shadow = tree.css_first(f"[{_MARK}]")
        host = shadow.parent if shadow is not None else None
        if shadow is None or host is None:
            return
        del shadow.attrs[_MARK]
        slots: dict[str, LexborNode] = {}
        for slot in shadow.css("slot"):
            slots.setdefault(slot.attributes.get("name") or "", slot)
        held: dict[str, list[LexborNode]] = {}
        for child in list(host.iter(include_text=True)):
            if child.mem_id != shadow.mem_id and (child.tag != "-text" or (child.text_content or "").strip()):
                name = "" if child.tag == "-text" else child.attributes.get("slot") or ""
                held.setdefault(name, []).append(child)
        for name, children in held.items():
            room = slots.get(name)
            for old in list(room.iter(include_text=True)) if room is not None else ():
                old.decompose()
            for child in children:
                if room is not None:
                    room.insert_child(child)
                child.decompose()
