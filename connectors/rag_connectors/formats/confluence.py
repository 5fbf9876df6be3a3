"""`entities.xml` of an XML export of Confluence: each page or blog post is a record, with the comments on it.

Read object by object, so that memory holds what is shown and not the tree. Drafts, old versions and what is in the
trash are left out. Pages are in Confluence's storage format: HTML with elements of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from html import escape, unescape
from io import BytesIO
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from rag_connectors.formats import html
from rag_connectors.parsed import Parsed, ParsedRecord, ParseOptions, RefusalError
from rag_connectors.writing import TextWriter

if TYPE_CHECKING:
    from rag.types import Values

_PAGES = ("Page", "BlogPost")
_CDATA = re.compile(r"<!\[CDATA\[(.*?)\]\]\s?>", re.DOTALL)
_LINK = re.compile(r"<ac:link\b[^>]*>(.*?)</ac:link>", re.DOTALL)
_TARGET = re.compile(r'ri:(?:content-title|filename|username|space-key)="([^"]*)"')
_NO_TEXT = re.compile(
    r"<ac:(image|placeholder|task-id|emoticon)\b.*?(?:</ac:\1>|/>)|"
    r'<ac:parameter\b(?! ac:name="title")[^>]*>[^<]*</ac:parameter>|<ac:parameter\b[^>]*/>',
    re.DOTALL,
)
_TIME = re.compile(r'<time\b[^>]*?datetime="([^"]*)"[^>]*/?>')
_OWN = re.compile(r"</?(?:ac|ri|at):[^>]*>")

Fields = dict[str, str]


def parse(data: bytes, name: str, options: ParseOptions) -> Parsed:
    """A record for each current page. Raises RefusalError for what is no such file."""
    objects: dict[str, dict[str, Fields]] = {}
    try:
        for kind, fields in _objects(data):
            objects.setdefault(kind, {})[fields.get("id", fields.get("key", ""))] = fields
    except ParseError as error:
        raise RefusalError("malformed: its entities.xml is no sound XML. Export the space again") from error
    except DefusedXmlException as error:
        raise RefusalError("refused: its entities.xml declares XML entities") from error
    pages = {id: page for kind in _PAGES for id, page in objects.get(kind, {}).items() if _is_current(page)}
    bodies = {body.get("content", ""): body.get("body", "") for body in objects.get("BodyContent", {}).values()}
    comments: dict[str, list[str]] = {}
    for id, comment in objects.get("Comment", {}).items():
        if _is_current(comment) and bodies.get(id):
            comments.setdefault(comment.get("containerContent") or comment.get("owner", ""), []).append(bodies[id])
    spaces, people = objects.get("Space", {}), objects.get("ConfluenceUserImpl", {})
    records = [_record(id, pages, bodies.get(id, ""), comments.get(id, []), spaces, people) for id in pages]
    if not records:
        raise RefusalError("malformed: no page is in its entities.xml. Export the space again")
    return Parsed(tuple(records))


def _objects(data: bytes) -> Iterator[tuple[str, Fields]]:
    """Class and fields of every object, references as ids."""
    parser = iterparse(BytesIO(data), events=("start", "end"))
    _, root = next(parser)
    for event, element in parser:
        if event == "end" and element.tag == "object":
            yield element.get("class", ""), _fields(element)
            root.clear()


def _fields(element: Element) -> Fields:
    fields: Fields = {}
    for child in element:
        name = child.get("name", "")
        if child.tag == "id":
            fields[name] = (child.text or "").strip()
        elif child.tag == "property":
            reference = child.find("id")
            fields[name] = ((child.text if reference is None else reference.text) or "").strip()
    return fields


def _is_current(page: Fields) -> bool:
    return page.get("contentStatus", "current") == "current" and not page.get("originalVersion")


def _record(
    id: str,
    pages: dict[str, Fields],
    body: str,
    comments: list[str],
    spaces: dict[str, Fields],
    people: dict[str, Fields],
) -> ParsedRecord:
    page, writer = pages[id], TextWriter()
    title = page.get("title", "")
    html.write(f"<h1>{escape(title)}</h1>{_to_html(body)}", writer)
    if comments:
        html.write("<h2>Comments</h2>" + "".join(f"<div>{_to_html(comment)}</div>" for comment in comments), writer)
    above: list[str] = []
    parent = page.get("parent", "")
    while parent in pages and len(above) < 50:
        above.insert(0, pages[parent].get("title", ""))
        parent = pages[parent].get("parent", "")
    space = spaces.get(page.get("space", ""), {}).get("name", "")
    who = page.get("lastModifier") or page.get("creator", "")
    author = people.get(who, {}).get("name") or page.get("lastModifierName") or page.get("creatorName", "")
    date = (page.get("lastModificationDate") or page.get("creationDate", "")).partition(".")[0].replace(" ", "T")
    path = " > ".join(filter(None, (space, *above)))
    fields = {"page": id, "space": space, "path": path, "author": author, "date": date}
    meta: dict[str, Values] = {name: value for name, value in fields.items() if value}
    writer.span(0, "record", title or f"page {id}")
    return replace(writer.record(title=title, meta=meta), key=id)


def _to_html(storage: str) -> str:
    """Confluence's own elements as HTML, or as the text that they show."""
    text = _CDATA.sub(lambda match: escape(match[1]), storage)
    text = _LINK.sub(lambda match: _OWN.sub("", match[1]).strip() or _target(match[1]), text)
    text = _TIME.sub(r"\1", _NO_TEXT.sub("", text))
    text = text.replace("<ac:plain-text-body>", "<pre>").replace("</ac:plain-text-body>", "</pre>")
    text = text.replace('<ac:parameter ac:name="title">', "<p>").replace("</ac:parameter>", "</p>")
    return _OWN.sub("", text)


def _target(link: str) -> str:
    found = _TARGET.search(link)
    return escape(unescape(found[1])) if found else ""
