"""Which texts go through a model together: sorted by length, so that little of a batch is padding."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rag.models.pooling import Mask

Batch = list[int]


def make_batches(lengths: Sequence[int], budget: int) -> list[Batch]:
    """Every index once, longest first, in batches of at most `budget` tokens with padding (or one text)."""
    result: list[Batch] = []
    room = 0
    for i in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        if room == 0:
            result.append([])
            room = max(1, budget // max(1, lengths[i]))  # rows as long as this one, the batch's longest
        result[-1].append(i)
        room -= 1
    return result


def pad(rows: Sequence[Sequence[int]], pad_id: int) -> tuple[NDArray[np.int64], Mask]:
    """Token ids (b, t), filled up on the right, and their mask."""
    lengths = np.array([len(row) for row in rows])
    mask = np.arange(lengths.max()) < lengths[:, None]
    ids = np.full(mask.shape, pad_id, dtype=np.int64)
    ids[mask] = np.concatenate([np.asarray(row, dtype=np.int64) for row in rows])
    return ids, mask
