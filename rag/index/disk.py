"""The disk: whole and durable writes, and free space, which is checked before it is needed.

The vector engine maps its files into memory and allocates far ahead; on a full disk it is killed by a signal rather
instead of raising an error. So there must always be more room than a batch can take.
"""

import errno
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from rag.errors import SpaceError

SPARE_BYTES = 64 << 20
_FULL = frozenset([errno.ENOSPC, errno.EDQUOT])
_SQLITE_IO = 10  # what SQLite says, instead of SQLITE_FULL, when its shared memory or journal cannot grow


def replace_file(path: Path, content: bytes) -> None:
    """Give a file this content, whole or not at all, durably."""
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)  # a killed run's
    try:
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        new.unlink(missing_ok=True)
        raise
    os.rename(new, path)
    sync(path.parent)


def sync(path: Path) -> None:
    """Make a file's content, or a folder's names, durable."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def remove_folder(path: Path) -> None:
    """Remove a folder with all that is in it, as far as that can be done. Links are removed, never followed.

    `shutil.rmtree`, where a signal ends it right after it closed a folder, closes that again, and by then it may be the
    file of another thread.
    """
    if path.is_symlink():
        return
    for top, folders, files in os.walk(path, topdown=False):
        for name in (*files, *folders):  # folders that are links; the others are gone
            with suppress(OSError):
                os.unlink(os.path.join(top, name))
        with suppress(OSError):
            os.rmdir(top)


def need_space(folder: Path, needed: int) -> None:
    """Raises SpaceError unless `needed` bytes and a reserve are free."""
    free = shutil.disk_usage(folder).free
    if free < needed + SPARE_BYTES:
        raise _error(folder, needed, free)


@contextmanager
def explain_full_disk(folder: Path, needed: int = 0) -> Iterator[None]:
    """Turns an error that comes of a full disk into a SpaceError that says how much room is needed, with a reserve."""
    try:
        yield
    except (OSError, sqlite3.DatabaseError) as error:
        raise_if_full(error, folder, needed)
        raise


def raise_if_full(error: OSError | sqlite3.DatabaseError, folder: Path, needed: int = 0) -> None:
    """Raises SpaceError from an error that came of a full disk."""
    free = shutil.disk_usage(folder).free if folder.is_dir() else 0
    code = getattr(error, "sqlite_errorcode", 0)
    short = code == sqlite3.SQLITE_FULL or (code & 0xFF == _SQLITE_IO and free < SPARE_BYTES)
    if short or (isinstance(error, OSError) and error.errno in _FULL):
        raise _error(folder, needed, free) from error


def _error(folder: Path, needed: int, free: int) -> SpaceError:
    return SpaceError(
        f"{folder}: not enough free disk space: {(needed + SPARE_BYTES) / 1e6:,.0f} MB needed, {free / 1e6:,.0f} MB "
        "free. The index answers as before. Make room, then run the same command again."
    )
