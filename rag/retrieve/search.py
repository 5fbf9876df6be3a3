"""The plain first stage: embed the question, ask the store.

It searches by one kind of vector or by several fused, by rank or by score; it neither reranks nor hops. Ranks know
nothing of how much better the first is than the second: where words alone tell documents apart, scores keep it, and
`fusion: auto` goes by them there (docs/research/evaluation.md). With BGE-M3 `dense`, `tokens` and what is left for
sparse are the weights of its hybrid score (arXiv 2402.03216, section 4.2).
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from rag.errors import ConfigError
from rag.retrieve.whitening import Whitening, fit, sample
from rag.stages import Embedder, Store, component
from rag.types import Hit, Query

Using: TypeAlias = Literal["dense", "sparse", "tokens", "hybrid"]


@component
class SearchRetriever:
    """Searches the index for the passages nearest to the question."""

    embedder: Embedder
    store: Store
    by: Annotated[Using, Field(description='"hybrid" fuses dense and sparse, "tokens" is MaxSim.')] = "hybrid"
    fusion: Annotated[
        Literal["auto", "rank", "scores"],
        Field(description="What hybrid fuses: places, scores, or by auto scores where words single out few passages."),
    ] = "rank"
    dense: Annotated[float, Field(ge=0, le=1, description="Weight of dense scores; sparse ones have the rest.")] = 0.4
    tokens: Annotated[float, Field(ge=0, le=1, description="Weight of MaxSim scores (BGE-M3), out of the rest.")] = 0.0
    whiten: Annotated[float, Field(ge=0, le=1, description="How far questions are whitened (guides/context.md).")] = 0.0

    def __post_init__(self) -> None:
        if self.dense + self.tokens > 1:
            raise ConfigError(f"retrieve: dense {self.dense} and tokens {self.tokens} are more than 1 together.")
        if self.tokens and (self.by != "hybrid" or self.fusion != "scores"):
            raise ConfigError("retrieve.tokens is a weight of `by: hybrid, fusion: scores`; say that, or leave it out.")

    @property
    def weights(self) -> dict[str, float] | None:
        """Of the scores that are fused; None where ranks are, or nothing."""
        if self.by != "hybrid" or self.fusion == "rank":
            return None
        parts = {"dense": self.dense, "sparse": 1 - self.dense - self.tokens, "tokens": self.tokens}
        return {name: weight for name, weight in parts.items() if weight or name != "tokens"}

    @property
    def needs(self) -> frozenset[str]:
        """What `by` searches."""
        if self.by == "hybrid":
            return frozenset(self.weights or {"dense", "sparse"})
        return frozenset({self.by})

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
        vectors = "dense" in self.embedder.representations
        using = "either" if self.by == "hybrid" and self.fusion == "auto" else self.by
        return self.store.search(whitened, k=k, using=using, vectors=vectors, weights=self.weights)

    def _whiten(self, query: Query) -> Query:
        """A question's query with its vector whitened; the vector of a hop stays."""
        if not self.whiten or query.dense is None or query.hop or self._whitening is None:
            return query
        return replace(query, dense=self._whitening(query.dense))

    @cached_property
    def _whitening(self) -> Whitening | None:
        hits = self.store.fetch(sample(self.store), vectors=True)
        return fit([hit.vector for hit in hits if hit.vector is not None], self.whiten)
