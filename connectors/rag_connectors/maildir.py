"""The `maildir` connector: folders with a file for each mail, as mail servers and programs keep them.

A mail keeps its name in the index when it is read, answered or moved from `new` to `cur`. Mails marked for deletion are
left out. A mailbox that is one file (mbox) is for the `files` connector.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from rag.errors import InputError
from rag.stages import component
from rag.text.names import to_name
from rag.types import Source
from rag_connectors.elsewhere import Direct
from rag_connectors.parsed import RefusalError
from rag_connectors.reading import read
from rag_connectors.sidecar import SUFFIX, Sidecars
from rag_connectors.staging import Fetched, FetchError

_PLACES = ("cur", "new")
_FLAGS = (":2,", ";2,", "!2,", "_2,")  # before the flags in a file's name; systems without ":" write others


@component
class Maildir(Direct):
    """Mails of a maildir, its subfolders, or a folder of maildirs. Patterns see the folders.

    Example: `connector: {use: maildir, exclude: [.Trash]}`
    and `rag ingest ~/Mail --pipeline mine.yaml`.
    """

    def _look(self, root: str, base: str) -> Iterator[Source]:
        """Every mail under the root. Raises InputError for a root without a maildir in it."""
        top, sidecars, lost = os.path.realpath(root), Sidecars(), list[OSError]()
        boxes = [folder for folder, below, _ in os.walk(top, onerror=lost.append) if set(_PLACES) & set(below)]
        if not boxes:
            why = f" ({lost[0].strerror})" if lost else ""
            raise InputError(f"{root}: no maildir: no folder in it has `cur` or `new`{why}. Name one that has.")
        for place in (os.path.join(box, place) for box in boxes for place in _PLACES):
            try:
                if self._takes(os.path.relpath(place, top)) and os.path.isdir(place):
                    yield from _mails(place, base, sidecars)
            except OSError as error:
                lost.append(error)
        for problem in lost:
            folder = str(problem.filename)
            folder = os.path.dirname(folder) if os.path.basename(folder) in _PLACES else folder
            name = to_name(folder.removeprefix(os.path.join(base, "")))
            reason = f"a folder that cannot be listed: {problem.strerror}; what was indexed of it is kept"
            yield Source(name, folder, (0, 0, 0, 0), reason)

    def _fetch(self, source: Source) -> Fetched:
        try:
            data = read(source.path, limit=self.max_mb << 20, inode=source.stamp[3])
        except RefusalError as refusal:
            raise FetchError(refusal.reason) from refusal
        return Fetched(data, f"{source.name}.eml")


def _mails(folder: str, base: str, sidecars: Sidecars) -> Iterator[Source]:
    """The mails of a folder of files, by names without flags and without that folder."""
    for entry in os.scandir(folder):
        if entry.name.startswith(".") or entry.name.endswith(SUFFIX) or not entry.is_file(follow_symlinks=False):
            continue
        mark = next((mark for mark in _FLAGS if mark in entry.name), "")
        own, _, flags = entry.name.partition(mark) if mark else (entry.name, "", "")
        if "T" in flags:
            continue
        status = entry.stat(follow_symlinks=False)
        name = to_name(os.path.join(os.path.dirname(folder), own).removeprefix(os.path.join(base, "")))
        access, wrong = sidecars.access_of(entry.path) or (None, "")
        yield Source(name, entry.path, (status.st_size, status.st_mtime_ns, 0, status.st_ino), wrong, access)
