"""E-books (epub): the chapters of the spine in reading order, each through the HTML parser.

Pages that the spine leaves out, such as notes, come after it; tables of contents do not.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from selectolax.lexbor import LexborHTMLParser

from rag_connectors.archive import Archive, content, need, resolve, unpack, xml
from rag_connectors.formats import html
from rag_connectors.kinds import magic_of
from rag_connectors.markup import read_markup
from rag_connectors.parsed import Parsed, ParseOptions, RefusalError
from rag_connectors.pictures import PictureReader
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
    found = PictureReader(options)
    number = 0
    for n, part in enumerate(chapters):
        member = archive.find(part)
        if member is None:
            lost += [f"{part} is missing in the book"] * (n < in_spine)
            continue
        data = archive.read(member)
        if magic_of(data):
            continue  # a picture as a page
        text, damage = read_markup(data)
        writer.gap()
        start = writer.at
        html.write(text, writer, whole=True)
        found.write(_pictures(archive, part, text), writer, f"chapter {number + 1}", bare=writer.at == start)
        if writer.at > start:  # covers and the like have no text
            number += 1
            writer.span(start, "chapter", f"chapter {number}")
        lost += [damage] * bool(damage)
    about = {field: one_line(root.findtext(f".//{_DC}{element}") or "") for element, field in _FIELDS.items()}
    title = one_line(root.findtext(f".//{_DC}title") or "")
    return found.parsed(writer.record(title=title, meta={name: value for name, value in about.items() if value}), lost)


def _pictures(archive: Archive, part: str, markup: str) -> Iterator[bytes]:
    """The pictures of a page."""
    for source in html.pictures(LexborHTMLParser(markup)):
        if data := content(archive, resolve(part, source)):
            yield data


def _is_menu(item: Element) -> bool:
    return "nav" in (item.get("properties") or "").split()


def _chapters(root: Element, package: str) -> tuple[list[str], int]:
    """The members that are pages of the book, and how many of them the spine names."""
    every = {item.get("id", ""): item for item in root.iterfind(".//{*}item")}
    names = {id: resolve(package, item.get("href", "")) for id, item in every.items() if not _is_menu(item)}
    items = {id: name for id, name in names.items() if every[id].get("media-type") in _PAGES}
    spine = [names[ref.get("idref", "")] for ref in root.iterfind(".//{*}itemref") if ref.get("idref") in names]
    guide = {
        resolve(package, ref.get("href", "").partition("#")[0])
        for ref in root.iterfind(".//{*}reference")
        if ref.get("type") in _NO_PAGES
    }
    rest = [part for part in items.values() if part not in spine and part not in guide]
    return [*dict.fromkeys(spine), *rest], len(set(spine))
