"""One tree and one ranking for the hops `encoder` and `gate`: from the question and a passage to what is missing.

Either gives the vector of where to begin, and that of what is missing after a passage. A hop starts at the `seeds` best
new passages; where links lead from anchors, the question's own vectors ask for what they lead to, so that both kinds of
hop grow one tree. One list is ranked by `rag.hop.score`, with weights learned together with the encoder or gate. No
score needs a language model, and each can be computed by hand.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Annotated, ClassVar

from pydantic import Field

from rag.hop.links import LinkHopper
from rag.hop.rank import score_by_place
from rag.hop.score import WEIGHTS, TreeFeatures, dense_vectors, extract_features, order_passages, reciprocal_places
from rag.reader.copies import repeats
from rag.stages import Embedder, component
from rag.types import Hit, Query, Vector, Vectors


@component
class TreeHopper(ABC):
    """The hops and the ranking; without `links`, none is followed and none counts."""

    embedder: Embedder
    weights: Annotated[str, Field(description='A file of `rag train hop` (or `gate`); "" means the shipped one.')] = ""
    seeds: Annotated[int, Field(ge=1, description="How many passages a hop starts at.")] = 3
    anchors: Annotated[int, Field(ge=1, description="Direct hits among which links start.")] = 5
    links: Annotated[bool, Field(description="Follow links besides.")] = True
    dense_only: ClassVar[bool] = True

    @property
    @abstractmethod
    def hops(self) -> int:
        """How many hops follow the first retrieval."""

    @property
    @abstractmethod
    def ranking(self) -> Vector:
        """The weights of the ranking, (7,), in the order of `rag.hop.score.WEIGHTS`. Raises ModelError."""

    @abstractmethod
    def start_vector(self, question: Query) -> Vector:
        """Where to begin, (d,)."""

    @abstractmethod
    def next_vectors(self, question: Query, hits: Sequence[Hit]) -> Vectors:
        """What is missing after each of the n hits, (n, d)."""

    def hop(self, queries: Sequence[Query], hits: Sequence[Sequence[Hit]]) -> list[Query]:
        """A query for each of the best new passages, by its vector, and one for each anchor, by its links.

        Raises ConfigError where hits carry no vectors, MismatchError for another embedder's weights.
        """
        new = [hit for found in hits for hit in found]
        if not new or queries[0].hop >= self.hops:
            return []
        question = queries[0]
        trails = {hit.chunk.id: query.trail for query, found in zip(queries, hits, strict=True) for hit in found}
        seeds = self._seeds(question, new)
        links = LinkHopper(hops=self.hops, seeds=self.anchors).hop(queries, hits) if self.links else []
        return links + [
            Query(question.text, dense=vector, hop=question.hop + 1, trail=(*trails[hit.chunk.id], hit.chunk.id))
            for hit, vector in zip(seeds, self.next_vectors(question, seeds), strict=True)
        ]

    def rank(self, question: Query, hits: Sequence[Hit], *, k: int) -> list[Hit]:
        """The k best by `rag.hop.score`, ties by id; a score is 1 / place."""
        if not hits:
            return []
        weights = self.ranking if self.links else self.ranking * [name != "link" for name in WEIGHTS]
        order = order_passages(self.features(question, hits), weights, [hit.chunk.id for hit in hits])
        return score_by_place([hits[i] for i in order], k=k)

    def features(self, question: Query, hits: Sequence[Hit]) -> TreeFeatures:
        """What the ranking sums up, of at least one hit of a tree."""
        layers = [[hit for hit in hits if hit.hop == hop] for hop in range(self.hops)]
        seeds = [seed for layer in layers for seed in self._seeds(question, layer)]
        next_vectors = self.next_vectors(question, seeds)
        return extract_features(question, hits, [hit.chunk.id for hit in seeds], next_vectors)

    def _seeds(self, question: Query, hits: Sequence[Hit]) -> list[Hit]:
        """The best of one layer, by cosine with where to begin and, among direct hits, by place; of copies one."""
        if not hits:
            return []
        scores = dense_vectors(hits) @ self.start_vector(question) + reciprocal_places(hits)
        seeds: list[Hit] = []
        for hit in _sort(hits, scores):
            others = [one.chunk.text for one in seeds if one.chunk.doc_id != hit.chunk.doc_id]
            if len(seeds) < self.seeds and not repeats(hit.chunk.text, others):
                seeds.append(hit)
        return seeds


def _sort(hits: Sequence[Hit], scores: Vector) -> list[Hit]:
    """By score, ties by id."""
    order = sorted(range(len(hits)), key=lambda i: (-float(scores[i]), hits[i].chunk.id))
    return [hits[i] for i in order]
