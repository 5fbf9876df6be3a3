"""How OpenDocument styles write a text (raised, lowered, in a font whose letters are signs), and what pages repeat."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple
from xml.etree.ElementTree import Element

from rag_connectors.office.odf_lists import NS

_DRAW, _SLIDES = f"{NS}drawing:1.0}}", f"{NS}presentation:1.0}}"
_STYLE, _FO, _SVG = f"{NS}style:1.0}}", f"{NS}xsl-fo-compatible:1.0}}", f"{NS}svg-compatible:1.0}}"


class Lettering(NamedTuple):
    """`place` is "superscript", "subscript" or ""."""

    place: str = ""
    font: str = ""


def read_looks(roots: Iterable[Element]) -> dict[str, Lettering]:
    """The looks of text styles by name, of those that differ from plain text."""
    found: dict[str, Lettering] = {}
    for root in roots:
        fonts = {
            node.get(f"{_STYLE}name", ""): node.get(f"{_SVG}font-family", "").strip("'\"")
            for node in root.iter(f"{_STYLE}font-face")
        }
        for style in root.iter(f"{_STYLE}style"):
            looks = style.find(f"{_STYLE}text-properties")
            if looks is not None and style.get(f"{_STYLE}family") == "text":
                name = looks.get(f"{_STYLE}font-name", "")
                own = Lettering(_place(looks.get(f"{_STYLE}text-position", "")), fonts.get(name) or name)
                if any(own):
                    found[style.get(f"{_STYLE}name", "")] = own
    return found


def _place(position: str) -> str:
    """Of "super 58%", "-33% 58%"."""
    first = position.partition(" ")[0]
    if first in ("", "0%"):
        return ""
    return "subscript" if first == "sub" or first.startswith("-") else "superscript"


def edge_parts(roots: Sequence[Element], kind: str) -> Iterator[Element]:
    """What page headers or footers (`kind`) hold; with footers, what the masters of slides that are used say."""
    names = (f"{_STYLE}{kind}", f"{_STYLE}{kind}-first", f"{_STYLE}{kind}-left", f"{_SLIDES}{kind}-decl")
    used = {page.get(f"{_DRAW}master-page-name", "") for page in roots[0].iter(f"{_DRAW}page")}
    for root in roots:
        for part in root.iter():
            if part.tag in names:
                yield part
            elif kind == "footer" and part.tag == f"{_STYLE}master-page" and part.get(f"{_STYLE}name") in used:
                yield from (shape for shape in part if not shape.get(f"{_SLIDES}class"))
