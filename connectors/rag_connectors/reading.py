"""Reads a file that nobody vouches for: no symbolic link, no pipe or device, no more bytes than allowed."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress

from rag_connectors.parsed import RefusalError

_KINDS = (
    (stat.S_ISDIR, "a folder, not a file"),
    (stat.S_ISFIFO, "a pipe, not a file"),
    (lambda mode: stat.S_ISCHR(mode) or stat.S_ISBLK(mode), "a device, not a file"),
)
_UNOPENED = {  # what errors mean, unless a broken disk gives them
    errno.ELOOP: (stat.S_ISLNK, "a link, which is not followed; name what it leads to"),  # O_NOFOLLOW
    errno.ENXIO: (stat.S_ISSOCK, "a socket, not a file"),
}
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY  # O_NONBLOCK: a pipe must not hang us


def read(path: str, *, limit: int, inode: int = 0, head: int = 0) -> bytes:
    """The bytes of a regular file, all of them or the first `head`.

    With `inode`, the file must still be the one that was scanned: a folder swapped for a link leads elsewhere.
    Raises RefusalError with the reason.
    """
    try:
        fd = os.open(path, _FLAGS)
    except OSError as error:
        if error.errno in _UNOPENED:
            is_such, words = _UNOPENED[error.errno]
            with suppress(OSError):
                if is_such(os.lstat(path).st_mode):
                    raise RefusalError(words, "skipped") from error
        raise RefusalError(_words(error)) from error
    try:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode):
            words = next((words for test, words in _KINDS if test(found.st_mode)), "not a regular file")
            raise RefusalError(words, "failed" if stat.S_ISDIR(found.st_mode) else "skipped")
        if inode and (found.st_ino != inode or _path_of(fd) not in ("", path)):
            raise RefusalError("the file was replaced while it was being ingested; run the ingest again")
        if found.st_size > limit:
            raise RefusalError(f"too large: {_megabytes(found.st_size)}, the limit is {_megabytes(limit)}", "skipped")
        data = os.read(fd, head or found.st_size + 1)  # one byte more than there should be: it may grow as we read
        while data and not head and len(data) <= limit and (more := os.read(fd, limit + 1 - len(data))):
            data += more
    except OSError as error:
        raise RefusalError(_words(error)) from error
    finally:
        os.close(fd)
    if len(data) > limit:
        raise RefusalError(f"too large: it grew beyond {_megabytes(limit)} while it was read", "skipped")
    return data


def _path_of(fd: int) -> str:
    """Where an open file is, all links followed; "" where the system does not say."""
    try:
        return os.readlink(f"/proc/self/fd/{fd}")
    except OSError:
        return ""


def _megabytes(size: int) -> str:
    return f"{size / (1 << 20):.1f} MB"


def _words(error: OSError) -> str:
    return f"cannot be read: {os.strerror(error.errno) if error.errno else error}"
