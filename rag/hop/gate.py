"""Hops by a gate on vectors, beside the hops along links: the tree and ranking of the hop encoder, in milliseconds.

TreeHop's network (`rag.hop.gate_network`) stands where the encoder reads: from the vectors of the question and of a
passage to that of what is missing. No text is read, so that a hop costs a few small matrix products. The weights of
network and ranking come from `rag train gate`. For published TreeHop checkpoints and more layers, use `treehop`.

Source of the network: TreeHop (arXiv 2504.20114).
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from rag.errors import ConfigError, ModelError
from rag.hop.gate_file import load_for
from rag.hop.gate_network import Gate
from rag.hop.score import dense_vectors
from rag.hop.tree import TreeHopper
from rag.stages import component
from rag.types import Hit, Query, Vector, Vectors

SHIPPED = Path(__file__).parent / "weights" / "minilm-gate.safetensors"


@component
class GateHopper(TreeHopper):
    """Computes the next queries from vectors alone, and follows links."""

    anchors: Annotated[int, Field(ge=1, description="Direct hits among which links start.")] = 3
    reach: Annotated[int, Field(ge=1, description="Passages that a query of a hop asks for; more bring noise.")] = 4
    hops: ClassVar[int] = 1  # the gate is trained on the question's own vector

    def hop(self, queries: Sequence[Query], hits: Sequence[Sequence[Hit]]) -> list[Query]:
        """A query for each of the best new passages, by the gate, and one for each anchor, by its links.

        All ask by meaning alone: among the few passages that a link leads to, words change nothing but the time.
        Raises ConfigError where queries or hits carry no vectors, MismatchError for another embedder's gate.
        """
        return [replace(query, sparse=None, limit=self.reach) for query in super().hop(queries, hits)]

    @property
    def ranking(self) -> Vector:
        """Learned with the gate."""
        return self._network[1]

    def start_vector(self, question: Query) -> Vector:
        """The question's own."""
        if question.dense is None:
            raise ConfigError("hop: gate needs dense vectors; retrieve by dense or hybrid, or use the hopper links.")
        return question.dense.astype(np.float32, copy=False)

    def next_vectors(self, question: Query, hits: Sequence[Hit]) -> Vectors:
        """What the gate makes of the question's vector and each hit's."""
        passages = dense_vectors(hits).astype(np.float32, copy=False)
        return self._network[0].next_queries(np.broadcast_to(self.start_vector(question), passages.shape), passages)

    @cached_property
    def _network(self) -> tuple[Gate, Vector]:
        """The gate and its ranking. Raises ModelError for a gate without one, such as a published one."""
        gate = load_for(self.embedder, Path(self.weights) if self.weights else SHIPPED)
        if gate.rank is None:
            raise ModelError(f"{self.weights}: this gate holds no ranking; use hop: treehop, or `rag train gate`.")
        return gate, gate.rank
