"""Who may read a file, from files beside it: `a.pdf.access` for `a.pdf`, `.access` for a folder and all below.

Such a file holds names of groups with commas or line breaks between them, and comments behind `#`. The nearest one
counts, alone: the file's own, else that of its folder, or of the next folder above that has one, wherever the ingest
begins. It counts in place of what the document says of itself. An empty one, and one that cannot be read, opens the
file to nobody.
"""

import errno
import os
from functools import lru_cache

from rag.text.access import read_groups
from rag_connectors.parsed import RefusalError
from rag_connectors.reading import read

SUFFIX = ".access"
LIMIT = 1 << 16  # bytes

Access = tuple[tuple[str, ...], str]  # groups, and what was wrong


class Sidecars:
    """The sidecar files of one scan, each read once."""

    def __init__(self) -> None:
        self._of_folder = lru_cache(None)(self._find)

    def access_of(self, path: str) -> Access | None:
        """The groups that may read the file or folder at this path, by its real path; None where no sidecar is."""
        return _read(f"{path}{SUFFIX}") or self._of_folder(os.path.dirname(path))

    def _find(self, folder: str) -> Access | None:
        above = os.path.dirname(folder)
        return _read(os.path.join(folder, SUFFIX)) or (self._of_folder(above) if above != folder else None)


def _read(path: str) -> Access | None:
    """What a sidecar says; None where there is none."""
    try:
        if not _is_there(path):
            return None
        lines = read(path, limit=LIMIT).decode("utf-8").split("\n")
        return read_groups("\n".join(line.partition("#")[0] for line in lines)), ""
    except (OSError, ValueError, RefusalError) as error:
        return (), f"who may read it cannot be told, so that nobody may: {os.path.basename(path)}: {error}"


def _is_there(path: str) -> bool:
    """Whether there is anything at this path. Raises OSError where that cannot be told."""
    try:
        os.lstat(path)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG):
            return False
        raise
    return True
