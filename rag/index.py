"""The folder `.rag/`: a manifest, generations of the vector index, and the locks that keep readers and writers apart.

    .rag/manifest.sqlite        the truth (rag.manifest)
    .rag/generations/N/         a complete vector index, never changed after it was published: `shard/`, and
                                `facts.json`, which says what built it
    .rag/generations/N.lock     readers hold it shared; a generation that is held is not collected
    .rag/CURRENT                the number of the live generation, swapped by rename
    .rag/writer.lock            held by the one process that may write

A generation is built beside the live one (a copy plus the difference to the manifest), verified against the manifest,
fsynced, then published by renaming `CURRENT`. A store on a server has no generations: it gets the difference, new
chunks before old ones go. The index of a folder is the nearest `.rag/` upward, as git does it.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from rag.errors import CorruptError, IndexMissing, LockedError, MismatchError
from rag.manifest import Manifest
from rag.space import need_space
from rag.stages import Store

FOLDER = ".rag"
BATCH = 1000
GRACE = 1.0  # seconds a writer waits for the one before to be gone
MEND = "Run `rag ingest --rebuild` to derive the index again."


def discover(start: Path) -> Path | None:
    """The nearest `.rag` folder at or above `start`."""
    for folder in (start, *start.parents):
        if (folder / FOLDER / "manifest.sqlite").is_file():
            return folder / FOLDER
    return None


@dataclass(frozen=True, slots=True)
class Index:
    """A `.rag` folder. `base` is the folder that source names are relative to."""

    path: Path

    @property
    def base(self) -> Path:
        """The folder that holds `.rag`."""
        return self.path.parent

    @property
    def manifest_path(self) -> Path:
        """The manifest's file."""
        return self.path / "manifest.sqlite"

    @classmethod
    def at(cls, path: str | Path | None = None) -> Index:
        """The index at `path` (a `.rag` folder or one that has or will have it), or the nearest from here upward."""
        if path is None:
            return cls(discover(Path.cwd()) or Path.cwd() / FOLDER)
        folder = Path(path).absolute()
        return cls(folder if folder.name == FOLDER else folder / FOLDER)

    def exists(self) -> bool:
        """Whether anything was ever ingested here."""
        return self.manifest_path.is_file()

    def pipeline(self) -> str | None:
        """The pipeline the live index was built with, None where there is no index."""
        if not self.exists():
            return None
        with suppress(IndexMissing, CorruptError), self.reading() as (_, facts):
            return facts.get("pipeline")
        with closing(self.read_manifest()) as manifest:
            return manifest.facts().get("pipeline")

    def read_manifest(self) -> Manifest:
        """The manifest for reading. Raises IndexMissing, CorruptError."""
        if not self.exists():
            raise IndexMissing(f"{self.base}: there is no index here or above. Make one with `rag ingest PATH`.")
        return Manifest.open(self.manifest_path, readonly=True)

    # -- writing -------------------------------------------------------------------------------------------------

    @contextmanager
    def writing(self) -> Iterator[Manifest]:
        """The manifest for writing, held by this process alone. Raises LockedError."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not (self.path / ".gitignore").exists():
            (self.path / ".gitignore").write_text("*\n")
        with open(self.path / "writer.lock", "a") as lock:
            _lock(lock, self.path)
            manifest = Manifest.open(self.manifest_path)
            os.chmod(self.manifest_path, 0o600)
            try:
                yield manifest
            finally:
                manifest.close()

    def publish(
        self,
        manifest: Manifest,
        make_store: Callable[[str, bool], Store],
        *,
        local: bool,
        fresh: bool,
        facts: dict[str, str] | None = None,
    ) -> bool:
        """Bring the vector index in line with the manifest; whether anything had to change.

        `make_store(path, readonly)` gives a store; `fresh` writes everything anew instead of the difference; `facts`
        are what readers are told of it, if not the manifest's.
        """
        if not local:
            with closing(make_store("", False)) as store:
                return _bring_in_line(store, manifest, fresh=fresh)
        live = self.current()
        base = self.generation(live) if live is not None and not fresh else None
        if base is not None and not base.is_dir():
            base = None
        described = json.dumps(facts or manifest.facts(), indent=1, sort_keys=True)
        if base is not None and (base / "facts.json").read_text() == described:
            with closing(make_store(str(base / "shard"), True)) as store:
                if store.ids() == set(manifest.chunk_ids()):
                    return False
        number = 1 + max([live or 0, *self._generations()])
        staging = self.path / "generations" / f"{number}.new"
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir(mode=0o700, parents=True)
        need_space(self.path, _size(base) if base is not None else self.manifest_path.stat().st_size)
        if base is not None:
            shutil.copytree(base / "shard", staging / "shard", copy_function=_copy_sparse)
        with closing(make_store(str(staging / "shard"), False)) as store:
            _bring_in_line(store, manifest, fresh=False)
        (staging / "facts.json").write_text(described)
        _fsync_tree(staging)
        os.rename(staging, self.generation(number))
        _fsync(staging.parent)
        pointer = self.path / "CURRENT.new"
        pointer.write_text(f"{number}\n")
        _fsync(pointer)
        os.rename(pointer, self.path / "CURRENT")
        _fsync(self.path)
        self._collect(number)
        return True

    # -- generations ---------------------------------------------------------------------------------------------

    def current(self) -> int | None:
        """The live generation's number; None before the first publish. Raises CorruptError."""
        try:
            return int((self.path / "CURRENT").read_text())
        except FileNotFoundError:
            return None
        except ValueError:
            raise CorruptError(f"{self.path / 'CURRENT'}: not a generation number. {MEND}") from None

    def generation(self, number: int) -> Path:
        """The folder of a generation."""
        return self.path / "generations" / str(number)

    @contextmanager
    def reading(self) -> Iterator[tuple[str, dict[str, str]]]:
        """The live shard's folder and what built it, kept from collection while held.

        Raises IndexMissing, CorruptError.
        """
        while True:
            number = self.current()
            if number is None:
                raise IndexMissing(f"{self.base}: there is no index here or above. Make one with `rag ingest PATH`.")
            with open(self.path / "generations" / f"{number}.lock", "a") as lock:
                fcntl.flock(lock, fcntl.LOCK_SH)
                folder = self.generation(number)
                if folder.is_dir():
                    yield str(folder / "shard"), self._facts(folder)
                    return
            if number == self.current():
                raise CorruptError(f"{self.generation(number)}: the live generation is missing. {MEND}")

    def _facts(self, folder: Path) -> dict[str, str]:
        try:
            return dict(json.loads((folder / "facts.json").read_text()))
        except (OSError, ValueError) as error:
            raise CorruptError(f"{folder / 'facts.json'}: cannot be read: {error}. {MEND}") from error

    def _generations(self) -> list[int]:
        folder = self.path / "generations"
        return [int(p.name) for p in folder.iterdir() if p.name.isdecimal()] if folder.is_dir() else []

    def _collect(self, live: int) -> None:
        """Remove generations that nobody reads."""
        for number in self._generations():
            if number == live:
                continue
            lock_path = self.path / "generations" / f"{number}.lock"
            with open(lock_path, "a") as lock, suppress(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(self.generation(number), ignore_errors=True)
                lock_path.unlink(missing_ok=True)


def check_fingerprints(facts: dict[str, str], fingerprints: dict[str, str], *, kinds: tuple[str, ...]) -> None:
    """Refuse an index that other stages built. Raises MismatchError naming the stages."""
    names = {"chunk": "the chunker or its settings", "embed": "the embedding model", "sparse": "the sparse vectors"}
    differ = [names[k] for k in kinds if k in fingerprints and facts.get(f"fingerprint.{k}", "") != fingerprints[k]]
    if differ:
        raise MismatchError(
            f"This index was built with a different pipeline ({facts.get('pipeline', 'unknown')}): "
            f"{' and '.join(differ)} differ. Use that pipeline, or run `rag ingest --rebuild --pipeline NAME` to "
            "build the index again from the stored documents."
        )


def _bring_in_line(store: Store, manifest: Manifest, *, fresh: bool) -> bool:
    """Write what the store lacks, delete what it should not hold, verify. Raises CorruptError."""
    order, present = manifest.chunk_ids(), store.ids()
    wanted = set(order)
    missing = order if fresh else [i for i in order if i not in present]
    for start in range(0, len(missing), BATCH):
        chunks, embeddings = manifest.chunks(missing[start : start + BATCH])
        store.write(chunks, embeddings)
    if extra := sorted(present - wanted):
        store.delete(extra)
    if missing or extra:
        store.flush()
    if store.ids() != wanted:
        raise CorruptError(f"The vector index does not hold what the manifest says. {MEND}")
    sample = missing[:: max(1, len(missing) // 32)]
    chunks, embeddings = manifest.chunks(sample)
    if embeddings.dense is not None:
        stored = [hit.vector for hit in store.fetch(sample, vectors=True)]
        for chunk, expected, got in zip(chunks, embeddings.dense, stored, strict=True):
            if got is None or not np.array_equal(got, expected):
                raise CorruptError(f"The vector index changed the vector of a chunk of {chunk.source}. {MEND}")
    return bool(missing or extra)


def _lock(file: IO[str], folder: Path) -> None:
    """Take the writer's lock, waiting a moment: a writer that was killed is not gone at once. Raises LockedError."""
    given_up = time.monotonic() + GRACE
    while True:
        try:
            return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > given_up:
                raise LockedError(
                    f"{folder}: another process is writing this index; try again when it is done."
                ) from None
            time.sleep(0.02)


def _size(folder: Path) -> int:
    return sum(p.stat().st_blocks * 512 for p in folder.rglob("*") if p.is_file())


def _copy_sparse(source: str, target: str) -> str:
    """Copy a file, leaving holes where it has zeros: the engine allocates far ahead of what it writes."""
    with open(source, "rb") as reader, open(target, "wb") as writer:
        while block := reader.read(1 << 16):
            if block.count(0) == len(block):
                writer.seek(len(block), os.SEEK_CUR)
            else:
                writer.write(block)
        writer.truncate()
    return target


def _fsync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _fsync_tree(folder: Path) -> None:
    for path in [*folder.rglob("*"), folder]:
        _fsync(path)
