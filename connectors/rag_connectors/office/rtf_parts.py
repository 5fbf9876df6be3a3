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
_FONT = re.compile(r"(\\f\d+)(?=((?:\\(?!f\d)[a-z]+-?\d*)*)[ ;{])")
_REWRITTEN = (  # what striprtf reads otherwise than programs do
    (re.compile(r"\\ansicpg\d+"), ""),  # the page is given; it does not know Apple's
    (re.compile(r"\\(?:object|result)(?![a-z])"), ""),  # what a file of another program shows
    (re.compile(r"\\pntext(?![a-z])"), r"\\listtext"),
    (re.compile(r"(?<![{\s\\])\\\*(?=\\)"), ""),  # it says something at the beginning of a group alone
    (re.compile(r"(\\fldinst[^\"]{0,200}?HYPERLINK)(?=\s)"), r"\1_"),  # an address is no text
    (re.compile(r"\{(?:\\[a-z]+-?\d* ?)*\\deleted(?![a-z])[^{}]*\}"), ""),
    (re.compile(r"\{\\upr\{[^{}]*\}\{\\\*\\ud\{([^{}]*)\}\}\}"), r"{\1}"),  # the same text twice, the second whole
)
_BEYOND = re.compile(r"[^\x00-\x7f]+")
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


def plainly_written(data: bytes) -> str:
    """Rich text as striprtf reads it: letters beyond ASCII by their numbers, every font with its encoding."""
    try:
        text = _BEYOND.sub(lambda found: _numbers(found[0]), data.decode())
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    if _BINARY.search(text):
        return text
    for pattern, instead in _REWRITTEN:
        text = pattern.sub(instead, text)
    fonts = _FONTS.search(text)
    if fonts:
        known = _FONT.sub(lambda found: found[1] + r"\fcharset1" * ("\\fcharset" not in found[2]), fonts[0])
        text = text[: fonts.start()] + known + text[fonts.end() :]
    return text


def _numbers(letters: str) -> str:
    units = letters.encode("utf-16-le")
    codes = (int.from_bytes(units[i : i + 2], "little", signed=True) for i in range(0, len(units), 2))
    return "{\\uc0 " + "".join(f"\\u{code} " for code in codes) + "}"


def mark_raised(text: str) -> str:
    """Rich text with a mark before what is raised."""
    return _RAISED.sub(rf"\1 {_MARK}", text)


def write_powers(text: str) -> str:
    """The plain text of what was marked: 10^6 is not 106. Ordinals stay."""
    return _POWER.sub(r"^\1", text).replace(_MARK, "") if _MARK in text else text
