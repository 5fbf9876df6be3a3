"""Where a long text is cut for a model that sees so many tokens at once: arithmetic on token counts.

A window has a core, whose tokens are taken from it alone, and margins, which it only sees. Cores share nothing and
leave nothing out, so every token is taken once, from the window where it has most context, and the cost is linear: two
neighbours share `overlap` tokens. This is long late chunking (arXiv 2409.04701, algorithm 2), with cores of whole
chunks.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple


class Window(NamedTuple):
    """Tokens seen, from `start` to `stop`, and those taken, from `first` to `last`; all half-open."""

    start: int
    stop: int
    first: int
    last: int


def split_tokens(n: int, *, room: int, overlap: int) -> Iterator[Window]:
    """n tokens in windows of at most `room` that share `overlap` with the next, their cores meeting in its middle."""
    overlap = min(overlap, room // 2)
    start = first = 0
    while start + room < n:
        last = start + room - overlap // 2
        yield Window(start, start + room, first, last)
        start, first = start + room - overlap, last
    yield Window(start, n, first, n)


def group_chunks(
    spans: Sequence[tuple[int, int]], n: int, *, room: int, overlap: int
) -> Iterator[tuple[Window, range]]:
    """Chunks by their tokens (first, last), in text order, in windows of at most `room` of the n tokens.

    A core is a run of chunks. A chunk that leaves no room for its margins has a window of its own, which may be longer
    than `room`. Cuts depend on what stands before them, so that an edit moves few; the last two windows are even.
    """
    margin = min(overlap, room // 2) // 2
    at = 0
    while at < len(spans):
        start = max(0, spans[at][0] - margin)
        rest = n - start
        goal = (rest + overlap) / 2 if room < rest < 2 * room - overlap else room
        stop = min(n, spans[at][1] + margin)
        end = at + 1
        while end < len(spans):
            further = min(n, max(spans[end][1] + margin, stop))
            if further - start > room or further + stop - 2 * start > 2 * goal:
                break
            stop = further
            end += 1
        yield Window(start, stop, spans[at][0], max(last for _, last in spans[at:end])), range(at, end)
        at = end
