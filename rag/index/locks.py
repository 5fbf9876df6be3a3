"""Locks on files, which end with the process that holds them, however it ends.

The writer's lock: one process writes an index; another is refused, or waits until it is done. Who holds it writes its
process id into the file, for the message that others give. The file is empty when nobody does. Readers share the lock
of a generation, which filelock has none of; it is the same kind of lock (flock), so that each keeps the other out.
"""

import errno
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, TypeAlias

from rag.errors import LockedError
from rag.index.entries import open_private

GRACE = 1.0  # seconds before a writer counts as busy: one that was killed needs a moment to end
PAUSE = 0.05  # seconds between two looks
UNWRITABLE = frozenset([errno.EROFS, errno.EACCES, errno.EPERM])

Wait: TypeAlias = Callable[[int], object]  # called once, when waiting begins, with the holder's process id or 0
Check: TypeAlias = Callable[[], object]  # called while it waits; may raise to end that


@contextmanager
def hold_lock(path: Path, *, wait: Wait | None = None, check: Check | None = None) -> Iterator[None]:
    """Hold the lock of this file, by this process alone. With `wait`, for as long as it takes, else LockedError."""
    with open_lock(path) as lock:
        given_up = time.monotonic() + GRACE
        waiting = False
        while not try_lock(lock):
            if check:
                check()
            if not waiting and time.monotonic() > given_up:
                if wait is None:
                    raise LockedError(
                        f"{path.parent}: {process(holder(path))} is writing this index. Try again when it is done; "
                        "`rag ingest` and the other commands that write wait for it with --wait."
                    )
                wait(holder(path))
                waiting = True
            time.sleep(PAUSE)
        with suppress(OSError):  # a full disk: then it is not known who writes
            _write(lock.fileno(), str(os.getpid()))
        try:
            yield
        finally:
            with suppress(OSError):
                _write(lock.fileno(), "")


def open_lock(path: Path) -> IO[str]:
    """The file of a lock, made where it is not; one that may not be written can be locked, too. Raises OSError."""
    try:
        return open(path, "a", opener=open_private)
    except OSError as error:
        if error.errno not in UNWRITABLE:
            raise
        return open(path, opener=open_private)


def try_lock(file: IO[Any]) -> bool:
    """Lock an open file for this process alone until it is closed; False where another process holds it."""
    from filelock import lock_descriptor  # here: a question only reads

    return lock_descriptor(file.fileno(), blocking=False)


def is_held(path: Path) -> bool:
    """Whether a process holds the lock of a file now, for writing; nothing is written to find out."""
    try:
        import fcntl
    except ImportError:
        return bool(holder(path))
    with suppress(OSError), open(path, opener=open_private) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)  # for a moment: who wants it alone tries again
        except BlockingIOError:
            return True
    return False


def share_lock(file: IO[str]) -> None:
    """Hold an open file together with other readers until it is closed; waits for a process that has it alone."""
    with suppress(ImportError):  # on Windows no file can be deleted that is in use, and this is all the lock is for
        import fcntl

        fcntl.flock(file, fcntl.LOCK_SH)


def holder(path: Path) -> int:
    """The process that holds a lock, as it says itself; 0 where it does not."""
    with suppress(OSError, ValueError):
        return int(path.read_text(encoding="ascii"))
    return 0


def process(number: int) -> str:
    """A process in words."""
    return f"another process ({number})" if number else "another process"


def _write(fd: int, text: str) -> None:
    os.truncate(fd, 0)
    os.write(fd, text.encode())
