"""Tables as lines: merged cells, headers of one or more rows, cells that keep their place.

What it does not do: find a table on a page; the format says which cells there are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, groupby, islice, pairwise, zip_longest
from typing import NamedTuple

from rag_connectors.text import one_line

_NUMBER = re.compile(r"[\d\s.,:/%+\-()$€£¥]*\d[\d\s.,:/%+\-()$€£¥]*")
_EMPTY = re.compile(r"\| (?= \|)")  # of a cell: one blank stands for it
_AMOUNT = re.compile(r"[+\-±≤≥<>]? ?\d[\d.,]* ?[^\s\d]\S{0,7}")  # a number with its unit
_YEAR = re.compile(r"(19|20)\d\d")
_MAX_HEADER = 80  # characters; a longer cell is prose
_MOST_LEVELS = 3  # rows of a header
_AHEAD = 8  # rows that tell whether a table has a header, and of how many rows
_MAX_REPEATED = 200  # characters; longer text of a cell over several rows stands in the first one alone


class Merge(NamedTuple):
    """A cell over several rows and columns: the first and the last of each, counted from 0."""

    top: int
    left: int
    bottom: int
    right: int


def spread(grid: Sequence[list[str]], merges: Iterable[Merge]) -> None:
    """Write the text of merged cells where it holds, in place: in all their rows, and in the columns they span.

    A cell at the left of a row is a label ("Total"): over several columns it is said once, unless it heads them.
    """
    for top, left, bottom, right in merges:
        text = grid[top][left] if top < len(grid) and left < len(grid[top]) else ""
        if not text or (bottom > top and len(text) > _MAX_REPEATED):
            continue
        label = left == 0 and (top > 0 or not any(grid[top][right + 1 :]))
        for cells in grid[top : bottom + 1]:
            for column in range(left, (left if label else right) + 1):
                if column < len(cells) and not cells[column]:
                    cells[column] = text


def merged_rows(grid: Sequence[list[str]], merges: Sequence[Merge]) -> Iterator[str]:
    """The rows of a table with merged cells as lines; a cell over a whole row is a caption."""
    spread(grid, merges)
    width = max(map(len, grid), default=0)
    captions = {merge.top for merge in merges if merge.left == 0 and merge.right + 1 >= width > 1}
    for number, cells in enumerate(grid):
        yield cells[0] if number in captions else row(cells)


def row(cells: Sequence[str]) -> str:
    """A table's row as a line, "" if it is empty; empty cells stay, since a cell's place says what it is."""
    if not any(cells):
        return ""
    line = _EMPTY.sub("|", " | ".join(cells))
    return line if cells[0] and cells[-1] else _EMPTY.sub("|", f"| {line} |")


def table(rows: Iterable[tuple[int, Sequence[str]]]) -> Iterator[tuple[int, str]]:
    """Numbered rows of cells as numbered lines: `Name: Router; Building: 4` under an evident header, else `a | b`.

    A header is a row of distinct short texts at the start or after a blank row, or several of them where the upper ones
    name groups (`2024 Q1: 7`). Its rows stand as lines of their own, so nothing is lost where it was no header after
    all. After a blank row, a row that does not fit the header drops it.
    """
    header: Sequence[str] = ()
    waiting: list[tuple[int, list[str]]] = []  # rows that head the next block, if it has numbers
    numbered = ((number, [one_line(cell) for cell in cells]) for number, cells in rows)
    for is_filled, block in groupby(numbered, key=lambda item: any(item[1])):
        if not is_filled:
            continue
        head = list(islice(block, _AHEAD))
        while not waiting and head and sum(map(bool, head[0][1])) == 1:
            number, cells = head.pop(0)
            yield number, "".join(cells)  # a caption
        head = [*waiting, *head]
        waiting = [] if waiting else _only_groups(head)
        if waiting:
            continue
        levels = _levels([cells for _, cells in head])
        if levels:
            header = _names([cells for _, cells in head[:levels]])
        elif head and header and not _fits(header, head[0][1]):
            header = ()
        for number, cells in head[:levels]:
            yield number, row(_trim(cells))
        for number, cells in chain(head[levels:], block):
            yield number, _pairs(header, cells) if header else row(_trim(cells))
    for number, cells in waiting:
        yield number, row(_trim(cells))


def _only_groups(rows: list[tuple[int, list[str]]]) -> list[tuple[int, list[str]]]:
    """The rows, if they are a header of several rows and nothing else."""
    cells = [cells for _, cells in rows]
    is_header = 1 < len(rows) <= _MOST_LEVELS and _are_names(cells[0])
    return rows if is_header and all(_heads(*pair, [["1"] * len(pair[1])]) for pair in pairwise(cells)) else []


def _pairs(header: Sequence[str], cells: Sequence[str]) -> str:
    pairs = zip_longest(header, cells, fillvalue="")
    return "; ".join(f"{name}: {cell}" if name else cell for name, cell in pairs if cell)


def _trim(cells: list[str]) -> list[str]:
    """Without empty cells at the end."""
    while cells and not cells[-1]:
        cells = cells[:-1]
    return cells


def _fits(header: Sequence[str], cells: Sequence[str]) -> bool:
    return all(name or not cell for name, cell in zip_longest(header, cells, fillvalue=""))


def _levels(rows: Sequence[Sequence[str]]) -> int:
    """How many of the first rows are header; 0: none."""
    if not rows or sum(map(bool, rows[0])) < 2 or not _are_names(rows[0]) or _are_amounts(rows[:2]):
        return 0
    levels = 1
    while levels < min(_MOST_LEVELS, len(rows) - 1) and _heads(rows[levels - 1], rows[levels], rows[levels + 1 :]):
        levels += 1
    return levels if levels > 1 or _are_distinct(rows[0]) or _repeat_over_numbers(rows) else 0


def _repeat_over_numbers(rows: Sequence[Sequence[str]]) -> bool:
    """Whether names that come again in the first row have nothing but numbers below: two columns called Price."""
    names = [name for name in rows[0] if name]
    again = [i for i, name in enumerate(rows[0]) if name and names.count(name) > 1]
    below = [cells[i] for cells in rows[1:] for i in again if i < len(cells) and cells[i]]
    return bool(below) and all(map(_NUMBER.fullmatch, below)) and not all(map(_YEAR.fullmatch, names))


def _heads(upper: Sequence[str], lower: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    """Whether the lower row's texts are parts of groups that the upper one names, with numbers below."""
    if not _are_names(lower):
        return False
    parts = [i for i, name in enumerate(lower) if name]
    upper = [*upper, *[""] * (len(lower) - len(upper))]
    grouped = {i for i in parts if i and any(upper[:i]) and upper[i] in ("", upper[i - 1])}
    alone = [i for i, name in enumerate(upper) if name and not {i, i + 1} & grouped]
    numbers = any(_NUMBER.fullmatch(cells[i]) for cells in below for i in parts if i < len(cells))
    above_nothing = alone and not any(i in parts and lower[i] != upper[i] for i in alone)
    return bool(grouped) and bool(numbers or above_nothing)


def _names(rows: Sequence[Sequence[str]]) -> list[str]:
    """A name for each column: the rows of a header joined, the upper ones also over the empty cells to their right."""
    width = max(map(len, rows))
    names = [""] * width
    rows = [*(_lead_periods(*pair) for pair in pairwise(rows)), rows[-1]]
    for level, cells in enumerate(rows):
        group = ""
        for i in range(width):
            own = cells[i] if i < len(cells) else ""
            has_part = level + 1 < len(rows) and i < len(rows[level + 1]) and rows[level + 1][i] != ""
            group = (own or group) if has_part else ""
            name = own or group
            if name and name != names[i] and not names[i].endswith(f" {name}"):
                names[i] = f"{names[i]} {name}".strip()
    return names


def _lead_periods(upper: Sequence[str], lower: Sequence[str]) -> Sequence[str]:
    """The upper row of a header with its periods over all of their columns, where they stand over the last."""
    parts = [i for i, name in enumerate(lower) if name and i]  # the first column names rows
    labels = [i for i in parts if i < len(upper) and upper[i]]
    at_right = labels and parts[0] < labels[0] and parts[-1] == labels[-1]
    if not at_right or not all(_YEAR.search(upper[i]) for i in labels):
        return upper
    over = {i: upper[next(label for label in labels if label >= i)] for i in parts}
    return [over.get(i, name) for i, name in enumerate(upper)]


def _are_names(cells: Sequence[str]) -> bool:
    """Whether these can head columns: short, and texts or years, at least one of which is a text or all are years."""
    names = [cell for cell in cells if cell]
    if any(len(name) > _MAX_HEADER for name in names):
        return False
    return bool(names) and all(_YEAR.fullmatch(name) or not _NUMBER.fullmatch(name) for name in names)


def _are_amounts(rows: Sequence[Sequence[str]]) -> bool:
    """Whether both rows are a name and an amount of it (`Flow | 3 m3/h`): a list of properties has no header."""
    pairs = [[cell for cell in cells if cell] for cells in rows]
    return len(pairs) > 1 and all(len(pair) == 2 and _AMOUNT.fullmatch(pair[1]) for pair in pairs)


def _are_distinct(cells: Sequence[str]) -> bool:
    names = [cell for cell in cells if cell]
    return len(set(names)) == len(names) and not all(map(_YEAR.fullmatch, names))
