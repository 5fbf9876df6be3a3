"""One tree and one ranking for the hops `encoder` and `gate`: from the question and a passage to what is missing.

Either gives two functions: the vector of where to begin, and that of what is missing after a passage. A hop starts at
the `seeds` best new passages; where links lead from anchors, the question's own vectors ask for what they lead to, so
that both kinds of hop grow one tree. One list is ranked by `rag.hop.score`, with weights learned together with the
encoder or gate. No score needs a language model, and each can be computed by hand.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from rag.hop.links import LinkHopper
from rag.hop.rank import score_by_place
from rag.hop.score import WEIGHTS, TreeFeatures, dense_vectors, extract_features, reciprocal_places, score_passages
from rag.types import Hit, Query, Vector, Vectors


@dataclass(frozen=True, slots=True)
class HopTree:
    """`start_vector` (d,) says where to begin, `next_vectors` (n, d) what is missing after each hit.

    `weights` (7,) are in the order of `rag.hop.score.WEIGHTS`. Without `links`, none is followed and none counts. The
    queries of a hop ask for `reach` hits at most.
    """

    start_vector: Callable[[Query], Vector]
    next_vectors: Callable[[Query, Sequence[Hit]], Vectors]
    weights: Vector
    hops: int
    seeds: int
    links: bool
    reach: int | None = None

    def hop(self, queries: Sequence[Query], hits: Sequence[Sequence[Hit]]) -> list[Query]:
        """A query for each of the best new passages, by its vector, and one for each anchor, by its links.

        Raises ConfigError where hits carry no vectors.
        """
        new = [hit for found in hits for hit in found]
        if not new or queries[0].hop >= self.hops:
            return []
        question = queries[0]
        trails = {hit.chunk.id: query.trail for query, found in zip(queries, hits, strict=True) for hit in found}
        seeds = self._seeds(question, new)
        links = LinkHopper(hops=self.hops, seeds=self.seeds).hop(queries, hits) if self.links else []
        frontier = links + [
            Query(question.text, dense=vector, hop=question.hop + 1, trail=(*trails[hit.chunk.id], hit.chunk.id))
            for hit, vector in zip(seeds, self.next_vectors(question, seeds), strict=True)
        ]
        return [replace(query, limit=self.reach) for query in frontier]

    def rank(self, question: Query, hits: Sequence[Hit], *, k: int) -> list[Hit]:
        """The k best by `rag.hop.score`, ties by id; a score is 1 / place."""
        if not hits:
            return []
        weights = self.weights if self.links else self.weights * [name != "link" for name in WEIGHTS]
        return score_by_place(_sort(hits, score_passages(self.features(question, hits), weights)), k=k)

    def features(self, question: Query, hits: Sequence[Hit]) -> TreeFeatures:
        """What the ranking sums up, of at least one hit of a tree."""
        layers = [[hit for hit in hits if hit.hop == hop] for hop in range(self.hops)]
        seeds = [seed for layer in layers for seed in self._seeds(question, layer)]
        next_vectors = self.next_vectors(question, seeds)
        return extract_features(question.text, hits, [hit.chunk.id for hit in seeds], next_vectors)

    def _seeds(self, question: Query, hits: Sequence[Hit]) -> list[Hit]:
        """The best of one layer, by cosine with where to begin and, among direct hits, by place."""
        if not hits:
            return []
        scores = dense_vectors(hits) @ self.start_vector(question) + reciprocal_places(hits)
        return _sort(hits, scores)[: self.seeds]


def _sort(hits: Sequence[Hit], scores: Vector) -> list[Hit]:
    """By score, ties by id."""
    order = sorted(range(len(hits)), key=lambda i: (-float(scores[i]), hits[i].chunk.id))
    return [hits[i] for i in order]
