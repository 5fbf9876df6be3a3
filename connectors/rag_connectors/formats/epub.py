"""E-books (epub): the chapters of the spine in reading order, each through the HTML parser.

Pages that the spine leaves out, such as notes, come after it; tables of contents do not.
"""

from __future__ import annotations

from xml.etree.ElementTree import Element

from rag_connectors.archive import need, resolve, unpack, xml
from rag_connectors.formats import html
from rag_connectors.markup import read_markup
from rag_connectors.parsed import Parsed, ParseOptions, RefusalError
from rag_connectors.text import one_line
from rag_connectors.writing import TextWriter

_DC = "{http://purl.org/dc/elements/1.1/}"
_CIPHER = "{http://www.w3.org/2001/04/xmlenc#}CipherReference"
_PAGES = frozenset(["application/xhtml+xml", "text/html", "text/x-oeb1-document", "application/x-dtbook+xml"])
_NO_PAGES = frozenset(["toc", "cover", "cover-page"])
_FIELDS = {"creator": "author", "date": "date", "publisher": "publisher", "language": "language"}


def parse(data: bytes, name: str, options: ParseOptions) -> Parsed:
    """One record with a section per chapter. The title is the book's."""
    archive = unpack(data, limit=options.max_bytes)
    rootfile = need(archive, "META-INF/container.xml", "e-book").find(".//{*}rootfile")
    package = (rootfile.get("full-path") or "") if rootfile is not None else ""
    root = need(archive, package, "package document")
    chapters, in_spine = _chapters(root, package)
    encryption = xml(archive, "META-INF/encryption.xml")
    if encryption is not None and {node.get("URI") for node in encryption.iter(_CIPHER)} & set(chapters):
        raise RefusalError("encrypted: the book is under copy protection")
    writer = TextWriter()
    lost: list[str] = []
    number = 0
    for n, part in enumerate(chapters):
        member = archive.find(part)
        if member is None:
            lost += [f"{part} is missing in the book"] * (n < in_spine)
            continue
        text, damage = read_markup(archive.read(member))
        writer.gap()
        start = writer.at
        html.write(text, writer, whole=True)
        if writer.at > start:  # covers and the like have no text
            number += 1
            writer.span(start, "chapter", f"chapter {number}")
        lost += [damage] * bool(damage)
    found = {field: one_line(root.findtext(f".//{_DC}{element}") or "") for element, field in _FIELDS.items()}
    title = one_line(root.findtext(f".//{_DC}title") or "")
    return Parsed(
        (writer.record(title=title, meta={field: value for field, value in found.items() if value}),), tuple(lost)
    )


def _chapters(root: Element, package: str) -> tuple[list[str], int]:
    """The members that are pages of the book, and how many of them the spine names."""
    items = {
        item.get("id", ""): resolve(package, item.get("href", ""))
        for item in root.iterfind(".//{*}item")
        if item.get("media-type") in _PAGES and "nav" not in (item.get("properties") or "").split()
    }
    spine = [items[ref.get("idref", "")] for ref in root.iterfind(".//{*}itemref") if ref.get("idref") in items]
    guide = {
        resolve(package, ref.get("href", "").partition("#")[0])
        for ref in root.iterfind(".//{*}reference")
        if ref.get("type") in _NO_PAGES
    }
    rest = [part for part in items.values() if part not in spine and part not in guide]
    return [*dict.fromkeys(spine), *rest], len(set(spine))
