"""What this machine has: cores, products of whole numbers, and how much memory this process took of it."""

import gc
import os
import re
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rag.types import Precision  # which imports numpy

_M_TRIM_THRESHOLD, _M_ARENA_MAX = -1, -8  # of malloc.h
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


def takes_int8(precision: "Precision") -> bool:
    """Whether products of this precision are those of whole numbers, on this machine."""
    return has_fast_int8() if precision == "auto" else precision == "int8"


def count_cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def spare_memory() -> None:
    """Let threads share two heaps, and give back what is freed (glibc): of a server with 16 threads some 90 MB."""
    if sys.platform == "linux":
        import ctypes

        with suppress(OSError, AttributeError):
            libc = ctypes.CDLL(None)
            libc.mallopt(_M_ARENA_MAX, 2)
            libc.mallopt(_M_TRIM_THRESHOLD, 100_000)  # bytes


def trim_memory() -> None:
    """Give back what was needed to load models and is free now (glibc)."""
    gc.collect()
    if sys.platform == "linux":
        import ctypes

        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).malloc_trim(0)


def peak_memory() -> int:
    """The most memory this process had, in bytes; 0 where the system does not say."""
    try:
        import resource
    except ImportError:  # Windows
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
