"""Which hits a reranker moves, and where they go.

A passage at the end of a hop does not look like the question, so hits of later hops keep their places, and only direct
hits among the first are reordered among theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from rag.stages import Store
from rag.types import Hit, Vectors

Floats = Sequence[float] | NDArray[np.float64]

CONSTANT = 2  # the reciprocal of rank r, from 0, is 1 / (r + CONSTANT)


def rerank_pairs(
    questions: Sequence[str],
    hits: Sequence[Sequence[Hit]],
    *,
    top: int,
    scores: Callable[[Sequence[tuple[str, str]]], Sequence[float]],
) -> list[list[Hit]]:
    """Each question's hits, the direct ones among the first `top` in the order of the scores of (question, passage).

    One call scores all pairs of all questions.
    """
    direct = [direct_ranks(found, top) for found in hits]
    pairs = [
        (question, found[rank].chunk.contextual)
        for question, found, ranks in zip(questions, hits, direct, strict=True)
        for rank in ranks
    ]
    flat = iter(scores(pairs) if pairs else ())
    return [reorder(found, ranks, [next(flat) for _ in ranks]) for found, ranks in zip(hits, direct, strict=True)]


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
    return reciprocals(np.arange(len(scores))) + weight * reciprocals(by_score)


def reciprocals(ranks: NDArray[np.int64]) -> NDArray[np.float64]:
    """What each rank, from 0, counts."""
    return 1.0 / (ranks + CONSTANT)
