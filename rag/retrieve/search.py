"""The plain first stage: embed the question, ask the store.

It searches by one kind of vector or by dense and sparse ones fused; it neither reranks nor hops.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import Annotated, Literal

from annotated_types import Ge, Le

from rag.retrieve.whitening import Whitening, fitted, sample
from rag.stages import Embedder, Store, component
from rag.types import Hit, Query


@component
class SearchRetriever:
    """`by` is "hybrid" (dense and sparse, fused by rank), "dense", "sparse" or "tokens" (MaxSim).

    `whiten`, from 0 to 1, evens out the directions in which the index's dense vectors spread, for questions, not for
    hops. Fitted on the index at hand, nothing is stored. Gains on some data, loses on other (docs/guides/context.md).
    """

    embedder: Embedder
    store: Store
    by: Literal["dense", "sparse", "tokens", "hybrid"] = "hybrid"
    whiten: Annotated[float, Ge(0), Le(1)] = 0.0

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
        asked = [self._asked(query) for query in queries]
        return self.store.search(asked, k=k, using=self.by, vectors="dense" in self.embedder.representations)

    def _asked(self, query: Query) -> Query:
        """The query as the store gets it; a hop's is made for the vectors as they are."""
        if not self.whiten or query.dense is None or query.hop or self._whitening is None:
            return query
        return replace(query, dense=self._whitening(query.dense))

    @cached_property
    def _whitening(self) -> Whitening | None:
        hits = self.store.fetch(sample(self.store), vectors=True)
        return fitted([hit.vector for hit in hits if hit.vector is not None], self.whiten)
