"""A quote in the letters of a page: which of them it is, and the boxes of its lines. Pure.

Letters and digits are compared, so that spaces and hyphens at line ends may differ.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

LEAST = 4  # letters in a row that count as a part of a quote
MOST_OF = 0.6  # a share of its letters, where a quote is not there as a whole


def letters_of(text: str) -> Iterator[str]:
    """What is compared: letters and digits, small and in one form."""
    return (c for c in unicodedata.normalize("NFKC", text).casefold() if c.isalnum())


def find_places(text: str, quote: str, nth: int) -> Iterator[int]:
    """The places of a quote's letters in a text; none where most of it is not there."""
    at, found = -1, []
    while quote and (at := text.find(quote, at + 1)) >= 0:
        found.append(at)
    if found:
        first = found[min(nth, len(found) - 1)]
        yield from range(first, first + len(quote))
        return
    blocks = [b for b in SequenceMatcher(None, quote, text, autojunk=False).get_matching_blocks() if b.size >= LEAST]
    if sum(block.size for block in blocks) >= MOST_OF * len(quote):
        for block in blocks:
            yield from range(block.b, block.b + block.size)


def join_lines(boxes: Sequence[Sequence[float]]) -> list[list[float]]:
    """Boxes of characters (left, bottom, right, top) that stand beside each other, as one box for each line."""
    lines: list[list[float]] = []
    for left, bottom, right, top in boxes:
        last = lines[-1] if lines else None
        if last and min(last[3], top) - max(last[1], bottom) > (top - bottom) / 2 and left > last[0] - 1:
            last[:] = [min(last[0], left), min(last[1], bottom), max(last[2], right), max(last[3], top)]
        else:
            lines.append([left, bottom, right, top])
    return lines
