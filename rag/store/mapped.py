"""The memory of mapped files, given back: the engine reads all of an index when it opens it, and needs little later.

What is needed again is mapped again, from the system's cache. Linux says what is mapped; elsewhere nothing happens.
"""

import mmap
import os
import sys
from contextlib import suppress
from pathlib import Path
from threading import Lock

UNMAPPING = Lock()  # held while files are unmapped: other memory may soon be where they were


def let_go_of_files(folder: str) -> None:
    """Give back the memory of the files below this folder that this process shares with the system."""
    if sys.platform != "linux":
        return
    import ctypes

    top = os.path.join(os.path.realpath(folder), "")
    with suppress(OSError, AttributeError), UNMAPPING:
        madvise = ctypes.CDLL(None).madvise
        for line in Path("/proc/self/maps").read_text(encoding="utf-8", errors="surrogateescape").splitlines():
            span, rights, *_, path = line.split(maxsplit=5) if line.count(" ") > 5 else (line, "", "")
            if rights.endswith("s") and path.startswith(top):
                start, end = (int(number, 16) for number in span.split("-"))
                madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), mmap.MADV_DONTNEED)
