"""Hops by a gate on vectors, beside the hops along links: the tree and ranking of the hop encoder, in milliseconds.

TreeHop's network (`rag.hop.gate_network`) stands where the encoder reads: from the vectors of the question and of a
passage to that of what is missing. No text is read, so that a hop costs a few small matrix products. The weights of
network and ranking come from `rag train gate`. For published TreeHop checkpoints and more layers, use `treehop`.

Source of the network: TreeHop (arXiv 2504.20114).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from rag.errors import ConfigError, ModelError
from rag.hop.gate_network import Gate, load_for
from rag.hop.score import dense_vectors
from rag.hop.tree import HopTree
from rag.stages import Embedder, component
from rag.types import Hit, Query, Vector, Vectors

SHIPPED = Path(__file__).parent / "weights" / "minilm-gate.safetensors"
CACHED = 4  # questions


@component
class GateHopper:
    """Computes the next queries from vectors alone, and follows links."""

    embedder: Embedder
    weights: Annotated[str, Field(description='A file of `rag train gate`; "" means the shipped one.')] = ""
    seeds: Annotated[int, Field(ge=1, description="How many passages a hop starts at.")] = 3
    reach: Annotated[int, Field(ge=1, description="Passages that a query of a hop asks for; more bring noise.")] = 4
    links: Annotated[bool, Field(description="Follow links besides.")] = True

    @property
    def hops(self) -> int:
        """One: the gate is trained on the question's own vector."""
        return 1

    def hop(self, queries: Sequence[Query], hits: Sequence[Sequence[Hit]]) -> list[Query]:
        """A query for each of the best new passages, by the gate, and one for each anchor, by its links.

        All ask by meaning alone: among the few passages that a link leads to, words change nothing but the time.
        Raises ConfigError where queries or hits carry no vectors, MismatchError for another embedder's gate.
        """
        return [replace(query, sparse=None) for query in self.tree.hop(queries, hits)]

    def rank(self, question: Query, hits: Sequence[Hit], *, k: int) -> list[Hit]:
        """The k best by `rag.hop.score`, ties by id; a score is 1 / place."""
        return self.tree.rank(question, hits, k=k)

    @cached_property
    def tree(self) -> HopTree:
        """The tree that this gate grows. Raises ModelError for a gate without a ranking, such as a published one."""
        if self._gate.rank is None:
            raise ModelError(f"{self.weights}: this gate holds no ranking; use hop: treehop, or `rag train gate`.")
        return HopTree(
            _question_vector, self._next_vectors, self._gate.rank, self.hops, self.seeds, self.links, self.reach
        )

    def _next_vectors(self, question: Query, hits: Sequence[Hit]) -> Vectors:
        return self._run(_question_vector(question).tobytes(), dense_vectors(hits).astype(np.float32).tobytes())

    @cached_property
    def _run(self) -> Callable[[bytes, bytes], Vectors]:
        """The gate on one question's vector and some passages', cached for the ranking after the hop."""

        def run(question: bytes, passages: bytes) -> Vectors:
            q = np.frombuffer(question, np.float32)
            c = np.frombuffer(passages, np.float32).reshape(-1, len(q))
            return self._gate.next_queries(np.broadcast_to(q, c.shape), c)

        return lru_cache(CACHED)(run)

    @cached_property
    def _gate(self) -> Gate:
        return load_for(self.embedder, Path(self.weights) if self.weights else SHIPPED)


def _question_vector(question: Query) -> Vector:
    if question.dense is None:
        raise ConfigError("hop: gate needs dense vectors; retrieve by dense or hybrid, or use the hopper links.")
    return question.dense.astype(np.float32, copy=False)
