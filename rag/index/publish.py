"""Publish: a new generation of the vector index beside the live one, verified before it takes its place.

The next generation begins as a copy of the live one, or empty, and is brought in line with the manifest. It becomes the
live one by a rename and a new `CURRENT`, after every file of it is on the disk: a run that is killed before that leaves
the live one as it was. On a server a small difference is written in place; else another collection is filled beside the
one that is read, verified and put into its place, and a killed run goes on with what it has written.
"""

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from zlib import crc32

import numpy as np

from rag.errors import CorruptError, SpaceError, StoreError, UnavailableError
from rag.index import checksums, generations
from rag.index.chunk_list import ChunkList
from rag.index.disk import need_space, remove_folder, replace_file, sync
from rag.index.entries import open_private
from rag.index.generations import CHUNKS, DERIVE, FACTS, FORMAT, SHARD, Generation, Pointer
from rag.index.locks import open_lock
from rag.index.manifest import Manifest
from rag.stages import CountingStore, LocalStore, ServedStore, Store
from rag.types import Chunk, Embeddings, Query

BATCH = 1000
SERVED, FILLING = "served.txt", "filling.txt"  # what a server has; what it was given so far, and where
SETTLE = (0.0, 0.2, 1.0, 3.0)  # seconds: a server's copies may be behind for a moment, so it is looked at again
SAMPLE = 32  # chunks whose vectors are compared before a generation is published, a quarter of them also searched for


def publish(
    folder: Path, manifest: Manifest, store: Store, *, fresh: bool, facts: Mapping[str, str] | None = None
) -> bool:
    """Bring the vector index in line with the manifest; whether anything had to change.

    `store` is as the pipeline has it. `fresh` writes everything anew instead of the difference; `facts`
    describe it to readers, where not the manifest's do. A damaged generation is no base for the next one.
    """
    if not isinstance(store, LocalStore):
        return _publish_on_server(folder, manifest, store, fresh=fresh)
    listed = manifest.chunk_list()
    chunks = listed.checksums
    head = {
        "format": FORMAT,
        "facts": dict(facts or manifest.facts()),
        "roots": manifest.roots(),
        "content": listed.content,
    }
    base = None if fresh else _find_live(folder, deep=False)
    if base and head == {"format": base.format, "facts": base.facts, "roots": base.roots, "content": base.content}:
        base = _find_live(folder, deep=True)
        if base:
            generations.collect(folder, base.number)
            return False
    before = base.read_chunks().checksums if base else {}
    dead = base.dead + len(before.items() - chunks.items()) if base else 0
    if dead > len(chunks) // 2:
        base, before, dead = None, {}, 0  # a new one is smaller, and as quickly made
    copied = [base.folder / name for name in base.shard_files] if base else [manifest.path]
    need_space(folder, sum(path.stat().st_blocks * 512 for path in copied))
    number = 1 + max(generations.list_generations(folder), default=0)
    with _staging_folder(folder / "generations" / f"{number}.new") as staging:
        if base and not checksums.copy_files(base.folder, base.files, staging):
            return publish(folder, manifest, store, fresh=True, facts=facts)
        with closing(generations.open_store(store, readonly=False, path=str(staging / SHARD))) as new:
            # a generation is published when it holds what it lists, and was compared with its checksums just now
            update_store(new, manifest, chunks, before, present=before.keys())
        (staging / CHUNKS).write_text(listed.text)
        data = {**head, "dead": dead, "files": checksums.checksum_folder(staging)}
        text = json.dumps(data, indent=1, sort_keys=True).encode()
        (staging / FACTS).write_bytes(text)
        for path in [*staging.rglob("*"), staging]:
            sync(path)
    open_lock(staging.with_name(f"{number}.lock")).close()  # readers may not be allowed to make it
    os.rename(staging, staging.with_name(str(number)))
    sync(staging.parent)
    replace_file(folder / "CURRENT", str(Pointer(number, crc32(text))).encode())
    generations.collect(folder, number)
    return True


def _publish_on_server(folder: Path, manifest: Manifest, store: Store, *, fresh: bool) -> bool:
    """Write the difference in place where it is small; else fill another collection beside the one that is read."""
    listed, served = manifest.chunk_list(), folder / SERVED
    chunks, before = listed.checksums, {} if fresh else ChunkList.read(served).checksums
    with closing(generations.open_store(store, readonly=False)) as server:
        differ = len(dict(chunks.items() ^ before.items()))
        if isinstance(server, ServedStore) and (fresh or differ > len(chunks) // 2 or not server.is_live()):
            _fill_beside(folder, manifest, server, chunks)
            changed = True
        else:
            changed = update_store(server, manifest, chunks, before)
    if changed or not served.exists():
        replace_file(served, listed.text.encode())
    return changed


def _fill_beside(folder: Path, manifest: Manifest, server: ServedStore, chunks: Mapping[str, int]) -> None:
    """Fill the other collection, verify it, and let it be read. What an interrupted run wrote is not written again."""
    new, journal = server.beside(), folder / FILLING
    name, _, rest = journal.read_text().partition("\n") if journal.exists() else ("", "", "")
    if name != new.generation:
        new.discard()
        rest = ""
        replace_file(journal, f"{new.generation}\n".encode())
    done = ChunkList.parse(rest[: rest.rfind("\n") + 1]).checksums  # the last line may be half written
    with open(journal, "a", opener=open_private) as file:

        def note(ids: Sequence[str]) -> None:
            file.write(ChunkList({id: chunks[id] for id in ids}).text)
            file.flush()

        update_store(new, manifest, chunks, done, note=note)
    new.go_live()
    journal.unlink()


def _find_live(folder: Path, *, deep: bool) -> Generation | None:
    """The live generation, None where there is none, or it is damaged or of another format."""
    with suppress(CorruptError):
        pointer = generations.read_pointer(folder)
        live = generations.open_generation(folder, pointer, deep=deep) if pointer else None
        return live if live and live.format == FORMAT else None
    return None


@contextmanager
def _staging_folder(path: Path) -> Iterator[Path]:
    """An empty folder, removed if what is done in it fails."""
    remove_folder(path)
    path.mkdir(mode=0o700, parents=True)
    try:
        yield path
    except BaseException:
        remove_folder(path)
        raise


def update_store(
    store: Store,
    manifest: Manifest,
    chunks: Mapping[str, int],
    before: Mapping[str, int],
    note: Callable[[Sequence[str]], None] = lambda ids: None,
    present: AbstractSet[str] | None = None,
) -> bool:
    """Write the `chunks` that the store lacks or that differ `before`, delete all others, verify; whether it changed.

    `note` is told of ids that were written; `present` are those in the store, where that is known. Raises CorruptError.
    """
    known = present is not None
    present = store.ids() if present is None else present
    differ = {id for id, _ in chunks.items() - before.items()} | (chunks.keys() - present)
    missing = [id for id in chunks if id in differ]
    for start in range(0, len(missing), BATCH):
        batch = missing[start : start + BATCH]
        _write(store, *manifest.chunks(batch))
        note(batch)
    if extra := sorted(present - chunks.keys()):
        store.delete(extra)
    store.flush()  # an empty one, too: an engine may write once more when it opens what it has made
    pauses = (0.0,) if isinstance(store, LocalStore) else SETTLE
    for last, pause in enumerate(pauses, 1 - len(pauses)):
        time.sleep(pause)
        try:
            if not (known and _has_changed(store, missing, extra, len(chunks))) and store.ids() != chunks.keys():
                raise CorruptError(f"The vector index does not hold what the manifest says. {DERIVE}")
            _compare(store, manifest, missing[:: max(1, len(missing) // SAMPLE)])
            break
        except CorruptError:
            if last == 0:
                raise
    return bool(missing or extra)


def _has_changed(store: Store, written: Sequence[str], deleted: Sequence[str], n: int) -> bool:
    """Whether a store of `n` chunks, all known before, has what was written and nothing of what was deleted.

    It is asked where that was little, and False where nothing can be said without listing all.
    """
    if not isinstance(store, CountingStore) or len(written) + len(deleted) > n // 10:
        return False
    return store.count() == n and len(store.fetch(written)) == len(written) and not store.fetch(deleted)


class UnwritableError(StoreError):
    """A store refuses the chunks of some sources and takes others: `reasons` says why, by source."""

    def __init__(self, reasons: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{source}: {reason}" for source, reason in reasons.items()))
        self.reasons = reasons


def _write(store: Store, chunks: Sequence[Chunk], embeddings: Embeddings) -> None:
    """Write, and where the store raises, each source alone. Raises UnwritableError, or its own error."""
    try:
        store.write(chunks, embeddings)
    except (SpaceError, CorruptError, UnavailableError):
        raise
    except Exception as error:
        reasons: dict[str, str] = {}
        sources = sorted({chunk.source for chunk in chunks})
        for source in sources:
            rows = [i for i, chunk in enumerate(chunks) if chunk.source == source]
            try:
                store.write([chunks[i] for i in rows], _take(embeddings, rows))
            except UnavailableError:
                raise
            except Exception as own:
                reasons[source] = f"{type(own).__name__}: {own}"
        if len(reasons) < len(sources) or len(sources) == 1:
            raise UnwritableError(reasons) from error
        raise


def _take(embeddings: Embeddings, rows: Sequence[int]) -> Embeddings:
    return Embeddings(
        dense=None if embeddings.dense is None else embeddings.dense[list(rows)],
        sparse=None if embeddings.sparse is None else [embeddings.sparse[i] for i in rows],
        tokens=None if embeddings.tokens is None else [embeddings.tokens[i] for i in rows],
    )


def _compare(store: Store, manifest: Manifest, sample: Sequence[str]) -> None:
    """Vectors come back bit-equal, and a search for one finds nothing nearer to it than itself."""
    chunks, embeddings = manifest.chunks(sample)
    if embeddings.dense is None:
        return
    hits = store.fetch(sample, vectors=True)
    if [hit.chunk for hit in hits] != chunks:
        raise CorruptError(f"The vector index does not give back the chunks that were written. {DERIVE}")
    stored = [hit.vector for hit in hits]
    for chunk, expected, vector in zip(chunks, embeddings.dense, stored, strict=True):
        if vector is None or not np.array_equal(vector, expected):
            raise CorruptError(f"The vector index changed the vector of a chunk of {chunk.source}. {DERIVE}")
    own = embeddings.dense[::4]
    for vector, hits in zip(own, store.search([Query("", dense=v) for v in own], k=1, using="dense"), strict=True):
        if not hits or hits[0].score < 0.999 * float(vector @ vector):
            raise CorruptError(f"The vector index does not find what it holds. {DERIVE}")
