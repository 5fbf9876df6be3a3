"""Generations of the vector index: what one consists of, which is live, how it is opened, which are collected.

    generations/N/shard/        a complete vector index, never changed after it was published
    generations/N/chunks.txt    id and checksum of every chunk in it, a line each
    generations/N/facts.json    what built it, and the checksum of every file above
    generations/N.lock          readers hold it shared; a generation that is read is not collected
    CURRENT                     the number of the live generation and the checksum of its facts.json

So every byte of a generation hangs on `CURRENT`: opening one compares them all. `rag.index.publish` makes them. A store
on a server has no generations; `served.txt` says what it was given.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast
from zlib import crc32

from rag.errors import CorruptError
from rag.index import checksums
from rag.index.checksums import Checksum
from rag.index.chunk_list import ChunkList
from rag.index.codec import MALFORMED
from rag.index.disk import remove_folder, sync
from rag.index.entries import open_private
from rag.index.locks import try_lock
from rag.stages import LocalStore, Store

FORMAT = 4  # raise it when stores come to write chunks otherwise (`rag.store.payload`)
SHARD, CHUNKS, FACTS = "shard", "chunks.txt", "facts.json"
DERIVE = "Run `rag check --repair` to derive it again from the manifest."


@dataclass(frozen=True, slots=True)
class Pointer:
    """What `CURRENT` says."""

    number: int
    crc: int

    def __str__(self) -> str:
        return f"{self.number} {self.crc:08x}\n"


@dataclass(frozen=True, slots=True)
class Generation:
    """What facts.json says of the vector index in the folder `shard`.

    `content` is one checksum of all its chunks; `dead` counts chunks that it has space for and does not hold any more.
    `format` is how chunks are written into it.
    """

    number: int
    shard: str
    facts: Mapping[str, str]
    content: str
    roots: Sequence[str] = ()
    dead: int = 0
    format: int = 1
    files: Mapping[str, Checksum] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """Where all of it is."""
        return Path(self.shard).parent

    @property
    def shard_files(self) -> Mapping[str, Checksum]:
        """The files of the vector index, named from `folder`."""
        return {name: checksum for name, checksum in self.files.items() if name.split("/")[0] == SHARD}

    def read_chunks(self) -> ChunkList:
        """Its chunks; none where that cannot be read."""
        return ChunkList.read(self.folder / CHUNKS)


def open_store(store: Store, *, readonly: bool, path: str = "") -> Store:
    """A pipeline's store, for use; one that is local, at `path`."""
    place = {"path": path} if isinstance(store, LocalStore) else {}
    return cast(Store, replace(cast(Any, store), readonly=readonly, **place))


def read_pointer(folder: Path) -> Pointer | None:
    """The live generation; None before the first publish. Raises CorruptError."""
    path = folder / "CURRENT"
    try:
        match = re.fullmatch(r"([1-9][0-9]{0,8}) ([0-9a-f]{8})\n", path.read_text(encoding="ascii"))
    except FileNotFoundError:
        return None
    except (ValueError, IsADirectoryError):
        match = None
    if match is None:
        raise CorruptError(f"{path}: does not name a generation. {DERIVE}")
    return Pointer(int(match[1]), int(match[2], 16))


def open_generation(folder: Path, pointer: Pointer, *, deep: bool = True) -> Generation:
    """A generation, compared with what `CURRENT` says of it. Raises CorruptError naming what differs."""
    home = folder / "generations" / str(pointer.number)
    try:
        text = (home / FACTS).read_bytes()
        if crc32(text) != pointer.crc:
            raise CorruptError(f"{home / FACTS}: is not what CURRENT says. {DERIVE}")
        data = json.loads(text)
        files: dict[str, Checksum] = {name: (size, crc) for name, (size, crc) in data.pop("files").items()}
        expected = {**files, FACTS: (len(text), checksums.checksum_file(home / FACTS)[1])}
        wrong = checksums.find_differences(home, expected, deep=deep)
        generation = Generation(pointer.number, str(home / SHARD), files=files, **data)
        if not all(isinstance(value, str) for value in generation.facts.values()):
            raise TypeError("its facts are no text")
    except (FileNotFoundError, NotADirectoryError, *MALFORMED) as error:
        what = f"{home}: the live generation of the vector index cannot be read: {error}. {DERIVE}"
        raise CorruptError(what) from error
    if wrong:
        more = f" and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        raise CorruptError(f"{home}: the vector index is damaged: {wrong[0]}{more}. {DERIVE}")
    return generation


def list_generations(folder: Path) -> list[int]:
    """The numbers of the generations that are there, whole or not."""
    home = folder / "generations"
    return [int(p.name) for p in home.iterdir() if p.name.isdecimal()] if home.is_dir() else []


def collect(folder: Path, live: int) -> list[int]:
    """Remove generations that nobody reads and what dead runs left; the numbers of those still read."""
    home = folder / "generations"
    in_use = []
    for path in home.glob("*.new"):
        remove_folder(path)
    locks = {int(p.stem) for p in home.glob("*.lock") if p.stem.isdecimal()}
    for number in sorted({*list_generations(folder), *locks} - {live}):
        lock_path = home / f"{number}.lock"
        with open(lock_path, "a", opener=open_private) as lock:
            if not try_lock(lock):
                in_use.append(number)
                continue
            remove_folder(home / str(number))
            lock_path.unlink(missing_ok=True)
    sync(home)  # or a power cut brings back what was purged
    return in_use
