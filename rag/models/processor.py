"""What this machine has: cores, products of whole numbers, and how much memory this process took of it."""

import os
import re
import sys
from functools import cache
from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")
_VNNI = re.compile(r"^flags\s*:.*\bavx(?:512)?_vnni\b", re.M)


@cache
def has_fast_int8() -> bool:
    """Whether it multiplies int8 numbers four at a time (VNNI); False where that is not known.

    Linux says so in a file. Elsewhere, and on ARM, int8 products were not measured, so float ones are used.
    """
    try:
        return bool(_VNNI.search(_CPUINFO.read_text(encoding="utf-8", errors="replace")))
    except OSError:
        return False


def count_cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def peak_memory() -> int:
    """The most memory this process had, in bytes; 0 where the system does not say."""
    try:
        import resource
    except ImportError:  # Windows
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
