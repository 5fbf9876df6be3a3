"""What rich text keeps beside its body (page headers, notes, comments, text boxes), and powers, which only look so.

striprtf leaves out all of these without a word, so they are cut out of the file and read by themselves.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_PART = re.compile(
    r"\{(?:\\\*)?\\(header[flr]?|footer[flr]?|footnote|annotation|shptxt)(?![a-z])|\\[{}\\]|[{}]"  # or a brace
)
_BINARY = re.compile(r"\\bin\d")
_FONTS = re.compile(r"\{\\fonttbl(?:[^{}]|\{[^{}]*\})*\}")
_RAISED = re.compile(r"(\\(?:super|up[1-9]\d{0,3})(?![a-z\d])) ?")
_MARK = "\ue000"  # before a raised text
_POWER = re.compile(rf"(?<=[\w)\]]){_MARK}([+\-−–]?\d+(?:[.,]\d+)?|[a-z])(?!\w)")


class Parts(NamedTuple):
    """The body, and what stood in groups of their own, each as rich text with the file's own fonts."""

    body: str
    headers: list[str]
    footers: list[str]
    notes: list[str]


def split(text: str) -> Parts:
    """The parts of a file. One with pictures in binary form stays whole: braces in it may be none."""
    found = Parts("", [], [], [])
    if _BINARY.search(text):
        return found._replace(body=text)
    fonts = _FONTS.search(text)
    head = "{\\rtf1\\ansi" + (fonts[0] if fonts else "")
    body: list[str] = []
    at = depth = begin = inside = outer = 0
    into: list[str] | None = None
    for match in _PART.finditer(text):
        if match[0][0] == "\\":
            continue
        if match[1] and into is None:
            into = next(
                (
                    lists
                    for name, lists in (("header", found.headers), ("footer", found.footers))
                    if match[1].startswith(name)
                ),
                found.notes,
            )
            begin, inside, outer = match.start(), match.end(), depth
        depth += 1 if match[0][0] == "{" else -1
        if into is not None and depth == outer:
            into.append(f"{head} {text[inside : match.start()]}}}")
            body.append(text[at:begin] + "{}")  # what stands before it ends here
            at, into = match.end(), None
    return found._replace(body="".join(body) + text[at:])


def mark_raised(text: str) -> str:
    """Rich text with a mark before what is raised."""
    return _RAISED.sub(rf"\1 {_MARK}", text)


def write_powers(text: str) -> str:
    """The plain text of what was marked: 10^6 is not 106. Ordinals stay."""
    return _POWER.sub(r"^\1", text).replace(_MARK, "") if _MARK in text else text
