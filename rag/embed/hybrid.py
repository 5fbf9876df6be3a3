"""A dense and a sparse embedder behind one: what a pipeline with `sparse:` embeds with."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from hashlib import sha256

from rag.errors import ConfigError
from rag.stages import (
    BoundedEmbedder,
    Embedder,
    SparseEmbedder,
    TokenEmbedder,
    Tunable,
    WideTokenEmbedder,
    WindowEmbedder,
    component,
)
from rag.types import Chunked, Difference, Embeddings, Precision, Spans, Vectors


@component
class HybridEmbedder:
    """Length, token spans and token vectors are those of `dense`; `sparse` adds its representation."""

    dense: Embedder
    sparse: Embedder

    @property
    def dim(self) -> int:
        return self.dense.dim

    @property
    def representations(self) -> frozenset[str]:
        """What the two declare."""
        return self.dense.representations | self.sparse.representations

    @property
    def fingerprint(self) -> str:
        """Of both."""
        return sha256(f"{self.dense.fingerprint} {self.sparse.fingerprint}".encode()).hexdigest()

    @property
    def idf(self) -> bool:
        """What the sparse embedder says."""
        return self.sparse.idf if isinstance(self.sparse, SparseEmbedder) else True

    @property
    def longest(self) -> int | None:
        """That of the dense embedder; sparse vectors see all of a text."""
        return self.dense.longest if isinstance(self.dense, BoundedEmbedder) else None

    def count_unread(self, texts: Sequence[str]) -> list[int]:
        """How many tokens of each text the dense embedder cuts off."""
        return self.dense.count_unread(texts) if isinstance(self.dense, BoundedEmbedder) else [0] * len(texts)

    def token_spans(self, texts: Sequence[str]) -> list[Spans]:
        """Those of the dense embedder, whose length limits a chunk."""
        return self.dense.token_spans(texts)

    def embed_chunks(self, batch: Sequence[Chunked]) -> Embeddings:
        """Every representation of both."""
        return replace(self.dense.embed_chunks(batch), sparse=self.sparse.embed_chunks(batch).sparse)

    def windows(self, batch: Sequence[Chunked]) -> list[Chunked]:
        """Those of the dense embedder; sparse vectors see a chunk's own text only."""
        return self.dense.windows(batch) if isinstance(self.dense, WindowEmbedder) else list(batch)

    def embed_queries(self, texts: Sequence[str]) -> Embeddings:
        """Every representation of both."""
        return replace(self.dense.embed_queries(texts), sparse=self.sparse.embed_queries(texts).sparse)

    @property
    def token_dim(self) -> int:
        """That of the dense embedder; 0 where it does not say."""
        return self.dense.token_dim if isinstance(self.dense, WideTokenEmbedder) else 0

    def token_vectors(self, texts: Sequence[str], *, query: bool = False) -> list[Vectors]:
        """Those of the dense embedder. Raises ConfigError where it has none."""
        if not isinstance(self.dense, TokenEmbedder):
            raise ConfigError(f"embed: {type(self.dense).__name__} has no token vectors; use onnx or transformers.")
        return self.dense.token_vectors(texts, query=query)

    def tune(
        self, difference: Difference, *, fingerprint: str, max_tokens: int, precision: Precision = "float32"
    ) -> Callable[[Sequence[str]], Vectors]:
        """That of the dense embedder, whose fingerprint is meant. Raises ConfigError where it has none."""
        if not isinstance(self.dense, Tunable):
            raise ConfigError(f"embed: {type(self.dense).__name__} has no weights to exchange; use onnx or hop: links.")
        return self.dense.tune(difference, fingerprint=fingerprint, max_tokens=max_tokens, precision=precision)
