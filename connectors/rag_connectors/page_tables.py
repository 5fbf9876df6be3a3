"""Tables of pages as rows of cells, one for each column: what spans several rows is said in each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import takewhile

from selectolax.lexbor import LexborNode

_MOST = 1000  # columns or rows that one cell may span


@dataclass(frozen=True, slots=True)
class _Cell:
    text: str
    header: bool


_NONE = _Cell("", False)


def rows_of(table: LexborNode) -> list[LexborNode]:
    """The rows of this table, not those of tables in it."""
    found: list[LexborNode] = []
    for child in table.iter():
        if child.tag in ("thead", "tbody", "tfoot"):
            found.extend(row for row in child.iter() if row.tag == "tr")
        elif child.tag == "tr":
            found.append(child)
    return found


def lines(table: LexborNode, read: Callable[[LexborNode], str]) -> Iterator[list[str]]:
    """The cells of each row; rows of headers that stand over each other are one row."""
    grid = _grid(table, read)
    heads = 0
    while heads < len(grid) - 1 and len(grid[heads]) > 1 and all(cell.header or not cell.text for cell in grid[heads]):
        heads += 1
    if heads > 1:
        columns = zip(*grid[:heads], strict=True)
        yield [" ".join(dict.fromkeys(cell.text for cell in column if cell.text)) for column in columns]
        grid = grid[heads:]
    for row in grid:
        yield [cell.text for cell in row]


def _grid(table: LexborNode, read: Callable[[LexborNode], str]) -> list[list[_Cell]]:
    """Rows of the same length. A cell over several rows is in each, a header over several columns is in each."""
    grid: list[list[_Cell]] = []
    above: list[tuple[_Cell, int]] = []  # for each column what reaches down from the row before, and how far
    for row in rows_of(table):
        nodes = [node for node in row.iter() if node.tag in ("td", "th")]
        if len(nodes) == 1 and not any(more for _, more in above) and _span(nodes[0], "colspan") > 1:
            grid.append([_Cell(read(nodes[0]), False)])  # a line of its own
            continue
        below: list[tuple[_Cell, int]] = []
        for node in nodes:
            below += _reaching(above, len(below))
            cell = _Cell(read(node), node.tag == "th")
            high = _span(node, "rowspan") - 1
            spread = cell if cell.header else _NONE
            below += [(cell, high), *[(spread, high)] * (_span(node, "colspan") - 1)]
        while len(below) < len(above):
            below += _reaching(above, len(below)) or [(_NONE, 0)]
        above = below
        if any(cell.text for cell, _ in below):
            grid.append([cell for cell, _ in below])
    width = max(map(len, grid), default=0)
    return [[*row, *[_NONE] * (width - len(row))] if len(row) > 1 else row for row in grid]


def _reaching(above: list[tuple[_Cell, int]], column: int) -> list[tuple[_Cell, int]]:
    """The cells from above that fill this column and those next to it."""
    return [(cell, more - 1) for cell, more in takewhile(lambda one: one[1] > 0, above[column:])]


def _span(node: LexborNode, name: str) -> int:
    value = (node.attributes.get(name) or "1").strip()
    if value == "0" and name == "rowspan":
        return _MOST  # down to the end
    return min(max(int(value), 1), _MOST) if value.isdecimal() and value.isascii() else 1
