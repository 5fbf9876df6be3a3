"""The seal of an index at rest: the checksums of every file but the vector index, written when the last writer left.

    .rag/seal.json      a checksum of the rest of the file, a line break, JSON

It is removed before a writer changes anything and written when the writer is done, so that a seal that does not fit is
damage, and a missing one an interrupted run. It keeps the first page of the manifest too: without that page SQLite
opens nothing, and all other rows would be lost with it.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from zlib import crc32

from rag.errors import CorruptError
from rag.index.checksums import Checksum, checksum_file
from rag.index.codec import MALFORMED
from rag.index.disk import replace_file, sync

NAME = "seal.json"
MANIFEST = "manifest.sqlite"
FILES = ("CURRENT", ".gitignore", "served.txt", MANIFEST, f"{MANIFEST}-wal")
PAGE = 4096
FORMAT = 1


@dataclass(frozen=True, slots=True)
class Seal:
    """What was sealed: `content` is one checksum of all chunks, `counts` and `roots` are the manifest's.

    `files` are checksums, `page` is the manifest's first page in base64.
    """

    content: str
    counts: Mapping[str, int]
    roots: Sequence[str]
    files: Mapping[str, Checksum]
    page: str

    @property
    def first_page(self) -> bytes:
        """The first page of the manifest."""
        return base64.b64decode(self.page)

    def differences(self, folder: Path) -> list[str]:
        """What does not fit any more, in words."""
        found = checksum_files(folder)
        differ = sorted(n for n in self.files.keys() | found.keys() if found.get(n) != self.files.get(n))
        return [f"{name}: {'its content changed' if name in found else 'missing'}" for name in differ]


def checksum_files(folder: Path) -> dict[str, Checksum]:
    """The checksums of the files a seal covers; an empty journal counts as none."""
    found = {name: checksum_file(folder / name) for name in FILES if (folder / name).is_file()}
    return {name: one for name, one in found.items() if one[0] or not name.endswith("-wal")}


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
    try:
        data = json.loads(body)
        if data.pop("format", None) != FORMAT:
            return None  # of another version: as good as none
        return Seal(**{**data, "files": {name: (size, crc) for name, (size, crc) in data["files"].items()}})
    except MALFORMED as error:
        raise CorruptError(f"{path}: is not a seal: {error}. Run `rag check --repair`.") from error


def remove(folder: Path) -> bytes | None:
    """Remove the seal; its text, None where there is none."""
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
    data = {"format": FORMAT, **asdict(Seal(content, counts, roots, checksum_files(folder), page))}
    body = json.dumps(data, indent=1, sort_keys=True).encode()
    replace_file(folder / NAME, f"{crc32(body):08x}\n".encode() + body)
