"""The text inside a Word paragraph: runs with their fields, signs, equations, checkboxes and superscripts.

Deleted (tracked) text and field codes are left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from xml.etree.ElementTree import Element

from rag_connectors.office.equations import M, equation
from rag_connectors.office.styles import Style, W, font_of, value
from rag_connectors.office.symbols import symbol, translate
from rag_connectors.office.word_fields import field_text
from rag_connectors.text import one_line

FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"  # the same text a second time
_EITHER = "{http://schemas.openxmlformats.org/markup-compatibility/2006}AlternateContent"
_WORDART = "{urn:schemas-microsoft-com:vml}textpath"
LEFT_OUT = frozenset(
    [
        FALLBACK,
        *(f"{W}{name}" for name in "del moveFrom instrText delText delInstrText pPr rPr tblPr trPr tcPr".split()),
    ]
)
_CHARACTERS = {
    "tab": "\t",
    "ptab": "\t",
    "br": "\n",
    "cr": "\n",
    "noBreakHyphen": "-",
    "p": "\n",
    "tr": "\n",
    "tc": " ",
}
_CODE = f"{W}instrText"
_POWER = re.compile(r"[+\-−–]?\d+(?:[.,]\d+)?|[+\-−–]|[a-z]|[+\-−–]?\d*[a-z]")
_BASE = re.compile(r"[\w)\]}]$")
_ON = ("", "1", "true", "on")


class Runs:
    """Reads runs in the order of the document: a field may begin in one paragraph and end in another."""

    def __init__(self, styles: Mapping[str, Style]) -> None:
        self._styles = styles
        self._codes: list[bool] = []  # of each open field: whether its code is read, and not yet its result
        self._instructions: list[str] = []  # their codes
        self._shown: list[str] = []  # what fields without a result show
        self.comments: list[str] = []  # ids of comments that were met
        self.objects: list[Element] = []  # drawings that were met
        self.boxes: list[Element] = []  # contents of text boxes that were met: blocks, which no sentence goes on in

    def text(self, node: Element) -> str:
        """The text of a paragraph, or of a cell with its paragraphs as lines."""
        parts: list[str] = []
        self._walk(node, "", parts)
        return "".join(parts)

    def line(self, node: Element) -> str:
        """All text inside as one line, that of text boxes behind it."""
        before = len(self.boxes)
        said = self._part(node, "")
        boxes = self.boxes[before:]
        del self.boxes[before:]
        return one_line(" ".join([said, *map(self.line, boxes)]))

    def _walk(self, node: Element, font: str, parts: list[str]) -> None:
        tag = node.tag
        if tag == _CODE and any(self._codes):
            self._instructions[-1] += node.text or ""
        if tag in LEFT_OUT or not isinstance(tag, str):
            return
        if tag == _EITHER:
            self._either(node, font, parts)
            return
        if tag == _WORDART:
            parts.append(node.get("string", ""))
        if tag.startswith(M):
            written = equation(node)
            parts.append(
                f" {written} " if tag == f"{M}oMath" and parts and not parts[-1].endswith((" ", "\n")) else written
            )
            return
        name = tag.removeprefix(W)
        if name == "fldChar":
            self._field(node, parts)
        elif name == "txbxContent":
            self.boxes.append(node)
        elif name == "commentReference":
            self.comments.append(node.get(f"{W}id", ""))
        elif any(self._codes):
            self._inside(node, font, parts, [])
            parts += self._shown
            self._shown.clear()
        elif name == "t":
            parts.append(translate(font, node.text or ""))
        elif name == "sym":
            code = node.get(f"{W}char", "")
            parts.append(
                symbol(node.get(f"{W}font", ""), int(code, 16) if re.fullmatch("[0-9A-Fa-f]{1,6}", code) else 0)
            )
        elif name == "r":
            own: list[str] = []
            run_style = self._styles.get(value(node, "rPr/rStyle"))
            self._inside(node, font_of(node) or (run_style.font if run_style else "") or font, own, own)
            place = _place(node) or (run_style.raised if run_style else "")
            parts.append(raised(place, "".join(own), "".join(parts[-2:])))
        elif name == "ruby":
            base, above = (node.find(f"{W}{part}") for part in ("rubyBase", "rt"))
            parts.append(f"{self._part(base, font)}({self._part(above, font)})")
        else:
            if name == "drawing" or name == "object" or name == "pict":
                self.objects.append(node)
            if name in _CHARACTERS and (name != "tc" or parts):
                parts.append(_CHARACTERS[name])
            self._inside(node, font, parts, parts)

    def _inside(self, node: Element, font: str, parts: list[str], into: list[str]) -> None:
        for child in node:
            self._walk(child, font, into)

    def _either(self, node: Element, font: str, parts: list[str]) -> None:
        """The newer of two forms of the same; the older one, if that says nothing."""
        before = len(parts), len(self.objects), len(self.boxes)
        self._inside(node, font, parts, parts)
        older = node.find(FALLBACK)
        if older is not None and (len(parts), len(self.objects), len(self.boxes)) == before:
            self._inside(older, font, parts, parts)

    def _part(self, node: Element | None, font: str) -> str:
        own: list[str] = []
        if node is not None:
            self._inside(node, font, own, own)
        return "".join(own)

    def _field(self, node: Element, parts: list[str]) -> None:
        kind = node.get(f"{W}fldCharType")
        if kind == "begin":
            form = node.find(f"{W}ffData")
            if form is not None and not any(self._codes):
                parts.append(_chosen(form))
            self._codes.append(True)
            self._instructions.append("")
        elif self._codes and kind == "separate":
            self._codes[-1] = False
        elif self._codes and kind == "end":
            code, has_none = self._instructions.pop(), self._codes.pop()
            if has_none and not any(self._codes):
                self._shown.append(field_text(code))


def _chosen(form: Element) -> str:
    """What a checkbox or a list of an old form shows."""
    box = form.find(f"{W}checkBox")
    if box is not None:
        state = box.find(f"{W}checked")
        state = state if state is not None else box.find(f"{W}default")
        return "☒" if state is not None and state.get(f"{W}val", "") in _ON else "☐"
    choices = form.find(f"{W}ddList")
    if choices is None:
        return ""
    entries = [entry.get(f"{W}val", "") for entry in choices.findall(f"{W}listEntry")]
    at = value(choices, "result") or value(choices, "default") or "0"
    return entries[int(at)] if at.isdecimal() and int(at) < len(entries) else ""


def _place(run: Element) -> str:
    """Whether a run is written above or below the line: "superscript", "subscript" or ""."""
    if place := value(run, "rPr/vertAlign"):
        return place
    by = value(run, "rPr/position")
    return "" if not by or by == "0" else "subscript" if by.startswith("-") else "superscript"


def raised(place: str, text: str, before: str) -> str:
    """A run's text, with a sign before a power or an index: 10^6 is not 106. Ordinals and marks of notes stay."""
    if place not in ("superscript", "subscript") or not _POWER.fullmatch(text.strip()) or not _BASE.search(before):
        return text
    if place == "superscript":
        return f"^{text.strip()}" + text[len(text.rstrip()) :]
    return text if not before[-1:].isdigit() else f"_{text}"
