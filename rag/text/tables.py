"""Tables in a text: cells as exact spans under their headers, as the connectors write them and as people type them.

Read are rows with `|` (Markdown, with a rule of dashes or without), rows of `Header: cell; Header: cell`, and rows with
`|` under headers parted by `;`. The short lines above a table that name it (a caption, a year) go with it. What it does
not do: tables whose cells stand apart by blanks only; a row with fewer cells than headers, of which nobody can tell
which are missing, is left out.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

CAPTION_LINES = 3  # above a table
LONGEST_CAPTION = 120  # characters of such a line

_RULE = re.compile(r"[\s|:+=-]*-[\s|:+=-]*")
_PAIRS = re.compile(r"(?:[^:;|]{1,120}: [^;|]*?(?:; |$)){2,}")
_PAIR = re.compile(r"(?P<name>[^:;|]{1,120}): (?P<cell>[^;|]*?)(?:; |\s*$)")
_YEAR = re.compile(r"(?:19|20)\d\d|")
_NUMERIC = re.compile(r"[\s(]*[-+−–—~$€£¥]*\s*\d[\d.,'’ ]*\s*(?:%|¢|[^\W\d_]{0,3})[\s)]*[%¢]?|[-–—]|")


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell's span in its text, and what it says."""

    start: int
    end: int
    text: str

    @property
    def is_numeric(self) -> bool:
        """Whether it is a number, an amount, empty or a dash for none."""
        return bool(_NUMERIC.fullmatch(self.text))


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells, as many as there are headers, and the lines that name the table."""

    headers: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    caption: str = ""


def read_tables(text: str) -> list[Table]:
    """The tables of a text that have headers and rows, in order."""
    tables: list[Table] = []
    above: list[str] = []  # short lines that may name the table to come
    headers: tuple[str, ...] = ()
    rows: list[tuple[Cell, ...]] = []
    short = ""  # the last row of too few cells: above other headers it names their table

    def begin(names: tuple[str, ...]) -> None:
        """End the table there is, if any, and begin one under these headers; headers without rows are a caption."""
        nonlocal headers
        if headers and rows:
            tables.append(Table(headers, tuple(rows), " ".join(above[-CAPTION_LINES:])))
            above.clear()
        elif headers:
            above.append(" ".join(headers))
        headers = names
        rows.clear()

    for start, line in _lines(text):
        if "|" in line and _RULE.fullmatch(line):
            continue
        if _PAIRS.fullmatch(line):
            names, cells = _pairs(start, line)
            if names != headers:
                begin(names)
            rows.append(cells)
        elif "|" in line:
            cells = _cells(start, line)
            if headers and not rows and len(cells) == len(headers) + 1:
                headers = ("", *headers)  # the first column has none
            if headers and len(cells) == len(headers):
                rows.append(cells)
            elif headers and rows and len(cells) < len(headers):
                short = " ".join(cell.text for cell in cells)
            else:
                begin(() if _is_row(cells) else tuple(cell.text for cell in cells))
        elif line.count("; ") > 1 and not line.endswith("."):
            begin(tuple(name.strip() for name in line.split("; ")))
            above, short = [*above, short] if short else above, ""
        elif line.strip():
            begin(())
            above = [*above, line.strip(" \t#*")] if len(line) <= LONGEST_CAPTION else []
    begin(())
    return tables


def count_tables(text: str) -> int:
    """How many tables a text has: two or more rows in a row, as `read_tables` knows rows. Cheaper than to read them."""
    count, rows = 0, 0
    for line in text.split("\n"):
        is_row = "|" in line or ("; " in line and ": " in line and bool(_PAIRS.fullmatch(line)))
        rows = rows + 1 if is_row else 0
        count += rows == 2
    return count


def _is_row(cells: Sequence[Cell]) -> bool:
    """Whether cells are values rather than headers: more than half of them are numbers that are no years."""
    return 2 * sum(cell.is_numeric and not _YEAR.fullmatch(cell.text) for cell in cells) > len(cells)


def _lines(text: str) -> Iterator[tuple[int, str]]:
    at = 0
    for line in text.split("\n"):
        yield at, line.rstrip("\r")
        at += len(line) + 1


def _cells(start: int, line: str) -> tuple[Cell, ...]:
    """The cells of a row with `|` between, or also at both ends."""
    left = len(line) - len(line.lstrip()) + 1 if line.lstrip().startswith("|") else 0
    right = line.rstrip().removesuffix("|") if left else line
    cells = []
    for part in right[left:].split("|"):
        cells.append(_cell(start + left, part))
        left += len(part) + 1
    return tuple(cells)


def _pairs(start: int, line: str) -> tuple[tuple[str, ...], tuple[Cell, ...]]:
    pairs = list(_PAIR.finditer(line))
    return tuple(pair["name"] for pair in pairs), tuple(
        _cell(start + pair.start("cell"), pair["cell"]) for pair in pairs
    )


def _cell(start: int, part: str) -> Cell:
    said = part.strip()
    start += len(part) - len(part.lstrip()) if said else 0
    return Cell(start, start + len(said), said)
