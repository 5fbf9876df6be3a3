"""E-books (epub): the chapters of the spine in reading order, each through the HTML parser."""

from __future__ import annotations

from rag_connectors.archive import need, resolve, unpack, xml
from rag_connectors.formats import html
from rag_connectors.markup import read_markup
from rag_connectors.parsed import Parsed, ParseOptions, RefusalError
from rag_connectors.text import one_line
from rag_connectors.writing import TextWriter

_OPF = "{http://www.idpf.org/2007/opf}"
_DC = "{http://purl.org/dc/elements/1.1/}"
_ROOTFILE = "{urn:oasis:names:tc:opendocument:xmlns:container}rootfile"
_CIPHER = "{http://www.w3.org/2001/04/xmlenc#}CipherReference"
_PAGES = frozenset(["application/xhtml+xml", "text/html"])


def parse(data: bytes, name: str, options: ParseOptions) -> Parsed:
    """One record with a section per chapter. The title is the book's."""
    archive = unpack(data, limit=options.max_bytes)
    rootfile = need(archive, "META-INF/container.xml", "e-book").find(f".//{_ROOTFILE}")
    package = (rootfile.get("full-path") or "") if rootfile is not None else ""
    root = need(archive, package, "package document")
    items = {
        item.get("id"): resolve(package, item.get("href", ""))
        for item in root.iter(f"{_OPF}item")
        if item.get("media-type") in _PAGES and "nav" not in (item.get("properties") or "").split()
    }
    chapters = [items[ref.get("idref")] for ref in root.iter(f"{_OPF}itemref") if ref.get("idref") in items]
    encryption = xml(archive, "META-INF/encryption.xml")
    if encryption is not None and {node.get("URI") for node in encryption.iter(_CIPHER)} & set(chapters):
        raise RefusalError("encrypted: the book is under copy protection")
    writer = TextWriter()
    lost: list[str] = []
    number = 0
    for part in chapters:
        if part not in archive.namelist():
            lost.append(f"{part} is missing in the book")
            continue
        text, damage = read_markup(archive.read(part))
        writer.gap()
        start = writer.at
        html.write(text, writer)
        if writer.at > start:  # covers and the like have no text
            number += 1
            writer.span(start, "chapter", f"chapter {number}")
        if damage:
            lost.append(damage)
    author = one_line(root.findtext(f".//{_DC}creator") or "")
    meta: dict[str, str] = {"author": author} if author else {}
    return Parsed((writer.record(title=one_line(root.findtext(f".//{_DC}title") or ""), meta=meta),), tuple(lost))
