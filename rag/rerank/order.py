"""Which hits a reranker moves, and where they go.

A passage at the end of a hop does not look like the question, so hits of later hops keep their places, and only direct
hits among the first are reordered among theirs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from rag.types import Hit

CONSTANT = 2  # place p, from 0, is worth 1 / (p + CONSTANT)


def direct(found: Sequence[Hit], top: int) -> list[int]:
    """The places, from 0, of the direct hits among the first `top`."""
    return [i for i, hit in enumerate(found[:top]) if hit.hop == 0]


def reordered(found: Sequence[Hit], own: Sequence[int], scores: Sequence[float]) -> list[Hit]:
    """All hits scored 1 / place, those at the places `own` exchanged so that higher scores stand first."""
    order = list(found)
    for place, i in zip(own, np.argsort(-np.array(scores, float), kind="stable"), strict=True):
        order[place] = found[own[i]]
    return [replace(hit, score=1 / place) for place, hit in enumerate(order, 1)]


def fused(scores: Sequence[float], weight: float) -> NDArray[np.float64]:
    """The worth of the given places plus `weight` times that of the places the scores would give."""
    given = worth(np.arange(len(scores)))
    return given + weight * worth(np.argsort(np.argsort(-np.array(scores, float), kind="stable")))


def worth(places: NDArray[np.int64]) -> NDArray[np.float64]:
    """What each place in an order is worth, from 0."""
    return 1.0 / (places + CONSTANT)
