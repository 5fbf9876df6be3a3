"""Rows and cells of OpenDocument tables: which there are, how often, and what a cell holds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element

from rag_connectors.office.odf_lists import NS

_TABLE, _OFFICE = f"{NS}table:1.0}}", f"{NS}office:1.0}}"
_VALUE = f"{_OFFICE}value"
_EXPONENT = re.compile(r"-?\d[.,]\d+[Ee]\+\d+")
_WHOLE = re.compile(r"-?\d+")


def rows_of(parent: Element) -> Iterator[Element]:
    """The rows of a table, those in groups too."""
    for child in parent:
        if child.tag == f"{_TABLE}table-row":
            yield child
        elif child.tag in (f"{_TABLE}table-header-rows", f"{_TABLE}table-rows", f"{_TABLE}table-row-group"):
            yield from rows_of(child)


def shown_whole(cell: Element, text: str) -> str:
    """What a cell shows; a whole number that is shown with an exponent for want of room, in all its digits."""
    return value_of(cell) if _EXPONENT.fullmatch(text) and _WHOLE.fullmatch(cell.get(_VALUE, "")) else text


def value_of(cell: Element) -> str:
    """What a cell holds that shows no text."""
    stored = (cell.get(f"{_OFFICE}{name}") for name in ("value", "date-value", "time-value", "string-value"))
    return next(filter(None, stored), "")


def count_of(node: Element, name: str) -> int:
    """A number of repeats or of cells spanned, 1 where none is said."""
    text = node.get(f"{_TABLE}{name}", "1")
    return max(1, int(text)) if text.isdecimal() and len(text) < 9 else 1
