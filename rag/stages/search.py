"""The stages that find passages, retriever, hopper and reranker, and what they may offer besides."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from rag.types import Hit, Query


@runtime_checkable
class Retriever(Protocol):
    """First stage: from queries to hits."""

    def prepare(self, texts: Sequence[str]) -> list[Query]:
        """Questions as queries with the representations this retriever searches by."""

    def retrieve(self, queries: Sequence[Query], *, k: int) -> list[list[Hit]]:
        """The k best hits of each query, best first."""


@runtime_checkable
class KindRetriever(Protocol):
    """A retriever that searches by certain vectors says which: a pipeline must make them."""

    @property
    def needs(self) -> frozenset[str]:
        """Of "dense", "sparse" and "tokens"."""


@runtime_checkable
class Hopper(Protocol):
    """From a frontier of queries and what each found to the next frontier. A pure function; [] stops."""

    @property
    def hops(self) -> int:
        """How many hops may follow the first retrieval."""

    def hop(self, queries: Sequence[Query], hits: Sequence[Sequence[Hit]]) -> list[Query]:
        """Next queries, each with `hop` one higher and a `trail` that ends in the hit that spawned it.

        `hits[i]` are the hits of `queries[i]` that were not in the tree before, with vectors.
        """

    def rank(self, question: Query, hits: Sequence[Hit], *, k: int) -> list[Hit]:
        """One list of the k best from the whole tree, best first, scores comparable within the list."""


@runtime_checkable
class PruningHopper(Protocol):
    """A hopper that says which hits enter the tree, and go on."""

    def prune(self, queries: Sequence[Query], hits: Sequence[Sequence[Hit]], tree: Sequence[Hit]) -> list[list[Hit]]:
        """Of everything that each query found, what goes on; `tree` holds the hits of earlier hops.

        A chunk that several queries found may stand in several lists; the tree takes the first.
        """


@runtime_checkable
class DenseHopper(Protocol):
    """A hopper whose queries have a dense vector and no other: a search by others alone finds nothing for them."""

    @property
    def dense_only(self) -> bool:
        """True."""


@runtime_checkable
class Reranker(Protocol):
    """Second stage: puts hits into a better order."""

    def rerank(self, questions: Sequence[str], hits: Sequence[Sequence[Hit]]) -> list[list[Hit]]:
        """The same hits of each question with new scores, best first."""
