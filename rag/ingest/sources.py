"""Which sources an ingest is about: how they are named, what is gone from the roots, what was left out on request."""

import os
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from rag.index.manifest import SourceRow
from rag.types import Source

EXCLUDED = "excluded"  # the status of a source that is on disk and was deleted from the index
EXCLUDED_REASON = "left out by `rag delete` or `rag purge`; name the file itself to take it back"


def name_of(path: str, base: str) -> str:
    """How the index names a file or folder: relative to `base` where it lies inside."""
    base, path = os.path.realpath(base), os.path.realpath(path)
    return os.path.relpath(path, base) if path == base or path.startswith(os.path.join(base, "")) else path


def find_deleted(
    known: Mapping[str, SourceRow], scanned: Mapping[str, Source], roots: Sequence[str], base: str
) -> list[str]:
    """Known sources under the roots that the scan did not find; those below a folder it could not list stay."""
    base = os.path.realpath(base)
    tops = [os.path.realpath(root) for root in roots]
    names = []
    for name, row in known.items():
        path = os.path.join(base, name)
        under = any(path == top or path.startswith(os.path.join(top, "")) for top in tops)
        listed = not any(str(parent) in scanned for parent in PurePosixPath(name).parents)
        if under and listed and name not in scanned and row.status != EXCLUDED:
            names.append(name)
    return names
