"""What stands on a page beside its content: values of form fields, text that people added, comments. By pypdf.

A value is put where its field is, a comment at the end of the page. Hidden fields, passwords and buttons that are off
say nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

import pypdf
from pypdf.generic import DictionaryObject

from rag_connectors.pdf.structure import resolved

_HIDDEN = 0b100010  # hidden, or not to be shown
_PASSWORD = 1 << 13
_PUSH = 1 << 16  # a button without a value
_COMMENTS = frozenset(["/Text", "/Highlight", "/Underline", "/StrikeOut", "/Squiggly", "/Caret", "/Stamp", "/Ink"])
_COMMENTS |= {"/Square", "/Circle", "/Line", "/Polygon", "/PolyLine", "/FileAttachment"}
_TAG = re.compile(r"<[^>]*>")
_DEEPEST = 32

Rectangle = tuple[float, float, float, float]  # left, bottom, right, top, as in the file


def notes(page: pypdf.PageObject) -> list[DictionaryObject]:
    """The annotations of a page that are shown, as many as are sound."""
    found = list[DictionaryObject]()
    with suppress(Exception):  # damaged ones cost the page nothing
        given = resolved(page.get("/Annots")) if "/Annots" in page else None
        for note in given if isinstance(given, list) else ():
            note = resolved(note)
            if isinstance(note, DictionaryObject) and not _number(note.get("/F")) & _HIDDEN:
                found.append(note)
    return found


def values(notes: Iterable[DictionaryObject]) -> Iterator[tuple[Rectangle, str]]:
    """Texts of fields and of free text, with where they stand."""
    for note in notes:
        kind = note.get("/Subtype")
        text = _free_text(note) if kind == "/FreeText" else _value(note) if kind == "/Widget" else ""
        place = _rectangle(note)
        if text.strip() and place:
            yield place, text


def has_only_drawn(notes: Iterable[DictionaryObject]) -> bool:
    """Whether a field, a free text or a stamp has no text of its own and is drawn all the same."""
    return any(
        note.get("/Subtype") in ("/Widget", "/FreeText", "/Stamp")
        and "/AP" in note
        and _inherited(note, "/FT") != "/Btn"
        and not (_free_text(note) or _value(note)).strip()
        for note in notes
    )


def comments(notes: Iterable[DictionaryObject]) -> Iterator[str]:
    """What readers wrote on the page, with who did."""
    for note in notes:
        text = _text(note.get("/Contents")) if note.get("/Subtype") in _COMMENTS else ""
        if text.strip():
            author = " ".join(_text(note.get("/T")).split())
            yield f"Comment by {author}: {text}" if author else f"Comment: {text}"


def _free_text(note: DictionaryObject) -> str:
    return _text(note.get("/Contents")) or _TAG.sub(" ", _text(note.get("/RC")))


def _value(field: DictionaryObject) -> str:
    kind, flags = _inherited(field, "/FT"), _number(_inherited(field, "/Ff"))
    value = _inherited(field, "/V")
    if kind == "/Btn":
        state = field.get("/AS", value)
        return "" if flags & _PUSH or state in (None, "/Off", "") else "[x]"
    if kind == "/Tx" and flags & _PASSWORD:
        return ""
    if kind == "/Ch":
        chosen = value if isinstance(value, list) else [] if value is None else [value]
        shown = dict(_options(_inherited(field, "/Opt")))
        return ", ".join(shown.get(_text(one), _text(one)) for one in chosen)
    return _text(value)


def _options(options: Any) -> Iterator[tuple[str, str]]:
    """What a choice stores, and what it shows."""
    for option in options if isinstance(options, list) else ():
        option = resolved(option)
        if isinstance(option, list) and len(option) > 1:
            yield _text(option[0]), _text(option[1])


def _inherited(field: DictionaryObject, key: str) -> Any:
    """An entry of a field, or of the field that it is part of."""
    one: Any = field
    for _ in range(_DEEPEST):
        if not isinstance(one, DictionaryObject):
            return None
        if key in one:
            return resolved(one[key])
        one = resolved(one.get("/Parent"))
    return None


def _text(value: Any) -> str:
    value = resolved(value)
    if hasattr(value, "get_data"):  # a long text may be a stream
        value = value.get_data()
    if isinstance(value, bytes):
        return value.decode("utf-16" if value[:2] in (b"\xfe\xff", b"\xff\xfe") else "utf-8", "replace")
    return "" if value is None or not isinstance(value, str | int | float) else str(value)


def _number(value: Any) -> int:
    return int(value) if isinstance(value, int | float) else 0


def _rectangle(note: DictionaryObject) -> Rectangle | None:
    try:
        a, b, c, d = (float(resolved(edge)) for edge in resolved(note["/Rect"]))
    except (KeyError, TypeError, ValueError):
        return None
    return min(a, c), min(b, d), max(a, c), max(b, d)
