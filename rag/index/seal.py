"""The seal of an index at rest: what every file but the vector index is, taken when the last writer left.

    .rag/seal.json      a checksum of the rest of the file, a line break, JSON

It is taken away before a writer changes anything and written when the writer is done, so that a seal that does not fit
is damage, and a missing one an interrupted run. It keeps the first page of the manifest too: without that page SQLite
opens nothing, and all other rows would be lost with it.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from zlib import crc32

from rag.errors import CorruptError
from rag.index.checksums import Digest, digest

NAME = "seal.json"
MANIFEST = "manifest.sqlite"
FILES = ("CURRENT", ".gitignore", "served.txt", MANIFEST, f"{MANIFEST}-wal")
PAGE = 4096
FORMAT = 1


@dataclass(frozen=True, slots=True)
class Seal:
    """`content` stamps all chunks of the manifest, `counts` are its rows, `roots` its roots, `files` are digests."""

    content: str
    counts: Mapping[str, int]
    roots: Sequence[str]
    files: Mapping[str, Digest]
    page: str

    @property
    def first_page(self) -> bytes:
        """The first page of the manifest."""
        return base64.b64decode(self.page)

    def broken(self, folder: Path) -> list[str]:
        """What does not fit any more, in words."""
        found = files(folder)
        names = sorted(self.files.keys() | found.keys())
        kinds = {name: ("missing" if name not in found else "its content changed") for name in names}
        return [f"{name}: {kinds[name]}" for name in names if found.get(name) != self.files.get(name)]


def files(folder: Path) -> dict[str, Digest]:
    """Digests of the files a seal covers; an empty journal is none."""
    found = {name: digest(folder / name) for name in FILES if (folder / name).is_file()}
    return {name: held for name, held in found.items() if held[0] or not name.endswith("-wal")}


def read(folder: Path) -> Seal | None:
    """The seal, None where there is none. Raises CorruptError."""
    path = folder / NAME
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return None
    head, _, body = text.partition(b"\n")
    if head != f"{crc32(body):08x}".encode():
        raise CorruptError(f"{path}: fails its checksum. Run `rag check --repair`.")
    data = json.loads(body)
    if data.pop("format", None) != FORMAT:
        return None  # of another version: as good as none
    return Seal(**{**data, "files": {name: (size, crc) for name, (size, crc) in data["files"].items()}})


def take(folder: Path) -> bytes | None:
    """Take the seal away; what it was."""
    path = folder / NAME
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return None
    path.unlink()
    sync(folder)
    return text


def write(folder: Path, *, content: str, counts: Mapping[str, int], roots: Sequence[str]) -> None:
    """Seal the folder as it is now."""
    with open(folder / MANIFEST, "rb") as manifest:
        page = base64.b64encode(manifest.read(PAGE)).decode()
    data = {"format": FORMAT, **asdict(Seal(content, counts, roots, files(folder), page))}
    body = json.dumps(data, indent=1, sort_keys=True).encode()
    replace(folder / NAME, f"{crc32(body):08x}\n".encode() + body)


def replace(path: Path, content: bytes) -> None:
    """A file's content from now on, whole or not at all, durably."""
    new = path.with_name(f"{path.name}.new")
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.write(fd, content)
        os.fsync(fd)
    finally:
        os.close(fd)
    os.rename(new, path)
    sync(path.parent)


def sync(path: Path) -> None:
    """Make a file's content, or a folder's names, durable."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
