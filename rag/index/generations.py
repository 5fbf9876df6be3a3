"""Generations of the vector index: built beside the live one, verified, published by a rename, collected.

    generations/N/shard/        a complete vector index, never changed after it was published
    generations/N/chunks.txt    id and checksum of every chunk in it, a line each
    generations/N/facts.json    what built it, and the digest of every file above
    generations/N.lock          readers hold it shared; a generation that is held is not collected
    CURRENT                     the number of the live generation and the checksum of its facts.json

So every byte of a generation hangs on `CURRENT`: opening one compares them all. A store on a server has no generations;
`served.txt` says what it was given.
"""

from __future__ import annotations

import dataclasses
import fcntl
import json
import os
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np

from rag.errors import CorruptError, MismatchError
from rag.index import checksums
from rag.index.checksums import Digest
from rag.index.disk import need_space
from rag.index.manifest import Manifest
from rag.index.seal import replace, sync
from rag.stages import Store
from rag.types import Query

BATCH = 1000
SAMPLE = 32  # chunks whose vectors are compared before a generation is published, a quarter of them also searched for
MEND = "Run `rag check --repair` to derive it again from the manifest."

MakeStore = Callable[[str, bool], Store]  # (path, readonly)


@dataclass(frozen=True, slots=True)
class Pointer:
    """What `CURRENT` says."""

    number: int
    crc: int

    def __str__(self) -> str:
        return f"{self.number} {self.crc:08x}\n"


@dataclass(frozen=True, slots=True)
class Generation:
    """What facts.json says. `content` stamps all its chunks, `dead` counts chunks it holds space for but no more."""

    number: int
    shard: str
    facts: Mapping[str, str]
    content: str
    roots: Sequence[str] = ()
    dead: int = 0
    files: Mapping[str, Digest] = field(default_factory=dict)


def made(store: Any, *, readonly: bool, **path: str) -> Store:
    """The pipeline's store at a place."""
    opened: Store = dataclasses.replace(store, readonly=readonly, **path)
    return opened


def stamp(crcs: Mapping[str, int]) -> str:
    """One word for a set of chunks."""
    return f"{len(crcs)}-{crc32(listing(crcs).encode()):08x}"


def listing(crcs: Mapping[str, int]) -> str:
    """Ids and checksums, a line each, by id."""
    return "".join(f"{id} {crc}\n" for id, crc in sorted(crcs.items()))


def listed(path: Path) -> dict[str, int]:
    """What `listing` wrote; nothing where there is no such file or it cannot be read."""
    try:
        return {id: int(crc) for id, crc in (line.split(" ") for line in path.read_text().splitlines())}
    except (OSError, ValueError):
        return {}


def pointer(folder: Path) -> Pointer | None:
    """The live generation; None before the first publish. Raises CorruptError, MismatchError."""
    path = folder / "CURRENT"
    try:
        text = path.read_text(encoding="ascii")
        if re.fullmatch(r"[0-9]+\n", text):
            raise MismatchError(
                f"{path}: written by an older raghop. Run `rag rebuild` once; nothing is embedded again."
            )
        found = re.fullmatch(r"([1-9][0-9]{0,8}) ([0-9a-f]{8})\n", text)
    except FileNotFoundError:
        return None
    except (ValueError, IsADirectoryError):
        found = None
    if found is None:
        raise CorruptError(f"{path}: does not name a generation. {MEND}")
    return Pointer(int(found[1]), int(found[2], 16))


def opened(folder: Path, at: Pointer, *, deep: bool = True) -> Generation:
    """A generation, compared with what `CURRENT` says of it. Raises CorruptError naming what differs."""
    home = folder / "generations" / str(at.number)
    try:
        text = (home / "facts.json").read_bytes()
        if crc32(text) != at.crc:
            raise CorruptError(f"{home / 'facts.json'}: is not what CURRENT says. {MEND}")
        data = json.loads(text)
        files: dict[str, Digest] = {name: (size, crc) for name, (size, crc) in data.pop("files").items()}
        expected = {**files, "facts.json": (len(text), checksums.digest(home / "facts.json")[1])}
        wrong = checksums.differences(home, expected, deep=deep)
    except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError) as error:
        raise CorruptError(
            f"{home}: the live generation of the vector index cannot be read: {error}. {MEND}"
        ) from error
    if wrong:
        more = f" and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        raise CorruptError(f"{home}: the vector index is damaged: {wrong[0]}{more}. {MEND}")
    return Generation(at.number, str(home / "shard"), files=files, **data)


def numbers(folder: Path) -> list[int]:
    """Generations that are there, whole or not."""
    home = folder / "generations"
    return [int(p.name) for p in home.iterdir() if p.name.isdecimal()] if home.is_dir() else []


def publish(
    folder: Path,
    manifest: Manifest,
    make_store: MakeStore,
    *,
    local: bool,
    fresh: bool,
    facts: Mapping[str, str] | None = None,
) -> bool:
    """Bring the vector index in line with the manifest; whether anything had to change.

    `make_store(path, readonly)` gives a store; `fresh` writes everything anew instead of the difference; `facts` are
    what readers are told of it, if not the manifest's. A damaged generation is no base for the next one.
    """
    crcs = manifest.chunk_crcs()
    if not local:
        with closing(make_store("", False)) as store:
            changed = bring_in_line(store, manifest, crcs, {} if fresh else listed(folder / "served.txt"))
        if changed or not (folder / "served.txt").exists():
            replace(folder / "served.txt", listing(crcs).encode())
        return changed
    facts, content = dict(facts or manifest.facts()), stamp(crcs)
    base = None
    if not fresh:
        with suppress(CorruptError, MismatchError):
            at = pointer(folder)
            base = opened(folder, at) if at else None
    if base is not None and (base.facts, base.content, base.roots) == (facts, content, manifest.roots()):
        collect(folder, base.number)
        return False
    held = listed(Path(base.shard).parent / "chunks.txt") if base else {}
    dead = sum(1 for id, crc in held.items() if crcs.get(id) != crc) + (base.dead if base else 0)
    if base is not None and dead > len(crcs) // 2:
        base, held, dead = None, {}, 0  # a new one is smaller, and as quickly made
    number = 1 + max([base.number if base else 0, *numbers(folder)])
    home = folder / "generations"
    staging = home / f"{number}.new"
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(mode=0o700, parents=True)
    shard = [name for name in base.files if name.split("/")[0] == "shard"] if base else []
    paths = [Path(base.shard).parent / name for name in shard] if base else [manifest.path]
    need_space(folder, sum(path.stat().st_blocks * 512 for path in paths))
    try:
        if base is not None:
            checksums.copy_listed(Path(base.shard).parent, shard, staging)
        with closing(make_store(str(staging / "shard"), False)) as store:
            bring_in_line(store, manifest, crcs, held)
        (staging / "chunks.txt").write_text(listing(crcs))
        data = {"facts": facts, "content": content, "roots": manifest.roots(), "dead": dead}
        text = json.dumps({**data, "files": checksums.inventory(staging)}, indent=1, sort_keys=True).encode()
        (staging / "facts.json").write_bytes(text)
        for path in [*staging.rglob("*"), staging]:
            sync(path)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise
    os.rename(staging, home / str(number))
    sync(home)
    replace(folder / "CURRENT", str(Pointer(number, crc32(text))).encode())
    collect(folder, number)
    return True


def collect(folder: Path, live: int) -> list[int]:
    """Remove generations that nobody reads and what dead runs left; the numbers of those still read."""
    home = folder / "generations"
    held = []
    for path in home.glob("*.new"):
        shutil.rmtree(path, ignore_errors=True)
    locks = {int(p.stem) for p in home.glob("*.lock") if p.stem.isdecimal()}
    for number in sorted({*numbers(folder), *locks} - {live}):
        lock_path = home / f"{number}.lock"
        with open(lock_path, "a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                held.append(number)
                continue
            shutil.rmtree(home / str(number), ignore_errors=True)
            lock_path.unlink(missing_ok=True)
    return held


def bring_in_line(store: Store, manifest: Manifest, crcs: Mapping[str, int], held: Mapping[str, int]) -> bool:
    """Write what the store lacks or holds otherwise, delete what it should not hold, verify. Raises CorruptError."""
    present = store.ids()
    missing = [id for id, crc in crcs.items() if id not in present or held.get(id) != crc]
    for start in range(0, len(missing), BATCH):
        chunks, embeddings = manifest.chunks(missing[start : start + BATCH])
        store.write(chunks, embeddings)
    if extra := sorted(present - crcs.keys()):
        store.delete(extra)
    if missing or extra:
        store.flush()
    if store.ids() != crcs.keys():
        raise CorruptError(f"The vector index does not hold what the manifest says. {MEND}")
    _compare(store, manifest, missing[:: max(1, len(missing) // SAMPLE)])
    return bool(missing or extra)


def _compare(store: Store, manifest: Manifest, sample: Sequence[str]) -> None:
    """Vectors come back bit-equal, and a search for one finds nothing nearer to it than itself."""
    chunks, embeddings = manifest.chunks(sample)
    if embeddings.dense is None:
        return
    stored = [hit.vector for hit in store.fetch(sample, vectors=True)]
    for chunk, expected, got in zip(chunks, embeddings.dense, stored, strict=True):
        if got is None or not np.array_equal(got, expected):
            raise CorruptError(f"The vector index changed the vector of a chunk of {chunk.source}. {MEND}")
    own = embeddings.dense[::4]
    for vector, hits in zip(own, store.search([Query("", dense=v) for v in own], k=1, using="dense"), strict=True):
        if not hits or hits[0].score < 0.999 * float(vector @ vector):
            raise CorruptError(f"The vector index does not find what it holds. {MEND}")
