"""An index that this process may read and not change: on a read-only file system, or by its permissions.

It is asked like any other. SQLite and the engine open files for writing even to read them: SQLite is told that nothing
changes, the engine gets a copy in a temporary folder. Who would write is refused before anything is touched.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from rag.errors import RagError
from rag.index.checksums import copy_files
from rag.index.disk import need_space
from rag.index.generations import SHARD, Generation


def may_write(path: Path) -> bool:
    """Whether this process may change a file or folder, or make it where it is not."""
    while not os.path.lexists(path) and path != path.parent:
        path = path.parent
    return os.access(path, os.W_OK)


def need_write(folder: Path) -> None:
    """Raises RagError for an index that cannot be changed."""
    for path in (folder, folder / "manifest.sqlite", folder / "generations"):
        if not may_write(path):
            raise RagError(
                f"{path}: cannot be written (permissions, or a read-only file system). This index can be asked, not "
                "changed. Have it made writable, or make another one: `rag ingest PATH --index FOLDER`."
            )


@contextmanager
def lend_shard(live: Generation) -> Iterator[Generation]:
    """The generation with a `shard` that the engine can open: a copy where its files may not be written."""
    paths = [live.folder / name for name in live.shard_files]
    if all(os.access(path, os.W_OK) for path in paths):
        yield live
        return
    with TemporaryDirectory(prefix="raghop-") as name:
        need_space(Path(name), sum(path.stat().st_blocks * 512 for path in paths))
        copy_files(live.folder, live.shard_files, Path(name))
        yield replace(live, shard=os.path.join(name, SHARD))
