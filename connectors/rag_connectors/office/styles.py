"""Word's styles: which are headings, which number their paragraphs, which show signs for letters. Styles inherit."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from rag_connectors.office.symbols import is_symbolic

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_HEADING = re.compile(r"heading (\d)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Style:
    """`level` is that of a heading (the Title style is 0); `number` and `place` are the list and the level in it.

    `raised` is "superscript", "subscript" or "".
    """

    level: int | None = None
    number: str | None = None
    place: int | None = None
    font: str = ""
    raised: str = ""


def read_styles(root: Element | None) -> dict[str, Style]:
    """Style id -> style. Ids are localised, names are not."""
    nodes = {style.get(f"{W}styleId", ""): style for style in (root.iter(f"{W}style") if root is not None else ())}

    def chain(name: str) -> Iterator[Element]:
        seen: set[str] = set()
        while name in nodes and name not in seen:
            seen.add(name)
            yield nodes[name]
            name = value(nodes[name], "basedOn")

    return {name: _style(list(chain(name))) for name in nodes}


def value(node: Element | None, path: str) -> str:
    """The value of an element inside, "" where there is none."""
    found = node.find("/".join(f"{W}{step}" for step in path.split("/"))) if node is not None else None
    return found.get(f"{W}val", "") if found is not None else ""


def outline(text: str) -> int | None:
    """The heading level of an outline level; 9 is body text."""
    return int(text) + 1 if text.isdecimal() and int(text) < 9 else None


def font_of(node: Element) -> str:
    """The font of signs that the properties of a run or style name; "" for others."""
    fonts = node.find(f"{W}rPr/{W}rFonts")
    named = fonts.attrib.values() if fonts is not None else ()
    return next((name for name in named if is_symbolic(name)), "")


def _style(chain: list[Element]) -> Style:
    """The first of a style and those it is based on that says something."""
    levels = (_level(style) for style in chain)
    numbers = (value(style, "pPr/numPr/numId") for style in chain)
    places = (value(style, "pPr/numPr/ilvl") for style in chain)
    place = next(filter(str.isdecimal, places), "")
    return Style(
        next((level for level in levels if level is not None), None),
        next(filter(None, numbers), None),
        int(place) if place else None,
        next(filter(None, map(font_of, chain)), ""),
        next(filter(None, (value(style, "rPr/vertAlign") for style in chain)), ""),
    )


def _level(style: Element) -> int | None:
    name = value(style, "name")
    heading = _HEADING.fullmatch(name)
    if heading:
        return int(heading[1])
    return 0 if name.lower() == "title" else outline(value(style, "pPr/outlineLvl"))
