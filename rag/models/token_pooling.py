"""Fewer token vectors of a text: those that lie near each other become one, for multi-vector search in less space.

Hierarchical clustering by Ward's criterion: again and again the two clusters a, b are joined for which
|a| |b| / (|a| + |b|) * |mean_a - mean_b|^2 is least, until as many are left as were asked for. Source: token pooling
for late interaction (arXiv 2409.14683).
"""

from math import ceil

import numpy as np
from numpy.typing import NDArray

from rag.models.pooling import normalize
from rag.types import Vectors

Floats = NDArray[np.float64]


def merge(vectors: Vectors, factor: int) -> Vectors:
    """The unit means (ceil(n / factor), width) of the clusters of unit vectors (n, width), by their first member."""
    means, sizes = vectors.astype(np.float64), np.ones(len(vectors))
    alive = np.ones(len(vectors), np.bool_)
    costs = np.stack([_costs(means, sizes, alive, i) for i in range(len(vectors))]) if len(vectors) else means
    for _ in range(len(vectors) - ceil(len(vectors) / factor)):
        kept, gone = sorted(divmod(int(costs.argmin()), len(vectors)))
        total = sizes[kept] + sizes[gone]
        means[kept] = (sizes[kept] * means[kept] + sizes[gone] * means[gone]) / total
        sizes[kept], alive[gone] = total, False
        costs[gone], costs[:, gone] = np.inf, np.inf
        costs[kept] = costs[:, kept] = _costs(means, sizes, alive, kept)
    return normalize(means[alive].astype(np.float32))


def _costs(means: Floats, sizes: Floats, alive: NDArray[np.bool_], i: int) -> Floats:
    """What joining cluster i with each other one costs, (n,); infinite for itself and those that are gone."""
    found = sizes * sizes[i] / (sizes + sizes[i]) * ((means - means[i]) ** 2).sum(axis=1)
    return np.where(alive & (np.arange(len(means)) != i), found, np.inf)
