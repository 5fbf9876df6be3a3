"""Arithmetic on character spans: count their tokens, cut them into windows, pack small ones together, strip them."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Self, TypeAlias

import numpy as np

from rag.types import Spans

Span: TypeAlias = tuple[int, int]  # half-open character offsets
Cut: TypeAlias = Callable[[str, int, int], Iterator[Span]]  # adjacent spans that cover text[start:end]

LONGEST = 64  # characters a token may stand for; to some tokenizers a huge word is one token and white space is none


@dataclass(frozen=True, slots=True)
class Ruler:
    """The tokens of a text, by the offsets where they start and where they end (both ascending)."""

    text: str
    starts: list[int]
    ends: list[int]

    @classmethod
    def of(cls, text: str, spans: Spans) -> Self:
        """From `Embedder.token_spans`; a stretch without a token's start counts as one token per 64 characters."""
        spans = spans[spans[:, 1] > spans[:, 0]]
        begins = np.concatenate([[0], spans[:, 0], [len(text)]])
        wide = np.flatnonzero(np.diff(begins) > LONGEST)
        if len(wide):
            added = np.concatenate([np.arange(begins[i] + LONGEST, begins[i + 1], LONGEST) for i in wide])
            spans = np.concatenate([spans, np.stack([added, added + 1], axis=1)])
        return cls(text, np.sort(spans[:, 0]).tolist(), np.sort(spans[:, 1]).tolist())

    def count(self, start: int, end: int) -> int:
        """How many tokens touch text[start:end]."""
        return max(0, bisect_left(self.starts, end) - bisect_right(self.ends, start))

    def windows(self, start: int, end: int, size: int, overlap: int = 0) -> Iterator[Span]:
        """Spans of at most `size` tokens that cover text[start:end], cut between words where that leaves half a window.

        Each begins up to `overlap` tokens before the last one ended.
        """
        while self.count(start, end) > size:
            first = bisect_right(self.ends, start)
            cut = max(self._word(range(first + size, first + size // 2, -1)), start + 1)
            yield start, cut
            at = bisect_left(self.starts, cut)
            back = self._word(range(at - overlap, at)) if 0 < overlap < at else cut
            start = back if back > start else cut
        yield start, end

    def pieces(self, start: int, end: int, size: int, cuts: Sequence[Cut]) -> Iterator[Span]:
        """text[start:end] whole if it has at most `size` tokens, else cut by the first of `cuts`, and so on down.

        What no cut makes small enough falls into windows.
        """
        if self.count(start, end) <= size:
            yield start, end
        elif cuts:
            for piece in cuts[0](self.text, start, end):
                yield from self.pieces(*piece, size, cuts[1:])
        else:
            yield from self.windows(start, end, size)

    def pack(self, units: Sequence[Span], size: int) -> Iterator[Span]:
        """Join consecutive units into spans of at most `size` tokens, as few and as even as can be had greedily."""
        i = 0
        while i < len(units):
            start, end = units[i]
            rest = self.count(start, units[-1][1])
            even = rest / max(1, ceil(rest / size))
            i += 1
            while i < len(units):
                have, more = self.count(start, end), self.count(start, units[i][1])
                if more > size or have + more > 2 * even:  # adding would leave the even share further behind
                    break
                end = units[i][1]
                i += 1
            yield start, end

    def _word(self, tokens: range) -> int:
        """The offset of the first of these tokens that begins a word; of the very first if none does."""
        for i in tokens:
            at = self.starts[i]
            if self.text[at].isspace() or self.text[at - 1].isspace():
                return at
        return self.starts[tokens[0]]


def strip(text: str, start: int, end: int) -> Span:
    """The span without outer white space; empty if it holds nothing else."""
    piece = text[start:end]
    return start + len(piece) - len(piece.lstrip()), end - len(piece) + len(piece.rstrip())


def lines(text: str, start: int, end: int) -> Iterator[Span]:
    """Adjacent spans, one per line, that cover text[start:end]."""
    for line in text[start:end].splitlines(keepends=True):
        yield start, start + len(line)
        start += len(line)
