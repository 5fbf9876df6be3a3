"""The `maildir` connector: folders with a file for each mail, as mail servers and programs keep them.

A mail keeps its name in the index when it is read, answered or moved from `new` to `cur`. Mails marked for deletion are
left out. A mailbox that is one file (mbox) is for the `files` connector.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from rag.errors import InputError
from rag.stages import component
from rag.text.names import to_name
from rag.types import Loaded, Source
from rag_connectors.files import Files
from rag_connectors.parsed import RefusalError
from rag_connectors.reading import read
from rag_connectors.staging import Fetched, FetchError, load_fetched

_PLACES = ("cur", "new")
_FLAGS = (":2,", ";2,", "!2,", "_2,")  # before the flags in a file's name; systems without ":" write others


@component
class Maildir(Files):
    """Mails of a maildir, its subfolders, or a folder of maildirs. `gitignore` has no meaning here."""

    def scan(self, roots: Sequence[str], *, base: str) -> Iterator[Source]:
        """Every mail under the roots, in name order. Raises InputError for a root without a maildir in it."""
        base, found = os.path.realpath(base), dict[str, Source]()
        include, exclude = self._patterns("include", self.include), self._patterns("exclude", self.exclude)
        for root in roots:
            top = os.path.realpath(root)
            boxes = [folder for folder, below, _ in os.walk(top) if set(_PLACES) & set(below)]
            if not boxes:
                raise InputError(f"{root}: no maildir: no folder in it has `cur` or `new`.")
            for box in boxes:
                for source in _mails(box, base):
                    inside = os.path.relpath(os.path.dirname(source.path), top)
                    if not exclude.match_file(inside) and (not include.patterns or include.match_file(inside)):
                        found[source.name] = source
        yield from sorted(found.values(), key=lambda source: source.name)

    def load(self, sources: Iterable[Source]) -> Iterator[Loaded]:
        """One `Loaded` per source, in their order."""
        yield from load_fetched(super().load, sources, self._fetch)

    def _fetch(self, source: Source) -> Fetched:
        try:
            data = read(source.path, limit=self.max_mb << 20, inode=source.stamp[3])
        except RefusalError as refusal:
            raise FetchError(refusal.reason) from refusal
        return Fetched(data, f"{source.name}.eml")


def _mails(box: str, base: str) -> Iterator[Source]:
    """The mails of one folder, by names without flags."""
    for place in _PLACES:
        folder = Path(box, place)
        for entry in os.scandir(folder) if folder.is_dir() else ():
            if entry.name.startswith(".") or not entry.is_file(follow_symlinks=False):
                continue
            mark = next((mark for mark in _FLAGS if mark in entry.name), "")
            own, _, flags = entry.name.partition(mark) if mark else (entry.name, "", "")
            if "T" in flags:
                continue
            status = entry.stat(follow_symlinks=False)
            name = to_name(os.path.join(box, own).removeprefix(os.path.join(base, "")))
            yield Source(name, entry.path, (status.st_size, status.st_mtime_ns, 0, status.st_ino))
