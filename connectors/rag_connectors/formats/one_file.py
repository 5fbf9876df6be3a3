"""Office files saved as one XML file: "Flat OPC", whose parts are put into an archive again, and Word 2003's own."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from importlib import import_module
from io import BytesIO
from xml.etree.ElementTree import Element, tostring

from rag_connectors.archive import tree
from rag_connectors.data_uris import read_base64
from rag_connectors.office.legacy import actual
from rag_connectors.office.styles import W
from rag_connectors.parsed import Parsed, ParseOptions

_PKG = "{http://schemas.microsoft.com/office/2006/xmlPackage}"
_OLD = "{http://schemas.microsoft.com/office/word/2003/wordml}"


def parse(data: bytes, name: str, options: ParseOptions) -> Parsed:
    """The record of the Office file it is."""
    root = tree(data)
    parts = dict(_parts(root) if root.tag.startswith(_PKG) else _old(root))
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for part, content in parts.items():
            archive.writestr(part, content)
    data = packed.getvalue()
    parsed: Parsed = import_module(f"rag_connectors.formats.{actual(data, 'docx')}").parse(data, name, options)
    return parsed


def _parts(root: Element) -> Iterator[tuple[str, bytes]]:
    for part in root.iter(f"{_PKG}part"):
        called = part.get(f"{_PKG}name", "").lstrip("/")
        for child in part:
            if child.tag == f"{_PKG}xmlData" and len(child):
                yield called, tostring(child[0])
            elif child.tag == f"{_PKG}binaryData":
                yield called, read_base64(child.text or "")


def _old(root: Element) -> Iterator[tuple[str, bytes]]:
    """Word 2003 has the same elements under another name."""
    for node in root.iter():
        if isinstance(node.tag, str):
            node.tag = node.tag.replace(_OLD, W)
            node.attrib = {name.replace(_OLD, W): value for name, value in node.attrib.items()}
    yield "word/document.xml", tostring(root)
    for styles in root.findall(f"{W}styles"):
        yield "word/styles.xml", tostring(styles)
