"""How much time and memory parsing a file may take: little for a small file, more for a large one, within bounds.

Hostile files are small: a bomb is a few kilobytes that claim to be much. A long honest PDF is large.
"""

from __future__ import annotations

_SMALL = 320 << 10  # bytes; up to here the options `timeout` and `memory` hold as they are
_MOST = 12  # times the timeout, for the largest files
_WORTH = 8  # bytes of memory for every byte of a file beyond a megabyte


def seconds(timeout: float, size: int) -> float:
    """Time for a file of `size` bytes."""
    return timeout * min(max(1.0, size / _SMALL), _MOST)


def memory(megabytes: int, size: int) -> int:
    """Memory (bytes) for a file of `size` bytes."""
    return (megabytes << 20) + _WORTH * max(0, size - (1 << 20))
