"""What the fields of OpenDocument forms show: typed text, ticked boxes, chosen lines, labels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from xml.etree.ElementTree import Element

from rag_connectors.office.odf_lists import NS
from rag_connectors.text import one_line

_FORM, _DRAW, _TEXT = (f"{NS}{name}:1.0}}" for name in ("form", "drawing", "text"))
_IDS = (f"{_FORM}id", "{http://www.w3.org/XML/1998/namespace}id")
_TYPED = frozenset("text textarea formatted-text date time number combobox".split())
_ON = ("checked", "true")
CONTROL = f"{_DRAW}control"


def read_controls(roots: Iterable[Element]) -> dict[str, str]:
    """The text that each control shows, by its id."""
    found: dict[str, str] = {}
    for node in (node for root in roots for node in root.iter() if isinstance(node.tag, str)):
        if node.tag.startswith(_FORM):
            text = one_line(" ".join(_shown(node)))
            found |= {name: text for key in _IDS if text and (name := node.get(key, ""))}
    return found


def control_of(node: Element) -> str:
    """The id of the control that is drawn here."""
    return node.get(f"{_DRAW}control", "")


def _shown(node: Element) -> Iterator[str]:
    kind = node.tag.removeprefix(_FORM)
    label = node.get(f"{_FORM}label", "")
    if kind in ("checkbox", "radio"):
        states = (node.get(f"{_FORM}{name}") for name in ("current-state", "current-selected", "state", "selected"))
        yield "☒" if next((state for state in states if state), "") in _ON else "☐"
        yield label
    elif kind in _TYPED:
        inside = " ".join("".join(p.itertext()) for p in node.iter(f"{_TEXT}p"))
        yield node.get(f"{_FORM}current-value") or inside or node.get(f"{_FORM}value") or ""
    elif kind == "listbox":
        options = list(node.iter(f"{_FORM}option"))
        chosen = [one for one in options if one.get(f"{_FORM}current-selected") == "true"]
        chosen = chosen or [one for one in options if one.get(f"{_FORM}selected") == "true"]
        yield ", ".join(one.get(f"{_FORM}label", "") for one in chosen)
    elif kind in ("fixed-text", "frame"):
        yield label
