"""The folder `.rag/`: a manifest, generations of the vector index, and the locks that keep readers and writers apart.

    .rag/manifest.sqlite        the truth (rag.index.manifest)
    .rag/generations/, CURRENT  the vector index, derived from it (rag.index.generations)
    .rag/seal.json              what it all was when the last writer left (rag.index.seal)
    .rag/writer.lock            held by the one process that may write

Readers compare a generation with its checksums before they use it, and what they are about to show with the manifest.
The index of a folder is the nearest `.rag/` upward, as git does it.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

from rag.errors import CorruptError, IndexMissing, MismatchError, RagError
from rag.index import generations, recover, seal
from rag.index.checksums import checksum_file
from rag.index.codec import chunk_checksum
from rag.index.disk import explain_full_disk, need_space, replace_file
from rag.index.entries import TRUST_ENV, check_entries, open_private, prepare_folder
from rag.index.facts import REPAIRING
from rag.index.generations import DERIVE, FACTS, Generation, Pointer, read_pointer
from rag.index.locks import Check, Wait, hold_lock, open_lock, share_lock
from rag.index.manifest import Manifest
from rag.index.nearest import TRACES, find_folder, has_index
from rag.index.publish import SERVED, publish
from rag.index.tables import REPAIR
from rag.index.unwritable import may_write, need_write
from rag.stages import Store
from rag.types import Hit

MANIFEST = tuple(f"manifest.sqlite{end}" for end in ("", "-wal", "-shm", "-journal"))
IGNORE = b"*\n"  # no index is part of a git repository


@dataclass(frozen=True, slots=True)
class Index:
    """A `.rag` folder. `base` is the folder that source names are relative to; `trust` allows another user's.

    Every method raises TrustError for a folder that holds what it must not (`rag.index.entries`).
    """

    path: Path
    trust: bool = False

    @property
    def base(self) -> Path:
        """The folder that holds `.rag`."""
        return self.path.parent

    @property
    def manifest_path(self) -> Path:
        """The manifest's file."""
        return self.path / "manifest.sqlite"

    @classmethod
    def at(cls, path: str | Path | None = None, *, trust: bool = False) -> Self:
        """The index at `path` (a `.rag` folder or one that has or will have it), or the nearest from here upward.

        RAGHOP_TRUST in the environment stands for `trust`.
        """
        trust = trust or os.environ.get(TRUST_ENV, "0") not in ("", "0")
        return cls(find_folder(path), trust)

    def exists(self) -> bool:
        """Whether anything was ever ingested here."""
        return has_index(self.path)

    def facts(self) -> Mapping[str, str]:
        """What the live index notes about itself, nothing where there is no index. Raises CorruptError."""
        if not self.exists():
            return {}
        with suppress(IndexMissing, CorruptError, MismatchError), self.hold_generation(deep=False) as live:
            return live.facts
        with closing(self.read_manifest()) as manifest:
            return manifest.facts()

    def read_manifest(self, *, whole: bool = False) -> Manifest:
        """The manifest for reading; with `whole`, every byte of it was compared with the seal.

        Raises IndexMissing, CorruptError.
        """
        self.must_exist()
        check_entries(self.path, trust=self.trust, names=None if whole else MANIFEST)  # no more is opened
        if not self.manifest_path.is_file():
            raise CorruptError(f"{self.manifest_path}: missing. {REPAIR}")
        if whole:
            self._check_seal()
        return Manifest.open(self.manifest_path, readonly=True)

    def private_file(self, name: str) -> Path:
        """A file of the folder that only its owner may read, made where there is none; its format is its user's."""
        with open(self.private_folder() / name, "a", opener=open_private) as file:
            os.chmod(file.fileno() if os.chmod in os.supports_fd else file.name, 0o600)
        return self.path / name

    def private_folder(self) -> Path:
        """The folder, closed to other users, for a file that is its user's. Raises IndexMissing, RagError."""
        self.must_exist()
        self._prepare()
        return self.path

    @contextmanager
    def hold_lock(self, *, wait: Wait | None = None, check: Check | None = None) -> Iterator[None]:
        """Hold the writer's lock; see `rag.index.locks.hold_lock`.

        Raises LockedError; RagError where this process may not write; SpaceError, whatever is done.
        """
        with explain_full_disk(self.path):
            self._prepare()
            with hold_lock(self.path / "writer.lock", wait=wait, check=check):
                recover.finish(self.path)
                yield

    @contextmanager
    def keep_still(self, *, wait: Wait | None = None) -> Iterator[None]:
        """Keep writers out while the index is looked at, also where this process is none. Raises LockedError."""
        if may_write(self.path):
            with self.hold_lock(wait=wait):
                yield
        else:
            check_entries(self.path, trust=self.trust)
            lock = self.path / "writer.lock"  # a copy of an index may have none
            with hold_lock(lock, wait=wait) if lock.exists() else nullcontext():
                yield

    @contextmanager
    def edit_manifest(self, *, wait: Wait | None = None, check: Check | None = None) -> Iterator[Manifest]:
        """The manifest for writing, by this process alone; sealed again at the end.

        Raises LockedError, unless it is to `wait`; SpaceError, before anything is touched; CorruptError: nothing is
        built upon a damaged manifest.
        """
        with self.hold_lock(wait=wait, check=check):
            need_space(self.path, 0)
            begun = any((self.path / name).exists() for name in TRACES[1:])  # else a first run was killed at once
            if begun and (not self.manifest_path.is_file() or not self.manifest_path.stat().st_size):
                raise CorruptError(f"{self.manifest_path}: missing or emptied. {REPAIR}")
            self._check_seal()
            with self.edit_unsealed() as manifest:
                if REPAIRING in manifest.facts():
                    raise CorruptError(f"{self.manifest_path}: a repair of it was interrupted. {REPAIR}")
                yield manifest

    @contextmanager
    def edit_unsealed(self) -> Iterator[Manifest]:
        """The manifest for writing, without a look at the seal. Only for the process that holds the lock."""
        before, live = seal.remove(self.path), self.pointer_text()
        manifest: Manifest | None = None
        try:
            ignore = self.path / ".gitignore"
            if not ignore.is_file() or ignore.read_bytes() != IGNORE:  # durably, for the seal covers it
                replace_file(ignore, IGNORE)
            manifest = Manifest.open(self.manifest_path)
            os.chmod(self.manifest_path, 0o600)
            yield manifest
        except BaseException:
            with suppress(Exception):  # what went wrong first is what counts; an unsealed index is usable
                self._seal(manifest, before, live)
            raise
        else:
            self._seal(manifest, before, live)
        finally:
            if manifest:
                manifest.close()

    def _seal(self, manifest: Manifest | None, before: bytes | None, live: bytes | None) -> None:
        """Put a seal in its place: the one from before where nothing changed since."""
        if before and not (manifest and manifest.changes) and self.pointer_text() == live:
            replace_file(self.path / seal.NAME, before)
        elif manifest:
            content, counts, roots = manifest.chunk_list().content, manifest.counts(), manifest.roots()
            manifest.checkpoint()
            manifest.close()
            seal.write(self.path, content=content, counts=counts, roots=roots)

    def publish(self, manifest: Manifest, store: Store, *, fresh: bool, facts: Mapping[str, str] | None = None) -> bool:
        """Bring the vector index in line with the manifest; see `rag.index.publish.publish`."""
        return publish(self.path, manifest, store, fresh=fresh, facts=facts)

    def live_number(self) -> int | None:
        """The live generation's number; None before the first publish. Raises CorruptError."""
        pointer = read_pointer(self.path)
        return pointer.number if pointer else None

    @contextmanager
    def hold_generation(self, *, deep: bool = True) -> Iterator[Generation]:
        """The live generation, compared with its checksums (unless `deep`, its sizes) and kept as long as it is held.

        Raises IndexMissing, CorruptError.
        """
        generation, lock = self._open_live(deep)
        with lock:
            yield generation

    def _open_live(self, deep: bool) -> tuple[Generation, IO[str]]:
        """The live generation and its lock, held; tried again where a writer came in between."""
        check_entries(self.path, trust=self.trust)
        while True:
            sealed, live = seal.read(self.path), self.pointer_text()
            with ExitStack() as stack:
                try:
                    pointer = read_pointer(self.path)
                    if pointer is None:
                        raise self._not_published(sealed)
                    lock = stack.enter_context(self._open_lock(pointer))
                    share_lock(lock)
                    generation = generations.open_generation(self.path, pointer, deep=deep)
                    if sealed and sealed.files.get("CURRENT") != checksum_file(self.path / "CURRENT"):
                        raise CorruptError(f"{self.path / 'CURRENT'}: names another generation than sealed. {DERIVE}")
                    stack.pop_all()
                    return generation, lock
                except (CorruptError, FileNotFoundError, NotADirectoryError) as error:
                    if (sealed, live) == (seal.read(self.path), self.pointer_text()):
                        if isinstance(error, OSError):
                            raise CorruptError(f"{error.filename}: {error.strerror}. {DERIVE}") from error
                        raise

    def verify(self, hits: Sequence[Hit], content: str | None) -> None:
        """Compare what is about to be shown with the manifest, where that is what the hits were made from.

        `content` is the checksum of the generation they come from, None for a server's. Raises CorruptError.
        """
        sealed = seal.read(self.path)
        if sealed is None or (content is not None and sealed.content != content):
            return  # a newer version is being written, or was; the one in use was verified when it was opened
        with closing(self.read_manifest()) as manifest:
            stored = manifest.chunk_keys([hit.chunk.id for hit in hits])
        for chunk in (hit.chunk for hit in hits):
            key, crc = stored.get(chunk.id, ("", -1))
            if chunk_checksum(chunk, key) != crc and seal.read(self.path) == sealed:
                raise CorruptError(f"A passage of {chunk.source} is not what the manifest says. {REPAIR}")

    def must_exist(self) -> None:
        """Raises IndexMissing."""
        if not self.exists():
            raise IndexMissing(f"{self.base}: there is no index here or above. Make one with `rag ingest PATH`.")

    def _not_published(self, sealed: seal.Seal | None) -> RagError:
        self.must_exist()
        if sealed and "CURRENT" in sealed.files:
            return CorruptError(f"{self.path / 'CURRENT'}: missing. {DERIVE}")
        return IndexMissing(
            f"{self.path}: no ingest or import was completed here yet. Run `rag ingest PATH`, or run the `rag import` "
            "that was interrupted again."
        )

    def pointer_text(self) -> bytes | None:
        """What changes with every publish: what `CURRENT` holds, or which file says what a server has."""
        with suppress(OSError):
            return (self.path / "CURRENT").read_bytes()
        with suppress(OSError):
            status = os.stat(self.path / SERVED)
            return f"{status.st_ino} {status.st_mtime_ns}".encode()
        return None

    def _prepare(self) -> None:
        """Make the folder fit for a writer, or raise before anything is touched."""
        check_entries(self.path, trust=self.trust)
        need_write(self.path)
        prepare_folder(self.path, trust=self.trust)

    def _open_lock(self, pointer: Pointer) -> IO[str]:
        """The lock of a generation; where there is none and none can be made, a file that nobody waits for."""
        home = self.path / "generations" / str(pointer.number)
        lock = home.with_suffix(".lock")
        return open_lock(lock if lock.exists() or may_write(home.parent) else home / FACTS)

    def _check_seal(self) -> None:
        sealed = seal.read(self.path)
        if sealed and (wrong := sealed.differences(self.path)) and seal.read(self.path) == sealed:
            raise CorruptError(f"{self.path / wrong[0]}. {REPAIR}")
