"""Reading order: the runs of a page as lines of text, columns one after the other, rows of tables as `a | b`.

Two columns are where no run crosses a line down the page and both sides of it are prose. Rows are lines whose runs lie
in the same places as those of the next line. What it does not do: see ruling lines.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import median

from rag.text.wraps import begins_small, goes_over
from rag_connectors.grid import row
from rag_connectors.pdf.boxes import RIGHT_TO_LEFT, Word, joined

_LEAST = 3  # lines that make a column
_WORDS = 3  # of a usual line of prose
_LENGTH = 12  # characters of a usual line of prose
_SMALL = 0.2  # of the lines of prose begin with a small letter
_FULL = 0.7  # of its column that a line fills, in a script without small letters
_SLACK = 1.5  # points
_NEAR = 3  # rows above that a run may belong to
_CLOSE = 1.6  # heights, from a line to one in which it goes on
_PARAGRAPH = 1.5  # times the usual distance of lines
_MARK = re.compile(r"[-*•‣▪◦●○■□–—·]|\(?\w{1,3}[.)]|\d+(?:\.\d+)+\.?|\[\d+\]")  # what a list item begins with
_LEADERS = re.compile(r"(?:\s?\.){4,}\s?")


def lines_of(runs: Sequence[Sequence[Word]], aside: Sequence[Sequence[Word]] = ()) -> list[Word]:
    """The lines of a page in the order a person reads them; an empty text parts paragraphs and columns."""
    found: list[Word] = []
    for block in _blocks(sorted(map(joined, runs), key=lambda run: run.top + run.bottom)):
        lines = list(_written(block))
        if found and lines and not goes_over(found[-1].text.strip(), lines[0].text.strip()):
            found.append(_blank(lines[0]))
        found += lines
    return found + [joined(run) for run in aside]


def _blank(line: Word) -> Word:
    return Word(line.left, line.top, line.left, line.top, "")


def _blocks(runs: list[Word]) -> Iterator[list[Word]]:
    """The runs of each column or of what stands over all columns, in order; from top to bottom, as they are given."""
    gutter = _gutter(runs)
    if gutter is None:
        yield runs
        return
    over: list[Word] = []
    for crosses, band in _bands(runs, gutter):
        left, right = _sides(band, gutter)
        if crosses or not left or not right:
            over += band
            continue
        if over:
            yield from _blocks(over)
            over = []
        yield from _blocks(left)
        yield from _blocks(right)
    if over:
        yield over


def _gutter(runs: Sequence[Word]) -> float | None:
    """Where a line down the page parts two columns of prose; None where there are none."""
    if len(runs) < 2 * _LEAST:
        return None
    starts = Counter(round(run.left / 3) for run in runs)
    places = sorted({run.left for run in runs if starts[round(run.left / 3)] >= _LEAST})
    places = [b for a, b in pairwise([-9.0, *places]) if b - a > _SLACK][1:]
    found = (0, 0.0)
    for place in places:
        gutter = place - _SLACK
        inside = 0
        for crosses, band in _bands(runs, gutter):
            left, right = ([], []) if crosses else _sides(band, gutter)
            if min(len(left), len(right)) >= _LEAST and _is_prose(left) and _is_prose(right):
                inside += len(band)
        found = max(found, (inside, gutter))
    return found[1] if found[0] else None


def _bands(runs: Sequence[Word], gutter: float) -> list[tuple[bool, list[Word]]]:
    """The runs from top to bottom, those that cross the gutter apart from those between them."""
    bands: list[tuple[bool, list[Word]]] = []
    for run in runs:
        left, _, right, _, _, height = run
        crosses = left < gutter - height and right > gutter + height
        if not bands or bands[-1][0] != crosses:
            bands.append((crosses, []))
        bands[-1][1].append(run)
    return bands


def _sides(band: Sequence[Word], gutter: float) -> tuple[list[Word], list[Word]]:
    middle = 2 * gutter
    left = [run for run in band if run[0] + run[2] < middle]
    return left, [run for run in band if run[0] + run[2] >= middle]


def _is_prose(runs: Sequence[Word]) -> bool:
    """Whether the lines of a column are those of running text, not the cells of a table."""
    texts = [run.text for run in runs]
    if median(map(len, texts)) < _LENGTH:
        return False
    if 2 * sum(map(_is_caseless, texts)) > len(texts):
        width = max(run.right for run in runs) - min(run.left for run in runs)
        return 2 * sum(run.right - run.left > _FULL * width for run in runs) >= len(runs)
    goes_on = sum(map(begins_small, texts[1:]))
    return median(text.count(" ") + 1 for text in texts) >= _WORDS and _SMALL * len(texts) <= goes_on


def _is_caseless(text: str) -> bool:
    return text.upper() == text.lower()


def _written(runs: Sequence[Word]) -> Iterator[Word]:
    """The lines of one column: runs beside each other as rows where their places repeat, else with spaces."""
    rows = [_marked(row) for row in _rows(runs)]
    distances = [b[0].top - a[0].top for a, b in pairwise(rows)]
    usual = median(distances) if distances else 0.0
    at = 0
    while at < len(rows):
        end = _table_end(rows, at)
        lines = list(_table(rows[at:end])) if end - at > 1 else [joined(rows[at])]
        end = max(end, at + 1)
        for line in lines:
            dotted = line.text.count(".") > 3
            yield line._replace(text=_LEADERS.sub(" ... ", line.text)) if dotted else line
        if end < len(rows) and rows[end][0].top - rows[end - 1][0].top > _PARAGRAPH * usual:
            yield _blank(rows[end][0])
        at = end


def _rows(runs: Sequence[Word]) -> list[list[Word]]:
    """Runs that stand on one line together, lines from top to bottom."""
    rows: list[list[Word]] = []
    for run in runs:
        beside = next((row for row in rows[: -_NEAR - 1 : -1] if _beside(row, run)), None)
        if beside is None:
            rows.append([run])
        else:
            beside.append(run)
    return [_in_line(row) for row in rows]


def _beside(row: Sequence[Word], run: Word) -> bool:
    """Whether a run stands on the line of a row: half of the lower one lies beside the other."""
    tall = row[0] if len(row) == 1 else max(row, key=lambda one: one.height)
    shared = min(tall.bottom, run.bottom) - max(tall.top, run.top)
    return shared > 0.5 * min(tall.height, run.height)


def _in_line(row: list[Word]) -> list[Word]:
    if len(row) == 1:
        return row
    if any(not run.text.isascii() and RIGHT_TO_LEFT.search(run.text) for run in row):
        return sorted(row, key=lambda run: -run.right)
    return sorted(row, key=lambda run: run.left)


def _marked(row: list[Word]) -> list[Word]:
    """A row with the mark of a list item as part of what it marks."""
    return [joined(row[:2]), *row[2:]] if len(row) > 1 and _MARK.fullmatch(row[0].text) else row


def _table_end(rows: Sequence[Sequence[Word]], at: int) -> int:
    """Where the table ends that begins with this row; the row itself where none begins."""
    end = at
    while end < len(rows) and len(rows[end]) > 1 and len(_columns(rows[at : end + 1])) > 1:
        end += 1
        # cells that go on below theirs, if the table itself goes on after them
        under = end
        while under < len(rows) and len(rows[under]) == 1 and _is_under(rows[at:end], rows[under][0]):
            under += 1
        if under > end and (under == len(rows) or len(rows[under]) > 1 or rows[end][0].left > rows[at][0].right):
            end = under
    return end


def _is_under(rows: Sequence[Sequence[Word]], run: Word) -> bool:
    """Whether a lone run stands in a column of these rows, close below the last."""
    last = rows[-1][0]
    if run.top - max(cell.top for cell in rows[-1]) > _CLOSE * last.height:
        return False
    return sum(run.left < right and left < run.right for left, right in _columns(rows)) == 1


def _columns(rows: Sequence[Sequence[Word]]) -> list[tuple[float, float]]:
    """The places (left, right) that cells share."""
    found: list[tuple[float, float]] = []
    for left, right in sorted((cell.left, cell.right) for cells in rows if len(cells) > 1 for cell in cells):
        if found and left < found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], right)
        else:
            found.append((left, right))
    return found


def _table(rows: Sequence[Sequence[Word]]) -> Iterator[Word]:
    """Rows of cells as lines; a cell keeps its column where others are empty."""
    columns = _columns(rows)
    lines: list[tuple[Word, list[list[str]]]] = []
    lowest: list[Word | None] = [None] * len(columns)  # of the row that may go on
    for cells in rows:
        places = [max(range(len(columns)), key=lambda n: _shared(columns[n], cell)) for cell in cells]
        texts: list[list[str]] = [[] for _ in columns]
        for n, cell in zip(places, cells, strict=True):
            texts[n].append(cell.text)
        near = all(_is_close(lowest[n], cell) for n, cell in zip(places, cells, strict=True))
        if lines and not texts[0] and near and _goes_on(lines[-1][1], texts):
            for above, below in zip(lines[-1][1], texts, strict=True):
                above += below
        else:
            lines.append((joined(cells), texts))
            lowest = [None] * len(columns)
        for n, cell in zip(places, cells, strict=True):
            lowest[n] = cell
    for line, texts in lines:
        yield line._replace(text=row([" ".join(cell) for cell in texts]))


def _is_close(above: Word | None, cell: Word) -> bool:
    """Whether a line stands as close below another as one that goes on in it does."""
    return above is not None and cell.bottom - above.bottom <= _CLOSE * max(above.height, cell.height)


def _shared(column: tuple[float, float], cell: Word) -> float:
    return min(column[1], cell.right) - max(column[0], cell.left)


def _goes_on(above: Sequence[Sequence[str]], below: Sequence[Sequence[str]]) -> bool:
    """Whether cells go on in a row that has fewer of them, each below another."""
    return sum(map(bool, below)) < sum(map(bool, above)) and all(a for a, b in zip(above, below, strict=True) if b)
