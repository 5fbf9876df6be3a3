"""Dense search that knows the corpus: questions are asked in a metric where all directions of its vectors count alike.

Chunk vectors spread much along a few directions, those of their topics, and a chunk that does not name its topic loses
along them whatever else it says. Whitening (WhiteningBERT, arXiv 2104.01767) evens that out: with the mean m and the
covariance C of the chunks, a question q is asked as C^-w (q - m), w from 0 (nothing) to 1 (Mahalanobis). Only the
question changes: the dot product with C^-w q is that of both sides multiplied by C^-w/2. So vectors stay as they are
stored, and m and C are always those of the index at hand. C is shrunk towards a multiple of the identity, the more the
fewer chunks there are for its columns. It helps on some data and hurts on other (docs/guides/context.md).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rag.stages import Store
from rag.types import Vector

SAMPLE = 4096  # chunks that give mean and covariance


@dataclass(frozen=True, slots=True, eq=False)
class Whitening:
    """q -> matrix (q - mean)."""

    mean: Vector
    matrix: NDArray[np.float32]  # (dim, dim)

    def __call__(self, query: Vector) -> Vector:
        whitened: Vector = self.matrix @ (query - self.mean)
        return whitened


def sample(store: Store) -> list[str]:
    """At most SAMPLE chunk ids, spread over all of them in order: the same for the same index."""
    ids = sorted(store.ids())
    return ids[:: max(1, -(-len(ids) // SAMPLE))]


def fit(vectors: Sequence[Vector], power: float) -> Whitening | None:
    """From chunk vectors (n, dim); None for fewer than two, which spread along nothing."""
    if len(vectors) < 2:
        return None
    rows = np.asarray(vectors, np.float64)
    n, dim = rows.shape
    mean = rows.mean(axis=0)
    values, axes = np.linalg.eigh(np.cov(rows - mean, rowvar=False))
    if values.mean() <= 0:
        return None  # all chunks are the same
    shrunk = (n * values + dim * values.mean()) / (n + dim)
    matrix = (axes * (shrunk / values.mean()) ** -power) @ axes.T  # the scale of scores stays about the same
    return Whitening(mean.astype(np.float32), matrix.astype(np.float32))
