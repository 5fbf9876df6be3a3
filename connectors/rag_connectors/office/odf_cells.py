"""Rows and cells of OpenDocument tables: which there are, how often, and what a cell holds."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from xml.etree.ElementTree import Element

from rag_connectors.grid import Merge
from rag_connectors.office.odf_lists import NS

_TABLE, _OFFICE = f"{NS}table:1.0}}", f"{NS}office:1.0}}"
_VALUE = f"{_OFFICE}value"
_EXPONENT = re.compile(r"-?\d[.,]\d+[Ee]\+\d+")
_MOST_REPEATED = 1000  # equal rows that are written
_FILL = 1 << 12  # so many empty rows fill a sheet up
_WIDEST = 1 << 14
_TIME = re.compile(r"PT(\d+)H(\d+)M(\d+)(?:[.,]\d+)?S")
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
    stored = (cell.get(f"{_OFFICE}{name}") for name in ("value", "date-value", "string-value"))
    truth, time = cell.get(f"{_OFFICE}boolean-value", ""), _TIME.fullmatch(cell.get(f"{_OFFICE}time-value", ""))
    shown = f"{int(time[1]):02}:{int(time[2]):02}:{int(time[3]):02}" if time else truth.upper()
    return next(filter(None, stored), shown)


def is_blind(cell: Element) -> bool:
    """Whether a formula has no result stored with it."""
    kind = cell.get(f"{_OFFICE}value-type", "")
    return f"{_TABLE}formula" in cell.attrib and kind != "string" and not cell.get(_VALUE) and not value_of(cell)


def count_of(node: Element, name: str) -> int:
    """A number of repeats or of cells spanned, 1 where none is said."""
    text = node.get(f"{_TABLE}{name}", "1")
    return max(1, int(text)) if text.isdecimal() and len(text) < 9 else 1


def read_grid(table: Element, text_of: Callable[[Element], str]) -> tuple[list[list[str]], list[Merge]]:
    """The texts of a table's cells by rows, empty ones at the end of all left out, and which cells are merged."""
    grid: list[list[str]] = []
    merges: list[Merge] = []
    for line in rows_of(table):
        cells: list[str] = []
        for cell in line:
            if cell.tag not in (f"{_TABLE}table-cell", f"{_TABLE}covered-table-cell"):
                continue
            text = "" if cell.tag.endswith("covered-table-cell") else text_of(cell)
            times = count_of(cell, "number-columns-repeated")
            across, down = count_of(cell, "number-columns-spanned"), count_of(cell, "number-rows-spanned")
            if text and (across > 1 or down > 1):
                merges.append(Merge(len(grid), len(cells), len(grid) + down - 1, len(cells) + across - 1))
            cells += [text] * min(times, _WIDEST - len(cells))
        while cells and not cells[-1]:
            cells.pop()
        times = count_of(line, "number-rows-repeated")
        if cells or times < _FILL:
            grid += [list(cells) for _ in range(min(times, _MOST_REPEATED if cells else _FILL))]
    width = max(map(len, grid), default=0)
    return [cells + [""] * (min(width, 256) - len(cells)) for cells in grid], merges
