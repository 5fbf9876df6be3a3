"""Whether what another index holds is unlike what this one holds: a rank test by depth.

The depth of a passage is 2 minus its mean cosine distance to this index's passages, itself left out: how central it
is. Where the other index's passages are less central than this one's own, they are of another kind. Q, the share of all
passages that are less central than one of the other index, is near 0.5 where both are of one kind; `chance` is that of
such ranks (Wilcoxon's rank sum, normal approximation, one-sided). Both indexes need the same embedder.

Source: Statistical Depth for Transformer-Based Text Embeddings (TTE depth, arXiv 2310.15010), `src/tte_depth/_depth.py`
of pkseeg/tte_depth, to which it is equal. A mean of cosines is a cosine with the mean, so that it takes linear time.
"""

from contextlib import closing
from dataclasses import dataclass
from math import erfc, sqrt

import numpy as np
from numpy.typing import NDArray

from rag.errors import InputError
from rag.index.folder import Index
from rag.types import Vectors

LEAST = 10  # passages of an index: fewer say nothing
SHOWN = 10


@dataclass(frozen=True, slots=True)
class Unlike:
    """Q, the chance of such ranks among passages of one kind, and the other's sources from the least central one on."""

    share: float
    chance: float
    passages: tuple[int, int]
    farthest: tuple[tuple[str, float], ...]


def compare_indexes(own: Index, other: Index) -> Unlike:
    """The other index beside this one. Raises InputError for another embedder, or too few passages."""
    (first, _, mine), (second, sources, theirs) = _read(own), _read(other)
    if mine != theirs:
        raise InputError(
            f"{other.path}: was made by another embedder than {own.path}; vectors of two embedders cannot be compared. "
            "Ingest both with one pipeline."
        )
    depths = depths_beside(first, second)
    share, chance = rank_test(*depths)
    means: dict[str, list[float]] = {}
    for source, depth in zip(sources, depths[1].tolist(), strict=True):
        means.setdefault(source, []).append(depth)
    farthest = sorted(((source, float(np.mean(found))) for source, found in means.items()), key=lambda one: one[::-1])
    return Unlike(share, chance, (len(first), len(second)), tuple(farthest[:SHOWN]))


def depths_beside(own: Vectors, other: Vectors) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The depth of each row of unit vectors (m, d) among the others, and of each of (n, d) among those."""
    total, m = own.sum(axis=0, dtype=np.float64), len(own)
    among = (own @ total - np.einsum("nd,nd->n", own, own)) / (m - 1)
    return 1 + among, 1 + other @ total / m


def rank_test(own: NDArray[np.float64], other: NDArray[np.float64]) -> tuple[float, float]:
    """Q, and the one-sided chance that the other's depths (n) are no less than one's own (m)."""
    both = np.concatenate([own, other])
    ordered = np.sort(both)
    less = np.searchsorted(ordered, both, side="left")
    ranks = (less + 1 + np.searchsorted(ordered, both, side="right")) / 2  # of equal ones the mean
    m, n = len(own), len(other)
    z = (ranks[:m].sum() - m * (m + n + 1) / 2) / sqrt(m * n * (m + n + 1) / 12)
    return float(less[m:].mean() / (m + n)), 0.5 * erfc(z / sqrt(2))


def _read(index: Index) -> tuple[Vectors, list[str], str]:
    """Unit vectors, the source of each, and the embedder's fingerprint."""
    with closing(index.read_manifest()) as manifest:
        chunks, embeddings = manifest.chunks(manifest.chunk_ids())
        embedder = manifest.facts().get("fingerprint.embed", "")
    if embeddings.dense is None or len(chunks) < LEAST:
        raise InputError(f"{index.path}: fewer than {LEAST} passages with dense vectors are too few to compare.")
    dense = np.asarray(embeddings.dense, np.float32)
    return dense / np.linalg.norm(dense, axis=1, keepdims=True), [chunk.source for chunk in chunks], embedder
