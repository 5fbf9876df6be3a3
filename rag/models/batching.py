"""Which texts go through a model together: sorted by length, so that little of a batch is padding."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from rag.models.pooling import Hidden, Mask

Batch = list[int]
Forward = Callable[[NDArray[np.int64], Mask], Hidden]  # ids (b, t), mask (b, t) -> (b, t, hidden)
Output = tuple[Batch, Hidden, Mask]  # the rows of a batch, their token vectors, the mask of padding


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


def run_batches(
    forward: Forward, rows: Sequence[Sequence[int]], *, budget: int, pad_id: int, workers: int, before: int = 0
) -> Iterator[Output]:
    """The token vectors of rows of ids, in batches of similar lengths, `workers` at a time.

    `before` counts the vectors that `forward` puts before every row.
    """

    def run(batch: Batch) -> Output:
        ids, mask = pad([rows[i] for i in batch], pad_id)
        return batch, forward(ids, mask), mask

    work = make_batches([before + len(row) for row in rows], budget)
    if workers == 1 or len(work) == 1:
        yield from map(run, work)
    else:
        with ThreadPoolExecutor(workers) as threads:
            yield from threads.map(run, work)


def pad(rows: Sequence[Sequence[int]], pad_id: int) -> tuple[NDArray[np.int64], Mask]:
    """Token ids (b, t), filled up on the right, and their mask."""
    lengths = np.array([len(row) for row in rows])
    mask = np.arange(lengths.max()) < lengths[:, None]
    ids = np.full(mask.shape, pad_id, dtype=np.int64)
    ids[mask] = np.concatenate([np.asarray(row, dtype=np.int64) for row in rows])
    return ids, mask
