"""A sample of an index's passages that stands for all of them: what `embed: {use: two_stage, sample: FILE}` reads.

Passages are grouped by their dense vectors, as many groups as the sample has places, and each group gives the passage
that is nearest to its centre: central ones, spread over everything. The same index gives the same sample. Of a large
index a part is grouped, evenly spread by id.

Source: spherical k-means (Dhillon and Modha 2001); CDE (arXiv 2410.02525, section 5) samples its corpus at random.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rag.errors import InputError
from rag.stages import Store
from rag.types import Vectors

MOST = 8192  # passages that are grouped
ROUNDS = 10


def choose_passages(store: Store, count: int) -> list[str]:
    """`count` passages with their contexts, fewer if there are no more, each on one line. Raises InputError."""
    ids = sorted(store.ids())
    part = ids[:: max(1, len(ids) // max(MOST, count))]
    hits = [hit for hit in store.fetch(part, vectors=True) if hit.vector is not None]
    if not hits:
        raise InputError("this index has no dense vectors to choose passages by; `embed` needs a dense model.")
    rows = choose_rows(np.array([hit.vector for hit in hits], np.float32), count)
    return [" ".join(hits[row].chunk.contextual.split()) for row in rows]


def choose_rows(vectors: Vectors, count: int) -> Sequence[int]:
    """The rows of (n, dim) nearest to the centres of `count` groups, in order; all rows where there are no more."""
    n = len(vectors)
    if n <= count:
        return range(n)
    rows = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.float32(1e-12))
    centres = rows[_spread(n, count)]
    for _ in range(ROUNDS):
        sums = np.zeros_like(centres)
        np.add.at(sums, (rows @ centres.T).argmax(axis=1), rows)
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        centres = np.where(lengths > 0, sums / np.maximum(lengths, np.float32(1e-12)), centres)
    chosen = dict.fromkeys((rows @ centres.T).argmax(axis=0).tolist())
    others = (row for row in _spread(n, n) if row not in chosen)  # where two centres share their nearest row
    return sorted([*chosen, *(row for row, _ in zip(others, range(count - len(chosen)), strict=False))])


def _spread(n: int, count: int) -> NDArray[np.int64]:
    return np.linspace(0, n - 1, count).astype(np.int64)
