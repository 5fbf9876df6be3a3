"""A folder of small things that are dear to compute again: notes of language models and the checksums of large files.

`RAGHOP_CACHE`, else `$XDG_CACHE_HOME/raghop`, else `~/.cache/raghop`. Every entry is written atomically and carries its
own sha256; one that fails its check counts as absent, and a folder that cannot be written costs time, never an error.
"""

import hashlib
import os
import tempfile
from contextlib import suppress
from pathlib import Path

NOTES = "note-"  # how the names of notes begin


def folder() -> Path:
    """Where entries are kept; it may not exist yet."""
    if given := os.environ.get("RAGHOP_CACHE"):
        return Path(given)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "raghop"


def load(name: str) -> bytes | None:
    """The entry, or None when it is absent or damaged."""
    try:
        stored = (folder() / name).read_bytes()
    except OSError:
        return None
    digest, data = stored[:32], stored[32:]
    return data if hashlib.sha256(data).digest() == digest else None


def save(name: str, data: bytes) -> None:
    """Add or replace an entry; does nothing where the folder cannot be written."""
    with suppress(OSError):
        folder().mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=folder())
        try:
            with open(handle, "wb") as file:
                file.write(hashlib.sha256(data).digest() + data)
            os.replace(temporary, folder() / name)
        except OSError:
            os.unlink(temporary)


def clear(prefix: str) -> int:
    """Remove the entries whose names begin so; how many. Raises OSError for one that cannot be removed."""
    found = list(folder().glob(f"{prefix}*"))
    for path in found:
        path.unlink(missing_ok=True)
    return len(found)


def sha256(path: Path) -> str:
    """sha256 (hex) of a file, remembered for as long as its size, times and inode stay the same. Raises OSError."""
    stat = path.stat()
    name = f"sha256-{hashlib.sha256(os.fsencode(path.absolute())).hexdigest()[:32]}"
    stamp = f"{stat.st_size} {stat.st_mtime_ns} {stat.st_ctime_ns} {stat.st_ino} "
    known = (load(name) or b"").decode("ascii", "replace")
    if known.startswith(stamp):
        return known.removeprefix(stamp)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    save(name, (stamp + digest).encode())
    return digest
