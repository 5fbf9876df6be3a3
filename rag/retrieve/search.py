"""The plain first stage: embed the question, ask the store.

It searches by one kind of vector or by dense and sparse ones fused; it neither reranks nor hops.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from rag.stages import Embedder, Store, component
from rag.types import Hit, Query


@component
class Search:
    """`by` is "hybrid" (dense and sparse, fused by rank), "dense", "sparse" or "tokens" (MaxSim)."""

    embedder: Embedder
    store: Store
    by: Literal["dense", "sparse", "tokens", "hybrid"] = "hybrid"

    def prepare(self, texts: Sequence[str]) -> list[Query]:
        """One query per text, with every representation the embedder gives for questions."""
        rows = self.embedder.embed_queries(texts)
        return [
            Query(
                text,
                dense=None if rows.dense is None else rows.dense[i],
                sparse=None if rows.sparse is None else rows.sparse[i],
                tokens=None if rows.tokens is None else rows.tokens[i],
            )
            for i, text in enumerate(texts)
        ]

    def retrieve(self, queries: Sequence[Query], *, k: int) -> list[list[Hit]]:
        """The k best hits of each query with their dense vectors, by which later stages compare hits across queries."""
        return self.store.search(queries, k=k, using=self.by, vectors="dense" in self.embedder.representations)
