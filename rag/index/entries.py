"""What may stand in an index's folder: files and folders of the user who runs raghop, each under this one name, and
the socket of a server.

A link would lead what is read or written elsewhere, a pipe never ends, and what another user wrote may be made to
mislead. So everything is looked at before anything is opened. Before a write the folder is closed to other users: then
nobody else can exchange what was looked at. What this does not do: a folder around it in which others may rename.
"""

import os
import stat
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path

from rag.errors import TrustError
from rag.index.checksums import TEMPORARY
from rag.index.disk import sync
from rag.index.nearest import SOCKET

TRUST_ENV = "RAGHOP_TRUST"  # the variable that stands for --trust
_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
_WRITTEN = 2  # parts of the path below the folder, at most, of a file that is written in place


def open_private(path: str, flags: int) -> int:
    """An `opener` for `open`: follows no link, and a new file is only for its owner to read."""
    return os.open(path, flags | _NOFOLLOW, 0o600)


def prepare_folder(folder: Path, *, trust: bool) -> None:
    """Make the folder where there is none, close it to other users, and look at all that is in it, for a writer.

    Raises TrustError.
    """
    if new := [path for path in (folder, *folder.parents) if not path.exists()]:
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700, parents=True)
        for path in new:
            sync(path.parent)  # or a power cut takes the folder with all that was synced in it
    if hasattr(os, "geteuid"):
        with suppress(OSError):  # a link, or a file system without modes
            fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | _NOFOLLOW)
            try:
                if (status := os.fstat(fd)).st_uid == os.geteuid():
                    os.fchmod(fd, status.st_mode & 0o700)
            finally:
                os.close(fd)
    check_entries(folder, trust=trust, write=True)


def check_entries(folder: Path, *, trust: bool, write: bool = False, names: Collection[str] | None = None) -> None:
    """Look at everything in the folder, or at these `names` in it. Raises TrustError, naming what must not be there.

    `trust` allows another user's; for a `write`, no file that is changed in place may have a second name.
    """
    user = None if trust or not hasattr(os, "geteuid") else os.geteuid()
    for path, status in _entries(folder, names):
        if path == folder and not stat.S_ISDIR(status.st_mode):
            raise TrustError(f"{folder}: not a folder. If it is a link, give what it leads to with --index.")
        if path == folder / SOCKET and stat.S_ISSOCK(status.st_mode):
            continue  # who uses it looks at whose it is
        if not (stat.S_ISDIR(status.st_mode) or stat.S_ISREG(status.st_mode)):
            what = "a link" if stat.S_ISLNK(status.st_mode) else "no file"
            raise TrustError(f"{path}: {what}, and an index has files alone. Remove it; {folder} may be made to harm.")
        if user not in (None, status.st_uid):
            raise TrustError(
                f"{path}: belongs to {_name(status.st_uid)}, you are {_name(os.geteuid())}. What another user wrote is "
                f"used only where you say so: add --trust, or set {TRUST_ENV}=1. For an index of your own, give "
                "another folder with --index."
            )
        file, depth = stat.S_ISREG(status.st_mode), len(path.relative_to(folder).parts)
        if write and file and status.st_nlink > 1 and depth <= _WRITTEN:
            raise TrustError(
                f"{path}: has a second name somewhere (a hard link), whose content a write would change, too. Copy "
                f"{folder} and use the copy."
            )


def _entries(folder: Path, names: Collection[str] | None = None) -> Iterator[tuple[Path, os.stat_result]]:
    """The folder and everything in it, links not followed, each before what is in it; nothing where it is not."""
    with suppress(FileNotFoundError, NotADirectoryError):
        yield folder, (status := os.lstat(folder))
        if stat.S_ISDIR(status.st_mode):
            for name in sorted(os.listdir(folder) if names is None else names):
                if not name.startswith(TEMPORARY):
                    yield from _entries(folder / name)


def _name(user: int) -> str:
    """A user in words."""
    with suppress(ImportError, KeyError):
        import pwd

        return f"{pwd.getpwuid(user).pw_name} (user {user})"
    return f"user {user}"
