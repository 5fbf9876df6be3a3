"""One tree and one ranking for the hops that read on: from the question and a passage to the vector of what is missing.

What reads is given: a trained encoder (`rag.hop.encoder`) or a gate on vectors alone (`rag.hop.gated`). A hop reads the
`seeds` best new passages; where links lead from anchors, the question's own vectors ask for what they lead to, so that
both kinds of hop grow one tree. The one list is by `rag.hop.score`, with weights learned together with what reads. No
score needs a language model, and each can be computed by hand.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from rag.hop.links import LinkHopper
from rag.hop.rank import score_by_place
from rag.hop.score import NAMES, TreeParts, parts, places, scores, vectors
from rag.types import Hit, Query, Vector, Vectors


@dataclass(frozen=True, slots=True)
class HopTree:
    """`start` gives the vector of where to begin, (d,); `after` that of what is missing after each hit, (n, d).

    `weights` (7,) are in the order of `rag.hop.score.NAMES`. Without `links`, none is followed and none counts. The
    queries of a hop ask for `reach` hits at most.
    """

    start: Callable[[Query], Vector]
    after: Callable[[Query, Sequence[Hit]], Vectors]
    weights: Vector
    hops: int
    seeds: int
    links: bool
    reach: int | None = None

    def hop(self, queries: Sequence[Query], hits: Sequence[Sequence[Hit]]) -> list[Query]:
        """A query for each of the best new passages, by its reading, and one for each anchor, by its links.

        Raises ConfigError where hits carry no vectors.
        """
        fresh = [hit for found in hits for hit in found]
        if not fresh or queries[0].hop >= self.hops:
            return []
        question = queries[0]
        trails = {hit.chunk.id: query.trail for query, found in zip(queries, hits, strict=True) for hit in found}
        read = self._seeds(question, fresh)
        spawned = [
            Query(question.text, dense=vector, hop=question.hop + 1, trail=(*trails[hit.chunk.id], hit.chunk.id))
            for hit, vector in zip(read, self.after(question, read), strict=True)
        ]
        linked = LinkHopper(hops=self.hops, seeds=self.seeds).hop(queries, hits) if self.links else []
        return [replace(query, limit=self.reach) for query in (*linked, *spawned)]

    def rank(self, question: Query, hits: Sequence[Hit], *, k: int) -> list[Hit]:
        """The k best by `rag.hop.score`, ties by id; a score is 1 / place."""
        if not hits:
            return []
        weights = self.weights if self.links else self.weights * [name != "link" for name in NAMES]
        scored = scores(self.parts(question, hits), weights)
        order = sorted(range(len(hits)), key=lambda i: (-float(scored[i]), hits[i].chunk.id))
        return score_by_place([hits[i] for i in order], k=k)

    def parts(self, question: Query, hits: Sequence[Hit]) -> TreeParts:
        """What the ranking sums up, of at least one hit of a tree."""
        layers = [[hit for hit in hits if hit.hop == hop] for hop in range(self.hops)]
        read = [seed for layer in layers for seed in self._seeds(question, layer)]
        return parts(question.text, hits, [hit.chunk.id for hit in read], self.after(question, read))

    def _seeds(self, question: Query, hits: Sequence[Hit]) -> list[Hit]:
        """The best of one layer, by cosine with where to begin and, among direct hits, by place."""
        if not hits:
            return []
        close = vectors(hits) @ self.start(question) + places(hits)
        order = sorted(range(len(hits)), key=lambda i: (-float(close[i]), hits[i].chunk.id))
        return [hits[i] for i in order[: self.seeds]]
