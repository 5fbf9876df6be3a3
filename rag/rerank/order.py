"""Which hits a reranker moves, and where they go.

A passage at the end of a hop does not look like the question, so hits of later hops keep their places, and only direct
hits among the first are reordered among theirs.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from rag.stages import Store
from rag.types import Hit, Vectors

Floats = Sequence[float] | NDArray[np.float64]

CONSTANT = 2  # the reciprocal of rank r, from 0, is 1 / (r + CONSTANT)


def direct_ranks(hits: Sequence[Hit], top: int) -> list[int]:
    """The ranks, from 0, of the direct hits among the first `top`."""
    return [rank for rank, hit in enumerate(hits[:top]) if hit.hop == 0]


def reorder(hits: Sequence[Hit], ranks: Sequence[int], scores: Floats) -> list[Hit]:
    """All hits scored 1 / place, those at `ranks` exchanged so that higher scores stand first."""
    order = list(hits)
    for rank, i in zip(ranks, np.argsort(-np.array(scores, float), kind="stable"), strict=True):
        order[rank] = hits[ranks[i]]
    return score_by_place(order)


def score_by_place(hits: Sequence[Hit]) -> list[Hit]:
    """The hits in their order, scored 1 / place."""
    return [replace(hit, score=1 / place) for place, hit in enumerate(hits, 1)]


def stored_vectors(store: Store, hits: Sequence[Hit], *, dim: int = 0) -> Vectors:
    """The dense vectors of hits in the store, (n, dim); zeros for a chunk without one. `dim` is for where none has."""
    stored = store.fetch([hit.chunk.id for hit in hits], vectors=True) if hits else []
    vectors = {hit.chunk.id: hit.vector for hit in stored if hit.vector is not None}
    zeros = np.zeros(len(next(iter(vectors.values()), range(dim))), np.float32)
    return np.array([vectors.get(hit.chunk.id, zeros) for hit in hits], np.float32).reshape(len(hits), len(zeros))


def fuse(scores: Floats, weight: float) -> NDArray[np.float64]:
    """The reciprocals of the given ranks plus `weight` times those of the ranks by score."""
    by_score = np.argsort(np.argsort(-np.array(scores, float), kind="stable"))
    return 1.0 / (np.arange(len(scores)) + CONSTANT) + weight * (1.0 / (by_score + CONSTANT))
