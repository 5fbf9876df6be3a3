"""What stands in an OpenDocument file as a file of its own: formulas (MathML) as a line, charts as rows of numbers,
pictures.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element, tostring

from selectolax.lexbor import LexborHTMLParser

from rag_connectors.archive import Archive, content, xml
from rag_connectors.data_uris import read_base64
from rag_connectors.grid import row
from rag_connectors.mathml import linear
from rag_connectors.office.odf_lists import NS
from rag_connectors.text import one_line

_CHART, _TABLE, _TEXT, _DRAW = (f"{NS}{name}:1.0}}" for name in ("chart", "table", "text", "drawing"))
_HREF = "{http://www.w3.org/1999/xlink}href"
_DATA = f"{NS}office:1.0}}binary-data"
_MATH = "{http://www.w3.org/1998/Math/MathML}math"
_PREFIX = re.compile(r"(</?)\w+:")
OBJECT, OTHER = f"{_DRAW}object", f"{_DRAW}object-ole"
_OFFICE = f"{NS}office:1.0}}"
_BODIES = (f"{_OFFICE}spreadsheet", f"{_OFFICE}text")


def pictures(node: Element, archive: Archive | None) -> Iterator[bytes]:
    """The pictures inside an element."""
    for image in node.iter(f"{_DRAW}image"):
        inside = image.findtext(_DATA)
        if inside:
            yield read_base64(inside)
        elif archive is not None and (data := content(archive, image.get(_HREF, "").removeprefix("./"))):
            yield data


def read_object(node: Element, archive: Archive | None) -> tuple[str, list[str]]:
    """The formula that a `draw:object` shows, "" for none, and the lines of its charts."""
    name = node.get(_HREF, "").removeprefix("./").strip("/")
    root = xml(archive, f"{name}/content.xml") if archive is not None and name else node
    if root is None:
        return "", []
    formula = next(root.iter(_MATH), None)
    return ("" if formula is None else _formula(formula)), [
        line for one in root.iter(f"{_CHART}chart") for line in _chart(one)
    ]


def body_of(node: Element, archive: Archive | None) -> tuple[Element | None, list[Element]]:
    """The table or text that a `draw:object` holds, and the roots of its styles."""
    name = node.get(_HREF, "").removeprefix("./").strip("/")
    parts = [xml(archive, f"{name}/{part}.xml") for part in ("content", "styles")] if archive and name else [node]
    roots = [root for root in parts if root is not None]
    return next((body for root in roots[:1] for kind in _BODIES for body in root.iter(kind)), None), roots


def foreign(node: Element, archive: Archive | None) -> bytes:
    """The Office file of another program that is put in, b"" where there is none that can be read."""
    data = content(archive, node.get(_HREF, "").removeprefix("./")) if archive is not None else None
    return data if data and data.startswith(b"PK") else b""


def _formula(node: Element) -> str:
    markup = _PREFIX.sub(r"\1", tostring(node, encoding="unicode"))
    found = LexborHTMLParser(markup).css_first("math")
    return linear(found) if found is not None else ""


def _chart(node: Element) -> Iterator[str]:
    """Titles, then the table that a chart is drawn from."""
    for title in ("title", "subtitle"):
        for one in node.iter(f"{_CHART}{title}"):
            yield one_line(" ".join("".join(p.itertext()) for p in one.iter(f"{_TEXT}p")))
    for line in node.iter(f"{_TABLE}table-row"):
        yield row([one_line(" ".join(cell.itertext())) for cell in line if cell.tag == f"{_TABLE}table-cell"])
