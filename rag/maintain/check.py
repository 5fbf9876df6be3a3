"""Is an index what it was when its last writer left? `check` says what is not; it changes nothing.

Always compared: every file with its checksum, the vector index with what `CURRENT` says of it, the manifest's checksum
of all chunks with the generation's. With `deep` also what those cannot know: SQLite's own structure, the checksum of
every row, documents against their hashes, and every chunk and dense vector in the vector index against the
manifest's.
"""

from collections.abc import Iterator
from contextlib import closing, nullcontext
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from rag.errors import CorruptError, RagError, SpaceError
from rag.index import chats, seal
from rag.index.codec import chunk_checksum
from rag.index.facts import REPAIRING
from rag.index.folder import Index
from rag.index.generations import open_generation, open_store, read_pointer
from rag.index.locks import Wait
from rag.index.manifest import Manifest
from rag.index.tables import CELLS, list_tables, map_errors, row_to_chunk, row_to_document
from rag.index.unwritable import lend_shard
from rag.stages import LocalStore, ServedStore, Store

BATCH = 1000
MOST = 20  # findings of SQLite's own check


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with a `part`: "seal", "manifest", "vector index" or "conversations"."""

    part: str
    what: str


def check(index: Index, store: Store | None, *, deep: bool, wait: Wait | None = None) -> list[Finding]:
    """Everything that is wrong. `store` is as the pipeline has it, None where that cannot be built.

    Raises IndexMissing, LockedError unless it is to `wait`; SpaceError where the engine has no room to look.
    """
    index.must_exist()
    with index.keep_still(wait=wait):
        return list(find_problems(index, store, deep=deep))


def find_problems(index: Index, store: Store | None, *, deep: bool) -> Iterator[Finding]:
    """`check` under the writer's lock, which the caller holds."""
    if damage := chats.find_damage(index.path / chats.NAME):
        yield Finding("conversations", f"{chats.NAME}: {damage}")
    sealed = None
    try:
        sealed = seal.read(index.path)
        if sealed is None:
            yield Finding("seal", "missing: the last run was interrupted before it was done, or the seal was removed")
    except CorruptError as error:
        yield Finding("seal", str(error))
    for what in sealed.differences(index.path) if sealed else ():
        yield Finding("manifest" if what.startswith(seal.MANIFEST) else "vector index", what)
    if not index.manifest_path.is_file():
        yield Finding("manifest", "missing")
        return
    try:
        manifest = Manifest.open(index.manifest_path, readonly=True)
    except CorruptError as error:
        yield Finding("manifest", str(error))
        return
    with closing(manifest):
        wrong = list(_rows(manifest, sealed, deep))
        yield from (Finding("manifest", what) for what in wrong)
        if not wrong:
            yield from (Finding("vector index", what) for what in _vectors(index, manifest, store, deep))


def _rows(manifest: Manifest, sealed: seal.Seal | None, deep: bool) -> Iterator[str]:
    try:
        if REPAIRING in manifest.facts():
            yield "a repair of it was interrupted"
        manifest.roots(), manifest.sources()
        if sealed and sealed.counts != manifest.counts():
            yield f"it holds {manifest.counts()} rows, and was sealed with {dict(sealed.counts)}"
        if deep:
            with map_errors(manifest.path):
                yield from audit(manifest.db)
    except CorruptError as error:
        yield str(error)


def audit(db: Any) -> Iterator[str]:
    """What is wrong inside a manifest's tables, by SQLite's structure, by every row's checksum, by what rows say of
    each other. Raises sqlite3.DatabaseError, ValueError where that cannot even be asked."""
    for (what,) in db.execute(f"PRAGMA integrity_check({MOST})").fetchall():
        if what != "ok":
            yield f"SQLite: {what}"
    for table in (name for name in list_tables(db) if name != "chunks"):
        wrong = f"SELECT count(*) FROM {table} WHERE crc != crc({', '.join(CELLS[table])})"
        if bad := db.execute(wrong).fetchone()[0]:
            yield f"{bad:,} rows of {table} fail their checksum"
    bad = 0
    for row in db.execute(f"SELECT {', '.join(CELLS['documents'])} FROM documents"):
        document = row_to_document(row)
        bad += document.digest != row[2]
        chunks = db.execute(f"SELECT {', '.join(CELLS['chunks'])}, crc FROM chunks WHERE doc_id = ?", (document.id,))
        bad += sum(chunk_checksum(row_to_chunk(chunk[:-1], document), chunk[6]) != chunk[-1] for chunk in chunks)
    if bad:
        yield f"{bad:,} documents or chunks are not what their hashes say"
    for what, query in RELATIONS.items():
        if found := db.execute(query).fetchone()[0]:
            yield f"{found:,} {what}"


RELATIONS = {
    "chunks without their document": "SELECT count(*) FROM chunks WHERE doc_id NOT IN (SELECT id FROM documents)",
    "chunks without their vectors": "SELECT count(*) FROM chunks WHERE key NOT IN (SELECT key FROM vectors)",
    "documents without their source": "SELECT count(*) FROM documents WHERE source NOT IN (SELECT name FROM sources)",
    "sources lack documents or chunks": (
        "SELECT count(*) FROM sources s WHERE documents != (SELECT count(*) FROM documents d WHERE d.source = s.name) "
        "OR chunks != (SELECT count(*) FROM chunks c JOIN documents d ON d.id = c.doc_id WHERE d.source = s.name)"
    ),
}


def _vectors(index: Index, manifest: Manifest, store: Store | None, deep: bool) -> Iterator[str]:
    try:
        chunks = manifest.chunk_list()
        ids = list(chunks.checksums)
        live = None
        if store is None or isinstance(store, LocalStore):
            pointer = read_pointer(index.path)
            if pointer is None:
                if ids:
                    yield "CURRENT is missing"
                return
            live = open_generation(index.path, pointer)
            if (live.facts, live.content) != (manifest.facts(), chunks.content):
                yield "not in line with the manifest: an ingest or a rebuild was interrupted; run it again"
                return
        if deep and store is not None:
            with (
                lend_shard(live) if live else nullcontext() as lent,
                closing(open_store(store, readonly=True, path=lent.shard if lent else "")) as usable,
            ):
                yield from _compare_chunks(usable, manifest, ids)
        elif isinstance(store, ServedStore):
            with closing(open_store(store, readonly=True)) as usable:
                if (found := cast(ServedStore, usable).count()) != len(ids):
                    yield f"the server holds {found:,} chunks, the manifest names {len(ids):,}"
    except SpaceError:  # nothing is known of what could not be opened
        raise
    except RagError as error:
        yield str(error)


def _compare_chunks(store: Store, manifest: Manifest, ids: list[str]) -> Iterator[str]:
    """Every chunk and dense vector of the store against the manifest's."""
    if store.ids() != set(ids):
        yield "it does not hold the chunks that the manifest names"
        return
    bad = 0
    for start in range(0, len(ids), BATCH):
        chunks, embeddings = manifest.chunks(ids[start : start + BATCH])
        hits = store.fetch([chunk.id for chunk in chunks], vectors=embeddings.dense is not None)
        expected: Any = [None] * len(chunks) if embeddings.dense is None else embeddings.dense
        for chunk, vector, hit in zip(chunks, expected, hits, strict=True):
            same = vector is None or (hit.vector is not None and np.array_equal(hit.vector, vector))
            bad += hit.chunk != chunk or not same
    if bad:
        yield f"{bad:,} chunks in it are not what the manifest says"
