"""Late chunking: the text around a chunk goes through the model with it, and the chunk's own token vectors are pooled.

Source: arXiv 2409.04701, algorithm 1. A document is read in windows of at most the model's length; spans are mapped to
tokens by offsets, nothing is tokenized in pieces. A chunk's vector is the mean of its own tokens; special tokens,
prefix and title are seen, and count only for a chunk without tokens. Where chunks have a context, windows begin with
what most contexts begin with, the title as a rule.

A window has a core of whole chunks, whose tokens are taken from it alone, and margins, which it only sees. Cores share
nothing and leave nothing out, so every token is taken once, from the window where it has most context, and the cost is
linear: two neighbours share `overlap` tokens (long late chunking, algorithm 2 of the paper).

A model trained on chunks joined by a token (InSeNT, arXiv 2505.24782) gets them so by a `separator`: its windows hold
the chunks one after the other in place of the document, and without a prefix the first chunk's mean has the first
token, as illuin-tech/contextual-embeddings, long_context_model.py, pools them.

Mean pooling stays what it is; a CLS token stands for no span, so models pooled by it get the mean; of a causal model
with last-token pooling a span's last token is taken, which has read everything up to it and nothing after.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding

from rag.errors import ConfigError
from rag.models.encoder import TextEncoder
from rag.models.pooling import Mask
from rag.types import Chunked, Embeddings, Spans, Vectors

MAX_TITLE = 200  # characters that stand before every window


class Window(NamedTuple):
    """Tokens seen, from `start` to `stop`, and those taken, from `first` to `last`; all half-open."""

    start: int
    stop: int
    first: int
    last: int


class Pass(NamedTuple):
    """One run of the model: token ids, the weights of its tokens, the rows of the chunks they are for."""

    ids: list[int]
    weights: NDArray[np.float32]  # (chunks, modes, tokens)
    rows: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Late:
    """`weight` is the late vector's share, the rest is the plain one's; neighbouring windows share `overlap` tokens.

    `plain` reads chunks by themselves where that is another model than `encoder`, which reads the windows, at most
    `batch_tokens` of them at once.
    """

    encoder: TextEncoder
    weight: float
    overlap: int
    batch_tokens: int
    plain: TextEncoder | None = None
    separator: str = ""

    def __post_init__(self) -> None:
        if unknown := set(self.encoder.spec.pooling) - _SHARE.keys():
            raise ConfigError(
                f"embed.late: {self.encoder.spec.name!r} pools by {', '.join(sorted(unknown))}, which has no meaning "
                "for a span in the middle of a text; use a model with mean, cls or lasttoken pooling, or late: 0."
            )

    def windows(self, batch: Sequence[Chunked]) -> list[Chunked]:
        """Every document in its windows, which `embed_chunks` takes as they are."""
        batch = [item if item.window or not self.separator else _join(item, self.separator) for item in batch]
        whole = [item for item in batch if not item.window]
        spans = self.encoder.token_spans([item.document.text for item in whole])
        titles = [_title(item) for item in whole]
        heads = map(len, self.encoder.token_spans([self._head(title) for title in titles]))
        facts = zip(spans, titles, heads, strict=True)
        parts = ([item] if item.window else self._windows(item, *next(facts)) for item in batch)
        return [part for found in parts for part in found]

    def embed_chunks(self, batch: Sequence[Chunked]) -> Embeddings:
        """One row per chunk, in order: the late vector, mixed with the plain one by weight."""
        late = self.encoder.finish(self._pool(self.windows(batch)))
        return (self.plain or self.encoder).mix(late, batch, weight=self.weight)

    def _head(self, title: str) -> str:
        spec = self.encoder.spec
        return spec.titled_prefix(title) + (f"{title}\n" if title and not spec.has_title_slot else "")

    def _windows(self, item: Chunked, tokens: Spans, title: str, head: int) -> Iterator[Chunked]:
        text = item.document.text
        starts, ends = np.maximum.accumulate(tokens[:, 0]), np.maximum.accumulate(tokens[:, 1])
        own = [
            (int(ends.searchsorted(chunk.start, "right")), int(starts.searchsorted(chunk.end, "left")))
            for chunk in item.chunks
        ]
        room = max(1, self.encoder.spec.max_tokens - self._special - head)
        for window, members in group_chunks(own, len(tokens), room=room, overlap=self.overlap):
            chunks = [item.chunks[i] for i in members]
            first, last = chunks[0].start, max(chunk.end for chunk in chunks)
            start = min(first, _word(text, starts[window.start : window.first].tolist(), first))
            last = max([last, *ends[window.last : window.stop][-1:].tolist()])
            document = replace(item.document, text=text[start:last], title=title, sections=(), meta={})
            moved = (replace(chunk, start=chunk.start - start, end=chunk.end - start) for chunk in chunks)
            yield Chunked(document, tuple(moved), window=True)

    def passes(self, windows: Sequence[Chunked]) -> list[Pass]:
        """What the model runs, in order; rows count the chunks of all windows."""
        passes: list[Pass] = []
        done = 0
        heads = [self._head(item.document.title) for item in windows]
        suffix = self.encoder.spec.document_suffix
        texts = [head + item.document.text for head, item in zip(heads, windows, strict=True)]
        for item, head, text, encoding in zip(
            windows, heads, texts, self.encoder.tokenize([text + suffix for text in texts]), strict=True
        ):
            spans = np.array([(c.start, c.end) for c in item.chunks], np.int64).reshape(-1, 2) + len(head)
            passes += self._passes(encoding, (len(head), len(text)), spans, done)
            done += len(spans)
        return passes

    def _pool(self, windows: Sequence[Chunked]) -> Vectors:
        """(chunks, hidden * modes): what the model's poolings make of each chunk's tokens."""
        passes = self.passes(windows)
        done = sum(len(item.chunks) for item in windows)
        modes, hidden = len(self.encoder.spec.pooling), self.encoder.spec.hidden
        sums = np.zeros((done, modes, hidden), np.float32)
        weight = np.zeros((done, modes, 1), np.float32)
        for batch, vectors, mask in self.encoder.hidden([one.ids for one in passes], budget=self.batch_tokens):
            for i, row, real in zip(batch, vectors, mask, strict=True):
                rows, weights = passes[i].rows, passes[i].weights
                sums[rows] += weights @ row[real]
                weight[rows] += weights.sum(axis=2, keepdims=True)
        return (sums / weight).reshape(done, modes * hidden)

    def _passes(self, encoding: Encoding, own: tuple[int, int], spans: Spans, first: int) -> Iterator[Pass]:
        """A window as one run of the model, or several where one chunk is longer than the model sees.

        `own` are the characters of the document itself, from the first to behind the last.
        """
        ids = np.array(encoding.ids)
        offsets = np.array(encoding.offsets, np.int64).reshape(-1, 2)
        text = (np.array(encoding.special_tokens_mask) == 0) & (offsets[:, 0] >= own[0]) & (offsets[:, 0] < own[1])
        found = np.flatnonzero(text)
        begin, end = (int(found[0]), int(found[-1]) + 1) if len(found) else (len(text), len(text))
        within = (offsets[:, 0] < spans[:, 1:]) & (offsets[:, 1] > spans[:, :1]) & text  # (chunks, tokens)
        weights = np.stack([_SHARE[mode](within, text) for mode in self.encoder.spec.pooling], axis=1)
        if self.separator and not own[0] and self.encoder.spec.pooling != ("lasttoken",):
            weights[spans[:, 0] == 0, :, 0] = 1
        limit = self.encoder.spec.max_tokens
        room = limit - begin - (len(text) - end)
        if room < 1:
            raise ConfigError(f"embed: document_prefix and title leave no room for text in max_tokens: {limit}.")
        for window in split_tokens(end - begin, room=room, overlap=self.overlap):
            seen = np.r_[0:begin, begin + window.start : begin + window.stop, end : len(text)]
            taken = np.r_[0:begin, begin + window.first : begin + window.last, end : len(text)]
            part = np.where(np.isin(seen, taken), weights[:, :, seen], 0)
            touched = within[:, taken].any(axis=1) | ((window.first == 0) & ~within.any(axis=1))
            rows = np.flatnonzero(touched)
            yield Pass(ids[seen].tolist(), part[rows].astype(np.float32), rows + first)

    @cached_property
    def _special(self) -> int:
        [empty] = self.encoder.tokenize([self.encoder.spec.document_suffix])
        return len(empty.ids)


def _mean(within: Mask, text: NDArray[np.bool_]) -> Mask:
    """A chunk's own tokens; of one that has none what is not the document's."""
    own: Mask = np.where(within.any(axis=1, keepdims=True), within, ~text)
    return own


def _last(within: Mask, text: NDArray[np.bool_]) -> Mask:
    """A chunk's last token; at the end of a window the model's own, which stands for all of it. No chunk is without."""
    last = np.where(within.any(axis=1), within.shape[1] - 1 - within[:, ::-1].argmax(axis=1), within.shape[1] - 1)
    last[np.isin(last, text.nonzero()[0][-1:])] = within.shape[1] - 1
    chosen: Mask = np.arange(within.shape[1]) == last[:, None]
    return chosen


def _join(item: Chunked, separator: str) -> Chunked:
    """A document that holds its chunks one after the other."""
    text = separator.join(chunk.text for chunk in item.chunks)
    starts = accumulate((len(chunk.text) + len(separator) for chunk in item.chunks), initial=0)
    moved = (replace(c, start=at, end=at + len(c.text)) for c, at in zip(item.chunks, starts, strict=False))
    return Chunked(replace(item.document, text=text, sections=()), tuple(moved))


_SHARE = {"mean": _mean, "mean_sqrt_len_tokens": _mean, "cls": _mean, "lasttoken": _last}


def _title(item: Chunked) -> str:
    """What stands before every window: that with which most chunks' contexts begin, the title as a rule."""
    first = Counter(chunk.context.partition("\n")[0].partition(" > ")[0] for chunk in item.chunks if chunk.context)
    return first.most_common(1)[0][0][:MAX_TITLE] if first else ""


def _word(text: str, starts: Sequence[int], otherwise: int) -> int:
    """The first of these offsets at which a word begins, else the first at all."""
    begins = (at for at in starts if at == 0 or text[at - 1].isspace())
    return next(begins, starts[0] if starts else otherwise)


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
