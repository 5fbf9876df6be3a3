"""How much time and memory parsing a file may take: little for a small file, more for a large one, within bounds.

Time is the processor's, for on a busy machine a good file takes long by the clock; that is limited too, far above.

Hostile files are small: a bomb is a few kilobytes that claim to be much. A long honest PDF is large.
"""

from __future__ import annotations

_SMALL = 320 << 10  # bytes; up to here the options `timeout` and `memory` hold as they are
_MOST = 12  # times the timeout, for the largest files
WALL = 6  # seconds by the clock for each of processor time: for what waits, or shares a core with that many
_TO_END = 0.5  # seconds that are kept to start and to end a process
_WORTH = 8  # bytes of memory for every byte of a file beyond a megabyte
_OCR = 2048  # MB more where pages are read by OCR: its networks, and a page at a time


def seconds(timeout: float, size: int, scans: int = 0) -> float:
    """Processor time for a file of `size` bytes, of which so many pages are read by OCR: one timeout more for each."""
    return timeout * (min(max(1.0, size / _SMALL), _MOST) + (scans + 1 if scans else 0))


def allowed(limit: float) -> float:
    """Seconds of this limit that parsing itself may take."""
    return limit - min(_TO_END, limit / 20)


def memory(megabytes: int, size: int, scans: int = 0) -> int:
    """Memory (bytes) for a file of `size` bytes, of which so many pages are read by OCR."""
    return (megabytes + _OCR * bool(scans) << 20) + _WORTH * max(0, size - (1 << 20))
