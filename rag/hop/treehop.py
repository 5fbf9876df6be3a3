"""TreeHop: each chunk found turns the query that found it into the next query, by a small gate network.

A layer of the tree is what one hop found; every query takes the `branches` best it finds. Two rules keep it small: a
chunk already in the tree spawns nothing (redundancy pruning), and of a layer the `branches` best go on (layer-wise
top-k pruning). The vector before it is made unit length is carried to the next hop, unit ones search. The tree is the
result, layer by layer; no other direct hit follows. Next queries have a dense vector only.

All of it as the reference computes it, which orders a layer by the indices that sort it where one would expect the
places they lead to: the two are the same for one query's hits, and not for several queries'. With three queries or more
the best of a layer are not always those that go on.

Source: TreeHop (arXiv 2504.20114), section 3 and algorithm 1; passage_retrieval.py and tree_hop/graph.py of its
repository. Weights are trained for one embedder and fit no other.
"""

from collections.abc import Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from rag.errors import ConfigError
from rag.hop.gate_file import load_for
from rag.hop.gate_network import Gate, unit
from rag.hop.rank import score_by_place
from rag.stages import Embedder, component
from rag.types import Hit, Query, Vector

KNOWN = -5  # what the score and the place of a chunk that is in the tree count as


@component
class TreeHop:
    """Hops by a published TreeHop checkpoint, or by a gate of `rag train gate`."""

    embedder: Embedder
    weights: Annotated[str, Field(description="A safetensors file, or a folder with `model.safetensors`.")]
    hops: Annotated[int, Field(ge=1, description="How many hops follow the first retrieval.")] = 1
    branches: Annotated[int, Field(ge=1, description="Hits a query takes, and hits of a layer that go on.")] = 5
    dense_only: ClassVar[bool] = True

    @cached_property
    def gate(self) -> Gate:
        """The network, read on first use. Raises ModelError, MismatchError."""
        return load_for(self.embedder, Path(self.weights))

    def prune(self, queries: Sequence[Query], hits: Sequence[Sequence[Hit]], tree: Sequence[Hit]) -> list[list[Hit]]:
        """Of each query's `branches` best hits, those that go on. Raises ConfigError where there are no vectors."""
        layer = [
            (i, hit, float(np.dot(*_vectors(query, hit))) if query.hop else hit.score)
            for i, (query, found) in enumerate(zip(queries, hits, strict=True))
            for hit in found[: self.branches]
        ]
        if not layer:
            return [[] for _ in queries]
        seen = {hit.chunk.id for hit in tree}
        known = np.array([hit.chunk.id in seen for _, hit, _ in layer])
        scores = np.where(known, KNOWN, np.array([score for _, _, score in layer]))
        places = np.where(known, KNOWN, np.argsort(scores, kind="stable"))
        least = max(int(places.max()) - self.branches + 1, 0)
        kept: list[list[Hit]] = [[] for _ in queries]
        for (i, hit, _), place in zip(layer, places, strict=True):
            if place >= least:
                kept[i].append(hit)
        return kept

    def hop(self, queries: Sequence[Query], hits: Sequence[Sequence[Hit]]) -> list[Query]:
        """The next query of each hit, in their order.

        Raises ConfigError where there are no dense vectors, MismatchError for another embedder's gate.
        """
        layer = [
            (query, hit, *_vectors(query, hit))
            for query, found in zip(queries, hits, strict=True)
            if query.hop < self.hops
            for hit in islice(found, self.branches)
        ]
        if not layer:
            return []
        starts = np.stack([q if query.carried is None else query.carried for query, _, q, _ in layer])
        carried = self.gate.step(starts, np.stack([c for *_, c in layer]))
        return [
            Query(
                text=query.text,
                dense=searched,
                limit=self.branches,
                hop=query.hop + 1,
                trail=(*query.trail, hit.chunk.id),
                carried=raw,
            )
            for (query, hit, *_), searched, raw in zip(layer, unit(carried), carried, strict=True)
        ]

    def rank(self, question: Query, hits: Sequence[Hit], *, k: int) -> list[Hit]:
        """The tree, layer by layer, each in the order in which it was found."""
        return score_by_place(sorted(hits, key=lambda hit: hit.hop), k=k)


def _vectors(query: Query, hit: Hit) -> tuple[Vector, Vector]:
    if query.dense is None or hit.vector is None:
        raise ConfigError("hop: treehop needs dense vectors; retrieve by dense or hybrid, or use the hopper links.")
    return query.dense, hit.vector
