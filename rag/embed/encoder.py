"""Texts to vectors, whatever runs the network: tokenise, batch, run, pool.

A backend is one function from token ids and their mask to token vectors; all else is the same for every backend, so
two backends of one model differ by rounding only. Everything given in one call is tokenised at once and sorted by
length. Lone surrogates, which no tokenizer takes, count as U+FFFD.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer, normalizers

from rag.embed.batching import Batch, batches, padded
from rag.embed.modelspec import ModelSpec
from rag.embed.pooling import Hidden, Mask, Projection, pool, unit
from rag.types import Chunked, Embeddings, Spans, Vectors

Forward = Callable[[NDArray[np.int64], Mask], Hidden]  # ids (b, t), mask (b, t) -> (b, t, hidden)
_SURROGATES = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, eq=False)
class TextEncoder:
    """A model ready to run: `forward` gives a batch its token vectors, `workers` batches at a time.

    `tokenizer` makes a new copy of the model's own at every call; how it pads and truncates is set here.
    """

    spec: ModelSpec
    tokenizer: Callable[[], Tokenizer]
    forward: Forward
    batch_tokens: int
    workers: int = 1

    def embed_chunks(self, batch: Sequence[Chunked], *, tokens: bool) -> Embeddings:
        """Context and text of every chunk, behind the document prefix; token vectors if asked for."""
        texts = [chunk.contextual for item in batch for chunk in item.chunks]
        return self._embed([self.spec.document_prefix + text for text in texts], tokens=tokens)

    def embed_queries(self, texts: Sequence[str], *, tokens: bool) -> Embeddings:
        """Every text behind the query prefix; token vectors if asked for."""
        return self._embed([self.spec.query_prefix + text for text in texts], tokens=tokens)

    def token_vectors(self, texts: Sequence[str], *, query: bool) -> list[Vectors]:
        """Unit-length vectors (tokens, hidden) of each text's tokens, those of its prefix included.

        Special tokens are left out unless a text has no other.
        """
        prefix = self.spec.query_prefix if query else self.spec.document_prefix
        rows: list[Vectors] = [np.empty((0, self.spec.hidden), dtype=np.float32)] * len(texts)
        for batch, hidden, _, inner in self._run([prefix + text for text in texts]):
            _keep(rows, batch, hidden, inner)
        return rows

    def token_spans(self, texts: Sequence[str]) -> list[Spans]:
        """Character spans (n, 2) of the tokens of each whole text, special tokens left out."""
        found = self._whole.encode_batch(_valid(texts), add_special_tokens=False)
        return [np.array(encoding.offsets, dtype=np.int64).reshape(-1, 2) for encoding in found]

    def whole(self, texts: Sequence[str]) -> list[Encoding]:
        """Each text's tokens with special ones, nothing cut off."""
        found: list[Encoding] = self._whole.encode_batch(_valid(texts))
        return found

    def _embed(self, texts: Sequence[str], *, tokens: bool) -> Embeddings:
        dense = np.empty((len(texts), self.spec.dim), dtype=np.float32)
        rows: list[Vectors] = [np.empty((0, self.spec.hidden), dtype=np.float32)] * len(texts)
        for batch, hidden, mask, inner in self._run(texts):
            dense[batch] = self.finish(pool(hidden, mask, self.spec.pooling))
            if tokens:
                _keep(rows, batch, hidden, inner)
        return Embeddings(dense=dense, tokens=rows if tokens else None)

    def finish(self, pooled: Vectors) -> Vectors:
        """What the model does after pooling: projections and unit length, in between what was asked to be cut off."""
        for project in self._projections:
            pooled = project(pooled)
        pooled = pooled[:, : self.spec.dim]
        return unit(pooled) if self.spec.normalise else pooled

    def _run(self, texts: Sequence[str]) -> Iterator[tuple[Batch, Hidden, Mask, Mask]]:
        """Every batch with its token vectors, the mask of its tokens, and of those that stand for text."""
        encodings = self._cut.encode_batch_fast(_valid(texts))
        special = [encoding.special_tokens_mask for encoding in encodings]
        for batch, hidden, mask in self.hidden([encoding.ids for encoding in encodings]):
            inner = padded([special[i] for i in batch], 1)[0] == 0
            inner |= mask & ~inner.any(axis=1, keepdims=True)
            yield batch, hidden, mask, inner

    def hidden(
        self, ids: Sequence[Sequence[int]], *, budget: int | None = None
    ) -> Iterator[tuple[Batch, Hidden, Mask]]:
        """Token ids, each row once in a batch of similar lengths, with their vectors and the mask of padding."""

        def run(batch: Batch) -> tuple[Batch, Hidden, Mask]:
            batch_ids, mask = padded([ids[i] for i in batch], self.spec.pad_id)
            return batch, self.forward(batch_ids, mask), mask

        todo = batches([len(row) for row in ids], budget or self.batch_tokens)
        if self.workers == 1 or len(todo) == 1:
            yield from map(run, todo)
        else:
            with ThreadPoolExecutor(self.workers) as threads:
                yield from threads.map(run, todo)

    @cached_property
    def _projections(self) -> list[Projection]:
        return [Projection.load(folder) for folder in self.spec.dense]

    @cached_property
    def _whole(self) -> Tokenizer:
        """For spans: neither padding nor truncating."""
        return self._plain_tokenizer()

    @cached_property
    def _cut(self) -> Tokenizer:
        """For encoding: truncating at the model's length."""
        tokenizer = self._plain_tokenizer()
        tokenizer.enable_truncation(self.spec.max_tokens)
        return tokenizer

    def _plain_tokenizer(self) -> Tokenizer:
        tokenizer = self.tokenizer()
        tokenizer.no_padding()
        tokenizer.no_truncation()
        if self.spec.lowercase:
            rules = [normalizers.Lowercase(), *([tokenizer.normalizer] if tokenizer.normalizer else [])]
            tokenizer.normalizer = normalizers.Sequence(rules)
        return tokenizer


def _valid(texts: Sequence[str]) -> list[str]:
    return [_SURROGATES.sub("\ufffd", text) for text in texts]


def _keep(rows: list[Vectors], batch: Batch, hidden: Hidden, inner: Mask) -> None:
    for i, vectors, mask in zip(batch, hidden, inner, strict=True):
        rows[i] = unit(vectors[mask])
