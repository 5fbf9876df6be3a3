"""Opening OpenDocument files, packed or as one XML file: their parts, and what they say of themselves."""

from __future__ import annotations

from typing import NamedTuple
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from rag_connectors.archive import Archive, need, unpack, xml
from rag_connectors.office.odf_lists import NS
from rag_connectors.parsed import RefusalError
from rag_connectors.text import one_line

_OFFICE, _META = f"{NS}office:1.0}}", f"{NS}meta:1.0}}"
_DC = "{http://purl.org/dc/elements/1.1/}"
_ABOUT = {
    "author": (f"{_META}initial-creator", f"{_DC}creator"),
    "date": (f"{_DC}date", f"{_META}creation-date"),
}


class OpenFile(NamedTuple):
    """The root of the content, all roots that have styles, and the properties; `archive` is None for a single file."""

    root: Element
    roots: list[Element]
    title: str
    about: dict[str, str]
    archive: Archive | None


def open_file(data: bytes, *, limit: int) -> OpenFile:
    """Raises RefusalError for what is no such file, or is encrypted."""
    archive = None
    if data.startswith(b"PK"):
        archive = unpack(data, limit=limit)
        root = need(archive, "content.xml", "OpenDocument text")
        styles, manifest = xml(archive, "styles.xml"), xml(archive, "META-INF/manifest.xml")
        if manifest is not None and any(node.tag.endswith("}encryption-data") for node in manifest.iter()):
            raise RefusalError("encrypted: it needs a password")
        meta = xml(archive, "meta.xml")
    else:
        root = styles = meta = _flat(data)
    roots = [root] if styles is None or styles is root else [root, styles]
    title = "" if meta is None else _first(meta, f"{_DC}title")
    found = {name: "" if meta is None else _first(meta, *tags) for name, tags in _ABOUT.items()}
    return OpenFile(root, roots, title, {name: value for name, value in found.items() if value}, archive)


def _first(meta: Element, *tags: str) -> str:
    return next((one_line(node.text or "") for tag in tags for node in meta.iter(tag)), "")


def _flat(data: bytes) -> Element:
    try:
        root: Element = fromstring(data)
    except ParseError as error:
        raise RefusalError("damaged, or not what its name says: no OpenDocument file") from error
    except DefusedXmlException as error:
        raise RefusalError("refused: it declares XML entities") from error
    if not root.tag.startswith(_OFFICE):
        raise RefusalError("damaged, or not what its name says: no OpenDocument file")
    return root
