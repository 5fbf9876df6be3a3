"""Situated embedding: the model reads a chunk, then the text around it, and makes one vector of both.

Source: SitEmb, arXiv 2508.01959: `chunk separator context`, the context being the sentences around the chunk with the
chunk among them. Models are trained for it; one that is not mostly embeds the context. As with late chunking the vector
may be mixed with the chunk's own, which is what the paper does, too (there with equal weights). The text around is part
of a chunk's content key, by way of windows with one chunk each. What the model cannot see is cut off at the end.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from rag.models.encoder import TextEncoder
from rag.text.sentences import sentence_spans
from rag.types import Chunked, Embeddings


@dataclass(frozen=True, eq=False)
class Situated:
    """`weight` is the situated vector's share; `around` counts sentences (`rag.text.sentences`) on each side.

    `plain` reads chunks by themselves where that is another model than `encoder`.
    """

    encoder: TextEncoder
    weight: float
    around: int
    separator: str
    plain: TextEncoder | None = None

    def windows(self, batch: Sequence[Chunked]) -> list[Chunked]:
        """Every chunk in the text around it, which `embed_chunks` takes as it is."""
        return [part for item in batch for part in ([item] if item.window else self._windows(item))]

    def embed_chunks(self, batch: Sequence[Chunked]) -> Embeddings:
        """One row per chunk, in order: the situated vector, mixed with the plain one by weight."""
        windows = self.windows(batch)
        texts = [chunk.contextual + self.separator + item.document.text for item in windows for chunk in item.chunks]
        return (self.plain or self.encoder).mix(self.encoder.vectors(texts), batch, weight=self.weight)

    def _windows(self, item: Chunked) -> Iterator[Chunked]:
        spans = sentence_spans(item.document.text)
        starts, ends = [start for start, _ in spans], [end for _, end in spans]
        for chunk in item.chunks:
            before = bisect_right(ends, chunk.start) - self.around  # the first sentence that counts
            after = bisect_left(starts, chunk.end) - 1 + self.around  # the last
            start = min([chunk.start, *starts[max(0, before) :][:1]])
            end = max([chunk.end, *ends[: after + 1][-1:]])
            document = replace(item.document, text=item.document.text[start:end], title="", sections=(), meta={})
            moved = replace(chunk, start=chunk.start - start, end=chunk.end - start)
            yield Chunked(document, (moved,), window=True)
