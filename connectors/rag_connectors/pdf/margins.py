"""Pages of lines without what belongs to the paper: running heads, page numbers, what stands in the same place of each.

Beside what `rag.text.furniture` knows by its words, a line is furniture that stands apart in the margin, at the same
height on most pages, is no larger than the text and no sentence. What the first page says stays.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from statistics import median

from rag.text.furniture import EDGE, LEAST, find_running
from rag.text.wraps import ENDED
from rag_connectors.pdf.boxes import Word

_MARGIN = 0.08  # of the page's height
_MOST = 0.6  # of the pages
_APART = 0.8  # white space to the text, in heights of the line
_LARGE = 1.15  # times the usual height: a title
_LONGEST = 100  # characters
_NEAR = 3  # points


def strip_margins(pages: Sequence[Sequence[Word]], heights: Sequence[float]) -> list[list[Word]]:
    """Each page's lines, less its running heads and numbers; `heights` are those of the pages."""
    gone = find_running([[line.text for line in page] for page in pages])
    for end in (1, -1):
        for _ in range(EDGE):
            found = [
                _edge(page, dropped, height, end) for page, dropped, height in zip(pages, gone, heights, strict=True)
            ]
            places = Counter(place for i, place in found if i is not None)
            for n, (i, place) in enumerate(found):
                often = sum(places[place + near] for near in (-1, 0, 1))
                if n and i is not None and often >= max(LEAST, _MOST * len(pages)):
                    gone[n].add(i)
    return [
        [line for i, line in enumerate(page) if i not in dropped] for page, dropped in zip(pages, gone, strict=True)
    ]


def _edge(page: Sequence[Word], gone: set[int], height: float, end: int) -> tuple[int | None, int]:
    """The outermost line that is left at one end, if it stands apart in the margin, and its place."""
    order = [i for i in range(len(page)) if i not in gone and page[i].text.strip()][::end]
    if len(order) < 2:
        return None, 0
    line, following = page[order[0]], page[order[1]]
    apart = following.top - line.bottom if end == 1 else line.top - following.bottom
    inside = line.bottom < _MARGIN * height if end == 1 else line.top > (1 - _MARGIN) * height
    usual = median(page[i].height for i in order)
    says = len(line.text) > _LONGEST or (line.text.count(" ") > 4 and ENDED.search(line.text))
    if says or not inside or apart < _APART * line.height or line.height > _LARGE * usual:
        return None, 0
    return order[0], round(line.top / _NEAR)
