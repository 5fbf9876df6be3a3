"""What an answer costs in time."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` (0 to 1) of the values do not exceed: a latency that really occurred.

    The nearest-rank percentile. Raises ValueError when there are no values.
    """
    if not values:
        raise ValueError("a percentile needs at least one value")
    return sorted(values)[max(0, ceil(share * len(values)) - 1)]
