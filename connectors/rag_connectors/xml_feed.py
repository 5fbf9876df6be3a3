"""Feeds (RSS, RDF, Atom): each entry as a document with its title, date, authors, link and text."""

from __future__ import annotations

from collections.abc import Iterator
from html import unescape
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, tostring

from rag_connectors.formats import html
from rag_connectors.parsed import ParsedRecord
from rag_connectors.records import tell_apart
from rag_connectors.text import one_line
from rag_connectors.writing import TextWriter
from rag_connectors.xml_tree import find_text, local, words

if TYPE_CHECKING:
    from rag.types import Values

_ENTRIES = {"rss": "item", "RDF": "item", "feed": "entry", "channel": "item"}
_AUTHORS, _TAGS = ("author", "creator", "contributor"), ("category", "subject")
_TEXTS = ("encoded", "content", "description", "summary", "subtitle", "transcript")


def entries_of(root: Element) -> list[Element]:
    """The entries of a feed; [] for what is none."""
    name = _ENTRIES.get(local(root), "")
    return [element for element in root.iter() if name and local(element) == name]


def read_entries(entries: list[Element]) -> Iterator[ParsedRecord]:
    """A record for each entry."""
    ids = [one_line(find_text(entry, "guid", "id") or _link(entry) or str(n)) for n, entry in enumerate(entries, 1)]
    for entry, key in zip(entries, tell_apart(ids), strict=True):
        writer = TextWriter()
        title = _plain(unescape(find_text(entry, "title")))
        date = find_text(entry, "pubDate", "published", "updated", "date", "modified")
        authors = tuple(filter(None, (find_text(one, "name") or words(one) for one in entry if local(one) in _AUTHORS)))
        tags = tuple(filter(None, (one.get("term") or words(one) for one in entry if local(one) in _TAGS)))
        if title:
            writer.heading(1, title)
        for label, value in (("Date", date), ("By", ", ".join(authors)), ("About", ", ".join(tags))):
            if value:
                writer.add(f"{label}: {value}")
        writer.gap()
        _write_texts(entry, writer)
        found: dict[str, Values] = {"url": _link(entry), "date": date, "author": authors, "category": tags}
        record = writer.record(title=title, meta={name: value for name, value in found.items() if value})
        label = title or f"entry {key}"
        yield ParsedRecord(record.text, record.title, ((0, len(record.text), "entry", label),), record.meta, key)


def _write_texts(entry: Element, writer: TextWriter) -> None:
    """Every text of an entry, but none that another one holds."""
    written = ""
    for name in _TEXTS:
        for child in entry:
            if local(child) != name:
                continue
            own = TextWriter()
            inner = "".join(tostring(one, encoding="unicode") for one in child) if len(child) else ""
            html.write(inner.replace("html:", "") if inner else child.text or "", own)
            text = own.record().text.strip()
            if text and " ".join(text.rstrip(".… ").split()) not in " ".join(written.split()):
                writer.add(text)
                writer.gap()
                written += text + "\n"


def _plain(title: str) -> str:
    """Of a title that is a page's markup, its words."""
    writer = TextWriter()
    if "</" in title:
        html.write(title, writer)
    return one_line(writer.record().text or title)


def _link(entry: Element) -> str:
    links = [one for one in entry if local(one) == "link"]
    chosen = next((one for one in links if one.get("rel", "alternate") == "alternate"), links[0] if links else None)
    return one_line((chosen.get("href") or words(chosen)) if chosen is not None else "")
