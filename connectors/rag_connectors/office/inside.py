"""What stands inside Office files beside their own text: pictures, what is said of them, and other Office files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element

from rag_connectors.archive import Archive, content, relations
from rag_connectors.office.embedded import embedded
from rag_connectors.parsed import Parsed, ParseOptions
from rag_connectors.text import one_line

_R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_OBJECTS = frozenset(
    ["{urn:schemas-microsoft-com:office:office}OLEObject"]
    + [f"{{http://schemas.openxmlformats.org/{name}/2006/main}}oleObj" for name in ("presentationml", "spreadsheetml")]
)
_LONG = 4  # words
_GUESSED = re.compile(
    r"automatically generated|\bAI\b.{0,12}(?:generated|生成)|KI-generiert|automatisch generiert"
    r"|générée? (?:automatiquement|par l.IA)",
    re.IGNORECASE,
)
_PICTURES = frozenset(
    ["{http://schemas.openxmlformats.org/drawingml/2006/main}blip", "{urn:schemas-microsoft-com:vml}imagedata"]
)


def described(node: Element) -> Iterator[str]:
    """What the authors say of pictures inside, in more words than a name has; not what a program guesses."""
    for one in node.iter():
        said = one_line(one.get("descr", "")) if one.tag.endswith(("}docPr", "}cNvPr")) else ""
        if is_description(said):
            yield said


def is_description(said: str) -> bool:
    """Whether the words about a picture say more than a name, and no program guessed them."""
    return len(said.split()) >= _LONG and not _GUESSED.search(said)


def packed(archive: Archive, part: str, node: Element, options: ParseOptions) -> Iterator[Parsed]:
    """The Office files that stand inside `node` of a part: a sheet in a text, a text on a slide."""
    found = [one for one in node.iter() if one.tag in _OBJECTS]
    targets = relations(archive, part) if found else {}
    for name in dict.fromkeys(one.get(f"{_R}id") or "" for one in found):  # each once, though it is there in two forms
        target = targets.get(name, ("", ""))[1]
        data = content(archive, target)
        if data is not None and data.startswith(b"PK"):
            yield embedded(data, target, options)


def pictures(archive: Archive, part: str, node: Element) -> Iterator[bytes]:
    """The pictures that stand inside `node` of a part."""
    names = [one.get(f"{_R}embed") or one.get(f"{_R}id") or "" for one in node.iter() if one.tag in _PICTURES]
    targets = relations(archive, part) if names else {}
    for name in names:
        if data := content(archive, targets.get(name, ("", ""))[1]):
            yield data
