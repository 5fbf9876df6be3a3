"""The plain first stage: embed the question, ask the store.

It searches by one kind of vector or by dense and sparse ones fused; it neither reranks nor hops.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from rag.retrieve.whitening import Whitening, fit, sample
from rag.stages import Embedder, Store, component
from rag.types import Hit, Query

Using: TypeAlias = Literal["dense", "sparse", "tokens", "hybrid"]


@component
class SearchRetriever:
    """Searches the index for the passages nearest to the question."""

    embedder: Embedder
    store: Store
    by: Annotated[Using, Field(description='"hybrid" fuses dense and sparse by rank, "tokens" is MaxSim.')] = "hybrid"
    whiten: Annotated[float, Field(ge=0, le=1, description="How far questions are whitened (guides/context.md).")] = 0.0

    @property
    def needs(self) -> frozenset[str]:
        """What `by` searches."""
        return frozenset({"dense", "sparse"} if self.by == "hybrid" else {self.by})

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
        whitened = [self._whiten(query) for query in queries]
        return self.store.search(whitened, k=k, using=self.by, vectors="dense" in self.embedder.representations)

    def _whiten(self, query: Query) -> Query:
        """A question's query with its vector whitened; the vector of a hop stays."""
        if not self.whiten or query.dense is None or query.hop or self._whitening is None:
            return query
        return replace(query, dense=self._whitening(query.dense))

    @cached_property
    def _whitening(self) -> Whitening | None:
        hits = self.store.fetch(sample(self.store), vectors=True)
        return fit([hit.vector for hit in hits if hit.vector is not None], self.whiten)
