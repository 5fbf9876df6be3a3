"""XML: feeds and repeated elements as one document each, prose by its paragraphs, other data as lines.

Prose is what has words between elements (DocBook, JATS, TEI, DITA, FB2); its titles are headings. Data is written
`path: value`, attributes like elements. Namespaces, comments and base64 are left out.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from html import unescape
from importlib import import_module
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from rag.text.values import flatten
from rag_connectors.encodings import named_in
from rag_connectors.formats import html
from rag_connectors.parsed import Parsed, ParsedRecord, ParseOptions
from rag_connectors.records import tell_apart
from rag_connectors.text import decode, one_line
from rag_connectors.writing import TextWriter
from rag_connectors.xml_feed import entries_of, read_entries
from rag_connectors.xml_tree import fields, find_text, has_own, is_prose, local, words

_ENTITY = re.compile(r"&(?!(?:amp|lt|gt|quot|apos|#\d+|#x[0-9a-fA-F]+);)(?:[A-Za-z][A-Za-z0-9]*;)?")
_TITLES = frozenset(["title", "head", "heading", "shorttitle", "article-title", "subtitle"])
_OFFICE = {  # files of Office programs -> their parser
    "{urn:schemas-microsoft-com:office:spreadsheet}Workbook": "sheetxml",
    "{http://schemas.microsoft.com/office/2006/xmlPackage}package": "one_file",
    "{http://schemas.microsoft.com/office/word/2003/wordml}wordDocument": "one_file",
}
_MARKUP = re.compile(r"</[a-z][a-z0-9]*\s*>|<(?:br|p|hr)\s*/?>", re.IGNORECASE)  # of a page in a value
_LEAST = 2  # elements of one name that are records
_NAMES, _IDS = ("title", "name", "label", "heading"), ("id", "key", "code", "number", "nr", "guid", "isbn", "sku")


def parse(data: bytes, name: str, options: ParseOptions) -> Parsed:
    """Records, or one record; its text as it is where it is no well-formed XML, which is named as lost."""
    text, damage = decode(data, declared=named_in(data))
    lost = tuple(filter(None, [damage]))
    try:
        root = _tree(text)
    except (ParseError, DefusedXmlException, ValueError) as error:
        forbidden = isinstance(error, DefusedXmlException)
        why = "it declares XML entities" if forbidden else f"it is not well-formed ({error})"
        return Parsed((ParsedRecord(text),), (*lost, f"read as plain text: {why}"))
    if other := _OFFICE.get(root.tag):
        parsed: Parsed = import_module(f"rag_connectors.formats.{other}").parse(data, name, options)
        return parsed
    if local(root) == "html":
        return html.parse(data, name, options)
    if entries := entries_of(root):
        return Parsed(tuple(read_entries(entries)), lost)
    if is_prose(root):
        return Parsed((_prose(root),), lost)
    if found := _repeated(root):
        return Parsed(tuple(_records(found)), lost)
    return Parsed((_data(root),), lost)


def _tree(text: str) -> Element:
    text = text.lstrip()
    try:
        root: Element = fromstring(text)
    except ParseError:
        root = fromstring(_ENTITY.sub(lambda found: _known(found[0]), text))  # entities of HTML, a lone "&"
    return root


def _known(entity: str) -> str:
    meant = unescape(entity)
    return meant if len(entity) > 1 and meant != entity else "&amp;" + entity[1:]


def _repeated(root: Element) -> list[Element]:
    """The elements under the root, or under its only child, that have one name and fields, if nothing else is there."""
    top = root
    while len(top) == 1 and len(top[0]):
        top = top[0]
    counts = Counter(map(local, top))
    counts.pop("", None)
    most, count = max(counts.items(), key=lambda item: item[1], default=("", 0))
    alike = [child for child in top if local(child) == most]
    others = any(len(child) for child in top if local(child) not in ("", most))
    rich = sum(len(child) + len(child.attrib) > 1 for child in alike)
    return alike if count >= _LEAST and rich > count / 2 and not others else []


def _records(found: list[Element]) -> Iterator[ParsedRecord]:
    """A record for each element; its fields are lines and metadata."""
    ids = [one_line(_value(element, _IDS)) or str(number) for number, element in enumerate(found, 1)]
    for element, key in zip(found, tell_apart(ids), strict=True):
        lines, meta = [], dict[str, list[object]]()
        for path, value in _values(element):
            lines.append(f"{path}: {value}")
            meta.setdefault(re.sub(r"\[\d+\]", "", path), []).append(value)
        text = "\n".join(lines)
        flat, _ = flatten({name: values[0] if len(values) == 1 else values for name, values in meta.items()})
        span = (0, len(text), "record", f"{local(element)} {key}")
        yield ParsedRecord(text, _value(element, _NAMES), (span,), flat, key)


def _values(element: Element) -> Iterator[tuple[str, str]]:
    """Path and value of every field; of a page in one, its text."""
    for path, value in fields(element):
        if _MARKUP.search(value):
            writer = TextWriter()
            html.write(value, writer, whole=True)
            value = one_line(writer.record().text) or value
        yield path, value


def _value(element: Element, names: tuple[str, ...]) -> str:
    """The first attribute or child of one of these names."""
    attributes = {name.rpartition("}")[2].lower(): value for name, value in element.attrib.items()}
    return next(filter(None, (attributes.get(name) for name in names)), "") or find_text(element, *names)


def _data(root: Element) -> ParsedRecord:
    """Lines, a section for each element at the top."""
    writer = TextWriter()
    for name, value in root.attrib.items():
        writer.add(f"{name.rpartition('}')[2]}: {one_line(value)}")
    numbers: Counter[str] = Counter()
    many = Counter(map(local, root))
    for child in root:
        if not (name := local(child)):
            continue
        numbers[name] += 1
        label = f"{name} {_value(child, (*_NAMES, *_IDS)) or numbers[name]}" if many[name] > 1 else name
        start = writer.at
        for path, value in _values(child):
            writer.add(f"{name}.{path}: {value}" if path != name else f"{path}: {value}")
        writer.span(start, "entry", label)
    if not len(root) and (root.text or "").strip():
        writer.add(f"{local(root)}: {one_line(root.text or '')}")
    return writer.record()


def _prose(root: Element) -> ParsedRecord:
    """Paragraphs: elements that hold words of their own, or nothing but words. A title opens a section."""
    writer = TextWriter()
    stack: list[tuple[Element, int]] = [(root, 0)]
    title = ""
    while stack:
        element, depth = stack.pop()
        if not local(element):
            continue
        if len(element) and not has_own(element):
            stack.extend((child, depth + 1) for child in reversed(element))
        elif text := words(element):
            if local(element) in _TITLES:
                title = title or text
                writer.heading(min(depth, 9), text)
            else:
                writer.add(text)
                writer.gap()
    return writer.record(title=title)
