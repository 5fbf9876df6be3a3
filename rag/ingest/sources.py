"""Which sources an ingest is about: how they are named, what is gone from the roots, what was left out on request."""

import os
from collections.abc import Iterator, Mapping, Sequence

from rag.index.manifest import SourceRow
from rag.text.names import is_address, to_name, to_path
from rag.types import Source

EXCLUDED = "excluded"  # the status of a source that is on disk and was deleted from the index
EXCLUDED_REASON = "left out by `rag delete` or `rag purge`; name the file itself to take it back"


def name_of(path: str, base: str) -> str:
    """How the index names a file or folder: relative to `base` where it lies inside; an address is its name."""
    if is_address(path):
        return path.rstrip("/")
    base, path = os.path.realpath(base), os.path.realpath(path)
    return to_name(os.path.relpath(path, base) if is_inside(path, base) else path)


def path_of(name: str, base: str) -> str:
    """Where the file or folder of this name is; an address stays."""
    return name if is_address(name) else os.path.join(base, to_path(name))


def place_of(root: str) -> str:
    """Where a root is that somebody named."""
    return root.rstrip("/") if is_address(root) else os.path.realpath(root)


def is_inside(path: str, folder: str) -> bool:
    """Whether a path is that of the folder or leads into it."""
    return path == folder or path.startswith(os.path.join(folder, ""))


def is_gone(path: str) -> bool:
    """Whether there is nothing at this path; what cannot be looked at is not gone, nor is what is elsewhere."""
    if is_address(path):
        return False
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def find_deleted(
    known: Mapping[str, SourceRow], scanned: Mapping[str, Source], roots: Sequence[str], base: str
) -> list[str]:
    """Known sources under the roots that the scan did not find; those below what could not be looked at stay."""
    base, tops = os.path.realpath(base), [place_of(root) for root in roots]
    hidden = {source.path for source in scanned.values() if source.reason}
    names = []
    for name, row in known.items():
        path = path_of(name, base)
        if name in scanned or row.status == EXCLUDED or not any(is_inside(path, top) for top in tops):
            continue
        if hidden.isdisjoint(_above(path)):
            names.append(name)
    return names


def find_named(
    known: Mapping[str, SourceRow], scanned: Mapping[str, Source], roots: Sequence[str], named: Sequence[str], base: str
) -> list[str]:
    """Paths inside the roots that were `named` before and hold sources the scan passed over, as what git ignores is."""
    base = os.path.realpath(base)
    missing = [path_of(n, base) for n, row in known.items() if n not in scanned and row.status != EXCLUDED]
    there = [path for path in missing if not is_gone(path)]
    tops = [place_of(root) for root in roots] if there else []
    places = [path_of(name, base) for name in named]
    return [
        place
        for place in places
        if any(is_inside(place, top) and place != top for top in tops) and any(is_inside(path, place) for path in there)
    ]


def _above(path: str) -> Iterator[str]:
    """Every folder that a path is in."""
    while path.strip("/"):
        path = path.rpartition("/")[0] if is_address(path) else os.path.dirname(path)
        yield path
        if path == os.path.dirname(path):
            return
