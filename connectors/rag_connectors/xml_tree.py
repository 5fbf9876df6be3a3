"""What the parsers of XML ask of a tree, without namespaces and without recursion: files nest as deep as they like."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from xml.etree.ElementTree import Element

from rag_connectors.office.runs import raised
from rag_connectors.text import one_line

_PLACES = dict.fromkeys(("sup", "superscript"), "superscript") | dict.fromkeys(("sub", "subscript"), "subscript")
_BASE64 = re.compile(r"[A-Za-z0-9+/=\s]{1000,}")


def local(element: Element) -> str:
    """The element's name; "" for what is no element."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def words(element: Element) -> str:
    """All text in an element on one line."""
    between = "" if has_own(element) else " "
    return one_line(between.join(piece for piece in _pieces(element) if not _BASE64.fullmatch(piece)))


def _pieces(element: Element) -> list[str]:
    """As `itertext`, with a sign before a power: 10^6 is not 106."""
    parts: list[str] = []
    stack = [(element, False)]
    while stack:
        here, is_read = stack.pop()
        if is_read:
            parts.append(here.tail or "")
            continue
        if here is not element:
            stack.append((here, True))
        if place := _PLACES.get(local(here).lower(), ""):
            parts.append(raised(place, "".join(here.itertext()), "".join(parts[-2:])))
        else:
            parts.append(here.text or "")
            stack.extend((child, False) for child in reversed(here))
    return parts


def has_own(element: Element) -> bool:
    """Whether words stand beside elements in it."""
    return bool((element.text or "").strip()) or any((child.tail or "").strip() for child in element)


def find_text(element: Element, *names: str) -> str:
    """The text of the first child of one of these names that has some, in the order of the names."""
    for name in names:
        for child in element:
            if local(child) == name and (text := words(child)):
                return text
    return ""


def is_prose(root: Element) -> bool:
    """Whether words stand beside elements, anywhere in it."""
    return any(len(element) and has_own(element) for element in root.iter())


def fields(element: Element) -> Iterator[tuple[str, str]]:
    """Path and value of every attribute and every text below an element, in order; repeated names are numbered."""
    stack = [("", element)]
    while stack:
        path, here = stack.pop()
        prefix = f"{path}." if path else ""
        yield from (
            (prefix + name.rpartition("}")[2], one_line(value)) for name, value in here.attrib.items() if value.strip()
        )
        text = one_line(here.text or "")
        if text and not _BASE64.fullmatch(text):
            yield path or local(here), text
        counts, numbers = Counter(map(local, here)), Counter[str]()
        below = []
        for child in here:
            if name := local(child):
                numbers[name] += 1
                many = counts[name] > 1 and len(child)
                below.append((f"{prefix}{name}[{numbers[name]}]" if many else prefix + name, child))
        stack.extend(reversed(below))
