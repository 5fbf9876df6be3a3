"""Which folder is the index of a place: the nearest `.rag/` upward, as git does it. Light: `rag ask` begins here."""

import os
from pathlib import Path

FOLDER = ".rag"
SOCKET = "server.sock"  # in it: where a server of the same user listens, the one entry that is no file or folder
TRACES = ("manifest.sqlite", "CURRENT", "seal.json", "generations")  # any of them: something was ingested here


def has_index(folder: Path) -> bool:
    """Whether anything was ever ingested into this `.rag` folder."""
    return any(os.path.lexists(folder / name) for name in TRACES)


def find_folder(path: str | Path | None = None, *, here: str | None = None) -> Path:
    """The `.rag` folder at `path` (it, or one that has or will have it), or the nearest from `here` upward."""
    start = Path(here) if here else Path.cwd()
    if path is None:
        near = [folder / FOLDER for folder in (start, *start.parents)]
        return next(filter(has_index, near), near[0])
    folder = start / path
    return folder if folder.name == FOLDER else folder / FOLDER
