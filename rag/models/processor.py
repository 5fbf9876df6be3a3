"""What the processor has: cores, and products of whole numbers."""

import os
import re
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
