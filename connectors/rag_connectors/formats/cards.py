"""Calendars and address cards (iCalendar, vCard): a section for each event, task or person, long lines put together.

Values are decoded (quoted-printable, `\\n`, `\\,`); pictures, keys and time zones are left out. Source: RFC 5545, 6350.
"""

from __future__ import annotations

import quopri
import re

from rag_connectors.parsed import Parsed, ParseOptions
from rag_connectors.text import decode, one_line
from rag_connectors.writing import TextWriter

_FOLD = re.compile(r"\n[ \t]")
_LINE = re.compile(r"(?:[\w-]+\.)?([\w-]+)((?:;(?:\"[^\"]*\"|[^\":;])*)*):(.*)", re.DOTALL)
_QUOTED = re.compile(r"ENCODING=QUOTED-PRINTABLE|;QUOTED-PRINTABLE", re.IGNORECASE)
_CHARSET = re.compile(r"CHARSET=\"?([\w-]+)", re.IGNORECASE)
_BINARY = re.compile(r"ENCODING=\"?(?:b\b|base64)|;BASE64", re.IGNORECASE)
_ESCAPED = re.compile(r"\\([nN,;:\\])")
_SAYS_NOTHING = frozenset("BEGIN VERSION PRODID METHOD CALSCALE UID DTSTAMP SEQUENCE REV TRANSP KEY".split())
_ZONE = "VTIMEZONE"
_NAMES = ("SUMMARY", "FN", "N")  # of what a component is about
_DATE = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)\d\d(Z?))?")
_CALLED = {
    "DTSTART": "Begins",
    "DTEND": "Ends",
    "FN": "Name",
    "N": "Name",
    "TEL": "Phone",
    "ADR": "Address",
    "ORG": "Organisation",
}
_LISTS = frozenset(["N", "ADR", "ORG"])  # whose parts have semicolons between them


def parse(data: bytes, name: str, options: ParseOptions) -> Parsed:
    """One record with a section for each component that is about something; its title is the calendar's name."""
    text, lost = decode(data)
    writer = TextWriter()
    about: list[tuple[str, str]] = []  # of the open component
    inside: list[str] = []
    title = ""
    for line in _lines(text):
        found = _LINE.fullmatch(line)
        if not found:
            writer.add(line) if line.strip() else None
            continue
        field, value = found[1].upper(), _value(found[1].upper(), found[2], found[3])
        if field == "BEGIN":
            _write(writer, about)
            inside.append(value.upper())
        elif field == "END":
            _write(writer, about)
            inside = inside[:-1]
        elif field == "X-WR-CALNAME":
            title = value
        elif value and _ZONE not in inside and field not in _SAYS_NOTHING:
            about.append((field, value))
    _write(writer, about)
    return Parsed((writer.record(title=title),), (lost,) if lost else ())


def _lines(text: str) -> list[str]:
    """The lines of the file, each put together from those it was folded into."""
    lines: list[str] = []
    for line in _FOLD.sub("", text).split("\n"):
        if lines and lines[-1].endswith("=") and _QUOTED.search(lines[-1].partition(":")[0]):
            lines[-1] = lines[-1][:-1] + line
        else:
            lines.append(line)
    return lines


def _value(field: str, how: str, value: str) -> str:
    if _BINARY.search(how) or value.startswith("data:"):
        return ""
    if _QUOTED.search(how):
        charset = _CHARSET.search(how)
        value = decode(quopri.decodestring(value.encode()), declared=charset[1] if charset else "")[0]
    if field in _LISTS:
        value = " ".join(filter(None, re.split(r"(?<!\\);", value)))
    if date := _DATE.fullmatch(value):
        return f"{date[1]}-{date[2]}-{date[3]}" + (f" {date[4]}:{date[5]}{' UTC' * bool(date[6])}" if date[4] else "")
    return one_line(_ESCAPED.sub(lambda found: " " if found[1] in "nN" else found[1], value))


def _write(writer: TextWriter, about: list[tuple[str, str]]) -> None:
    """Write a component's fields as lines, and forget them."""
    named = dict(reversed(about))
    label = next((named[name] for name in _NAMES if name in named), "")
    if about:
        writer.gap()
        start = writer.at
        for field, value in about:
            called = _CALLED.get(field) or field.removeprefix("X-").replace("-", " ").capitalize()
            writer.add(f"{called}: {value}")
        if label:
            writer.span(start, "entry", label)
    about.clear()
