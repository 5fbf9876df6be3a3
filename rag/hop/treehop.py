"""TreeHop: each chunk found turns the query that found it into the next query, by a small gate network.

A layer of the tree is what one hop found. Two rules keep it small: a chunk already in the tree spawns nothing
(redundancy pruning; the answer graph hands over only what is new), and only the `branches` best of a layer go on and
count before the other direct hits (layer-wise top-k pruning). Next queries have a dense vector only.

Two differences from the reference: its pruning counts known chunks among a layer's best before it drops them, here
the best new ones go on; and its ranking ends with the layers, here the other direct hits follow.

Source: TreeHop (arXiv 2504.20114). Weights are trained for one embedder and fit no other.
"""

from collections.abc import Sequence
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from rag.errors import ConfigError
from rag.hop.gate_network import Gate, load_for
from rag.hop.rank import score_by_place
from rag.stages import Embedder, component
from rag.types import Hit, Query, Vector


@component
class TreeHop:
    """Hops by a published TreeHop checkpoint, or by a gate of `rag train gate`."""

    embedder: Embedder
    weights: Annotated[str, Field(description="A safetensors file, or a folder with `model.safetensors`.")]
    hops: Annotated[int, Field(ge=1, description="How many hops follow the first retrieval.")] = 1
    branches: Annotated[int, Field(ge=1, description="How many hits of a layer go on to the next hop.")] = 5
    dense_only: ClassVar[bool] = True

    @cached_property
    def gate(self) -> Gate:
        """The network, read on first use. Raises ModelError, MismatchError."""
        return load_for(self.embedder, Path(self.weights))

    def hop(self, queries: Sequence[Query], hits: Sequence[Sequence[Hit]]) -> list[Query]:
        """The next query of each of the layer's `branches` best hits, by score, ties by cosine with what found them.

        Raises ConfigError where there are no dense vectors, MismatchError for another embedder's gate.
        """
        layer = [
            (query, hit, *_vectors(query, hit))
            for query, found in zip(queries, hits, strict=True)
            if query.hop < self.hops
            for hit in found
        ]
        best = sorted(layer, key=lambda branch: (-branch[1].score, -float(branch[2] @ branch[3])))[: self.branches]
        if not best:
            return []
        _, _, q, c = zip(*best, strict=True)
        return [
            Query(text=query.text, dense=vector, hop=query.hop + 1, trail=(*query.trail, hit.chunk.id))
            for (query, hit, *_), vector in zip(best, self.gate.next_queries(np.stack(q), np.stack(c)), strict=True)
        ]

    def rank(self, question: Query, hits: Sequence[Hit], *, k: int) -> list[Hit]:
        """The `branches` best of each layer, layer by layer, then the others likewise."""
        ordered = sorted(hits, key=lambda hit: (hit.hop, -hit.score))
        layers = [list(layer) for _, layer in groupby(ordered, key=lambda hit: hit.hop)]
        branches = [hit for layer in layers for hit in layer[: self.branches]]
        return score_by_place([*branches, *ordered], k=k)


def _vectors(query: Query, hit: Hit) -> tuple[Vector, Vector]:
    if query.dense is None or hit.vector is None:
        raise ConfigError("hop: treehop needs dense vectors; retrieve by dense or hybrid, or use the hopper links.")
    return query.dense, hit.vector
