"""The manifest: one SQLite file that is the truth about an index; the vector index is derived from it.

source -> document -> chunk -> vectors, with content hashes, a status for every source and a checksum in every row that
is compared whenever the row is read. WAL with synchronous=FULL: what was committed survives a killed process. It holds
no engine and knows no stage; `rag.index.folder` owns the folder, `rag.index.tables` the tables. Vectors are stored once
per content key, so a renamed file, a copy or an interrupted run never pays for them again.
"""

import json
import os
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np

from rag.errors import CorruptError, LockedError, RagError
from rag.index.codec import Cell, chunk_checksum, pack, pack_rows, pack_sparse, row_checksum, unpack_rows, unpack_sparse
from rag.index.disk import sync
from rag.index.tables import (
    CELLS,
    REPAIR,
    insert_into,
    map_errors,
    prepare,
    row_to_chunk,
    row_to_document,
    savepoint,
    transaction,
)
from rag.index.unwritable import may_write
from rag.text.access import FIELD
from rag.types import Chunk, Chunked, Document, Embeddings, Source

JOURNAL = "An interrupted run left a journal, which is read only where the folder can be written."
AMONG = "IN (SELECT value FROM json_each(?))"


@dataclass(frozen=True, slots=True)
class SourceRow:
    """What the manifest knows of a source. `documents` and `chunks` are counts."""

    name: str
    stamp: tuple[int, ...]
    sha256: str
    parser: str
    status: str
    reason: str
    documents: int
    chunks: int


class Manifest:
    """An open manifest. Use `Manifest.open` and `close`; what writes is called inside `transaction`, or RuntimeError.

    Every method raises CorruptError for rows that fail their checksum and for a file that SQLite cannot read. `db` is
    the connection, for the modules that check and repair.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self.db = connection
        self.path = path

    @classmethod
    def open(cls, path: Path, *, readonly: bool = False) -> Self:
        """Open, creating the schema when the file is new, migrating an older one.

        Raises CorruptError, MismatchError (a newer version; with `readonly`, also an older one).
        """
        if not readonly and not path.exists():
            _create(path)
        with map_errors(path):
            mode = "rwc" if not readonly else "ro" if may_write(path.parent) or _journal(path) else "ro&immutable=1"
            uri = f"{path.resolve().as_uri()}?mode={mode}"
            db = sqlite3.connect(uri, uri=True, isolation_level=None)
        try:
            with map_errors(path):
                db.execute("PRAGMA busy_timeout=10000")
                if not readonly:
                    db.execute("PRAGMA journal_mode=WAL")
                    db.execute("PRAGMA synchronous=FULL")
                    db.execute("PRAGMA temp_store=MEMORY")  # no copies of the text in other places
                db.execute("PRAGMA foreign_keys=ON")
                prepare(db, path, readonly=readonly)
        except BaseException as error:
            db.close()
            if getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_CANTOPEN:
                raise RagError(
                    f"{path}: cannot be opened. {JOURNAL if _journal(path) else 'May you read it?'}"
                ) from error
            raise
        return cls(db, path)

    def close(self) -> None:
        """Close the file."""
        self.db.close()

    def transaction(self) -> AbstractContextManager[None]:
        """All or nothing."""
        return transaction(self.db)

    def savepoint(self) -> AbstractContextManager[None]:
        """All or nothing, inside a transaction, which goes on."""
        return savepoint(self.db)

    @property
    def changes(self) -> int:
        """Rows changed since it was opened."""
        return self.db.total_changes

    def facts(self) -> dict[str, str]:
        """Everything noted about the index as a whole."""
        return {name: value for name, value, _ in self._rows("facts", "ORDER BY name")}

    def set_facts(self, facts: Mapping[str, str]) -> None:
        """Replace all facts."""
        self._write("DELETE FROM facts", [()])
        self._write("INSERT INTO facts (name, value, crc) VALUES (?1, ?2, crc(?1, ?2))", facts.items())

    def roots(self) -> list[str]:
        """What was ever ingested: files and folders, relative to the index where they lie beside it."""
        return [name for name, _ in self._rows("roots", "ORDER BY name")]

    def add_roots(self, roots: Iterable[str]) -> None:
        """Remember these."""
        self._write("INSERT OR IGNORE INTO roots (name, crc) VALUES (?1, crc(?1))", [(r,) for r in roots])

    def sources(self) -> dict[str, SourceRow]:
        """Every source by name."""
        with map_errors(self.path):
            rows = self._rows("sources", "ORDER BY name")
            return {row[0]: SourceRow(row[0], tuple(json.loads(row[1])), *row[2:-1]) for row in rows}

    def put_source(self, source: Source, *, sha256: str, parser: str, status: str, reason: str) -> None:
        """Add or update a source's own row; its documents stay."""
        crc = "excluded.name, excluded.stamp, excluded.sha256, excluded.parser, excluded.status, excluded.reason"
        self._write(
            "INSERT INTO sources (name, stamp, sha256, parser, status, reason, documents, chunks, crc) VALUES "
            "(?1, ?2, ?3, ?4, ?5, ?6, 0, 0, crc(?1, ?2, ?3, ?4, ?5, ?6, 0, 0)) ON CONFLICT (name) DO UPDATE SET "
            "stamp = excluded.stamp, sha256 = excluded.sha256, parser = excluded.parser, status = excluded.status, "
            f"reason = excluded.reason, crc = crc({crc}, documents, chunks)",
            [(source.name, json.dumps(source.stamp), sha256, parser, status, reason)],
        )

    def update_stamps(self, sources: Iterable[Source]) -> None:
        """Note new stamps of sources whose content is unchanged."""
        self._write(
            "UPDATE sources SET stamp = ?2, crc = crc(name, ?2, sha256, parser, status, reason, documents, chunks) "
            "WHERE name = ?1",
            [(source.name, json.dumps(source.stamp)) for source in sources],
        )

    def drop_sources(self, names: Iterable[str]) -> None:
        """Remove sources with their documents and chunks."""
        self._write("DELETE FROM sources WHERE name = ?", [(name,) for name in names])

    def _write(self, statement: str, rows: Iterable[Sequence[Cell]]) -> int:
        """Do it with every row; how many rows it changed. Part of a transaction, or a kill would leave half of it."""
        if not self.db.in_transaction:
            raise RuntimeError("a manifest is written inside its transaction")
        return self.db.executemany(statement, rows).rowcount

    def replace_documents(self, source: str, batch: Sequence[Chunked], keys: Sequence[Sequence[str]]) -> None:
        """A source's documents and chunks from now on; `keys[i][j]` names the vectors of chunk j of document i."""
        self._write("DELETE FROM documents WHERE source = ?", [(source,)])
        self._write(
            "INSERT INTO documents (id, source, digest, title, text, sections, meta, crc) "
            "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, crc(?1, ?2, ?3, ?4, ?5, ?6, ?7))",
            [
                (
                    d.id, d.source, d.digest, d.title, d.text,
                    json.dumps([(s.start, s.end, s.kind, s.label) for s in d.sections]), json.dumps(dict(d.meta)),
                )
                for d in (chunked.document for chunked in batch)
            ],
        )  # fmt: skip
        cells = [
            (chunked.document, (c.id, c.doc_id, c.start, c.end, c.context, json.dumps(c.about), key))
            for chunked, row in zip(batch, keys, strict=True)
            for c, key in zip(chunked.chunks, row, strict=True)
        ]
        rows = [(*row, chunk_checksum(row_to_chunk(row, document), row[-1])) for document, row in cells]
        self._write(insert_into("chunks"), rows)
        self._write(
            "UPDATE sources SET documents = ?2, chunks = ?3, crc = crc(name, stamp, sha256, parser, status, reason, "
            "?2, ?3) WHERE name = ?1",
            [(source, len(batch), len(rows))],
        )

    def documents(self, source: str) -> list[Document]:
        """The documents of a source, in the order they were loaded."""
        return self.select_documents("source = ?", [source])

    def select_documents(self, condition: str, values: Sequence[str]) -> list[Document]:
        """The documents for which a condition in SQL holds, in the order they were loaded."""
        with map_errors(self.path):
            rows = self._rows("documents", f"WHERE {condition} ORDER BY rowid", values)
            return [row_to_document(row[:-1]) for row in rows]

    def set_access(self, source: str, groups: Sequence[str]) -> None:
        """The groups that may read all documents of a source, from now on; chunks and vectors stay."""
        documents = [replace(one, meta={**one.meta, FIELD: tuple(groups)}) for one in self.documents(source)]
        batch, keys = [], []
        for document in documents:
            with map_errors(self.path):
                rows = self._rows("chunks", "WHERE doc_id = ? ORDER BY rowid", [document.id])
                batch.append(Chunked(document, tuple(row_to_chunk(row[:-1], document) for row in rows)))
                keys.append([row[6] for row in rows])
        self.replace_documents(source, batch, keys)

    def chunk_checksums(self) -> dict[str, int]:
        """The checksum of every chunk by id, documents together: what the vector index must hold, no more, no less."""
        with map_errors(self.path):
            return dict(self.db.execute("SELECT id, crc FROM chunks ORDER BY rowid").fetchall())

    def chunk_ids(self) -> list[str]:
        """Every chunk id, documents together."""
        return list(self.chunk_checksums())

    def chunk_keys(self, ids: Iterable[str]) -> dict[str, tuple[str, int]]:
        """The vectors' key and the checksum of those of these chunks that exist."""
        with map_errors(self.path):
            return {row[0]: (row[6], row[-1]) for row in self._among("chunks", "id", ids)}

    def chunks_over(self, document: str, start: int, end: int) -> list[str]:
        """The ids of a document's chunks that overlap a span of its text, in text order."""
        with map_errors(self.path):
            rows = self.db.execute(
                "SELECT id FROM chunks WHERE doc_id = ? AND start < ? AND stop > ? ORDER BY start",
                [document, end, start],
            )
            return [str(id) for (id,) in rows]

    def counts(self) -> dict[str, int]:
        """Numbers of sources, documents, chunks and vectors."""
        tables = ("sources", "documents", "chunks", "vectors")
        with map_errors(self.path):
            return {t: int(self.db.execute(f"SELECT count(*) FROM {t}").fetchone()[0]) for t in tables}

    def chunks(self, ids: Sequence[str]) -> tuple[list[Chunk], Embeddings]:
        """These chunks with their vectors."""
        with map_errors(self.path):
            found = {row[0]: row for row in self._among("chunks", "id", ids)}
            owners = self._among("documents", "id", {row[1] for row in found.values()})
            documents = {row[0]: row_to_document(row[:-1]) for row in owners}
            vectors = {row[0]: row for row in self._among("vectors", "key", {row[6] for row in found.values()})}
            chunks, keyed = [], []
            for row in (found[i] for i in ids if i in found):
                chunk = row_to_chunk(row[:-1], documents[row[1]])
                if chunk_checksum(chunk, row[6]) != row[-1]:
                    raise CorruptError(f"{self.path}: a stored chunk of {chunk.source} fails its checksum. {REPAIR}")
                chunks.append(chunk)
                keyed.append(vectors[row[6]])
            first = keyed[0] if keyed else (None,) * 5
            return chunks, Embeddings(
                dense=np.stack([np.frombuffer(row[1], "<f4") for row in keyed]) if first[1] else None,
                sparse=[unpack_sparse(row[2]) for row in keyed] if first[2] else None,
                tokens=[unpack_rows(row[3]) for row in keyed] if first[3] else None,
            )

    def known_keys(self, keys: Iterable[str]) -> set[str]:
        """Those of `keys` that have stored vectors."""
        rows = self.db.execute(f"SELECT key FROM vectors WHERE key {AMONG}", [json.dumps(list(keys))])
        return {key for (key,) in rows}

    def put_vectors(self, keys: Sequence[str], embeddings: Embeddings) -> None:
        """Store one row per key."""
        rows = []
        for i, key in enumerate(keys):
            dense = None if embeddings.dense is None else pack(embeddings.dense[i])
            sparse = None if embeddings.sparse is None else pack_sparse(embeddings.sparse[i])
            tokens = None if embeddings.tokens is None else pack_rows(embeddings.tokens[i])
            rows.append((key, dense, sparse, tokens, row_checksum(key, dense, sparse, tokens)))
        self._write(insert_into("vectors", "OR REPLACE"), rows)

    def drop_unused_vectors(self) -> int:
        """Drop vectors that no chunk uses; how many."""
        return self._write("DELETE FROM vectors WHERE key NOT IN (SELECT key FROM chunks)", [()])

    def clear(self) -> None:
        """Drop everything."""
        for table in CELLS:
            self._write(f"DELETE FROM {table}", [()])

    def checkpoint(self) -> bool:
        """Move everything from the journal into the file; False where a reader still needs the journal."""
        self.db.execute("PRAGMA busy_timeout=1000")
        emptied = not self.db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        with suppress(FileNotFoundError):  # SQLite leaves that to chance, and the seal says that it is empty
            sync(self.path.with_name(f"{self.path.name}-wal"))
        return emptied

    def vacuum(self) -> None:
        """Write the file anew, so that nothing that was deleted is left in it. Raises LockedError."""
        self.db.execute("VACUUM")
        if not self.checkpoint():
            raise LockedError(f"{self.path}: another process is reading; what was purged is still in its journal.")

    def _rows(self, table: str, rest: str, values: Sequence[str] = ()) -> list[tuple[Any, ...]]:
        """Rows in the order of CELLS with their checksum last, which is compared (a chunk's takes its document)."""
        with map_errors(self.path):
            rows = self.db.execute(f"SELECT {', '.join(CELLS[table])}, crc FROM {table} {rest}", values).fetchall()
        if table != "chunks" and any(row_checksum(*row[:-1]) != row[-1] for row in rows):
            raise CorruptError(f"{self.path}: a row of {table} fails its checksum. {REPAIR}")
        return rows

    def _among(self, table: str, column: str, values: Iterable[str]) -> list[tuple[Any, ...]]:
        """Rows whose column holds one of the values."""
        return self._rows(table, f"WHERE {column} {AMONG}", [json.dumps(list(values))])


def _journal(path: Path) -> bool:
    """Whether a journal holds what is not in the file yet."""
    journal = path.with_name(f"{path.name}-wal")
    return journal.exists() and journal.stat().st_size > 0


def _create(path: Path) -> None:
    """Make an empty manifest, whole before it has its name: what a killed process has begun, no reader could open."""
    new = path.with_name(f"{path.name}.new")
    for name in (new, path):
        for end in ("", "-journal", "-wal", "-shm"):
            Path(f"{name}{end}").unlink(missing_ok=True)
    with map_errors(path), closing(sqlite3.connect(new, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode=WAL")
        prepare(db, new, readonly=False)
    sync(new)
    os.rename(new, path)
    sync(path.parent)
