"""What tells that files changed: the system, for folders on disks of this machine; for everything else, time.

A network's file system tells of no change that another machine makes, a watched file that is replaced of none at all.
Where the system has no room for more watches, time does it, too.
"""

import os
import threading
import time
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import Self

from rag.errors import extra
from rag.ingest.sources import is_inside
from rag.interrupt import Stop

POLL = 2.0  # seconds from one look to the next where nothing tells of changes
CHECK = 60.0  # seconds elsewhere: a system that has very many changes to tell of forgets some
_STEP = 200  # milliseconds in which notices are taken together, and from one look for signals to the next
_NETWORK = frozenset(["9p", "afs", "ceph", "cifs", "lustre", "ncpfs", "smb3", "smbfs", "vboxsf", "virtiofs"])
_NETWORKS = ("fuse", "nfs")  # how the names of others begin


class Notices:
    """Notices of changes under the roots, from the moment it is made. Raises MissingExtra."""

    def __init__(self, roots: Sequence[str], stop: Stop, ended: threading.Event) -> None:
        with extra("serve", "Watching files"):
            from watchfiles._rust_notify import RustNotify, WatchfilesRustInternalError

        self._roots, self._stop, self._ended = [os.path.realpath(root) for root in roots], stop, ended
        self._poll = POLL if all(map(os.path.exists, self._roots)) else CHECK
        self._notify: RustNotify | None = None
        if all(os.path.isdir(root) and not is_remote(root) for root in self._roots):
            try:
                self._notify = RustNotify(self._roots, False, False, 0, True, True)
            except (OSError, WatchfilesRustInternalError):
                pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._notify:
            self._notify.close()

    def wait(self, pause: float) -> None:
        """Return when something changed, but not before `pause` seconds; when it is time; at once when it `ended`."""
        with self._stop.anywhere():
            self._ended.wait(max(pause, 0.0 if self._notify else self._poll))
            end = time.monotonic() + CHECK
            while self._notify and not self._ended.is_set() and (left := end - time.monotonic()) > 0:
                told = self._notify.watch(_STEP, _STEP, max(1, int(left * 1000)), self._ended)
                self._stop.check()
                if told == "signal":
                    raise KeyboardInterrupt
                if isinstance(told, set) and any(self._counts(path) for _, path in told):
                    return

    def _counts(self, path: str) -> bool:
        """Whether a change may be one of what is read: nothing hidden is, which `.rag` is."""
        for root in self._roots:
            if is_inside(path, root):
                *folders, name = PurePath(path).relative_to(root).parts or (".",)
                hidden = [part for part in folders if part.startswith(".")]
                if not hidden and (not name.startswith(".") or name in (".", ".gitignore")):
                    return True
        return False


def is_remote(path: str, mounts: Path = Path("/proc/self/mountinfo")) -> bool:
    """Whether a folder is on a file system that other machines may write to; unknown where the system has no list."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return False
    longest, kind = "", ""
    for line in lines:
        before, _, after = line.partition(" - ")
        place = before.split(" ")[4].encode("utf-8", "surrogateescape").decode("unicode_escape")
        if len(place) >= len(longest) and is_inside(path, place):
            longest, kind = place, after.split(" ")[0]
    return kind in _NETWORK or kind.startswith(_NETWORKS)
