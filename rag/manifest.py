"""The manifest: one SQLite file that is the truth about an index; the vector index is derived from it.

source -> document -> chunk -> vectors, with content hashes and a status for every source. WAL with synchronous=FULL:
what was committed survives a killed process. It holds no engine and knows no stage; `rag.index` owns the folder.
Vectors are stored once per content key, so a renamed file, a copy or an interrupted run never pays for them again.
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rag.errors import CorruptError, MismatchError
from rag.space import tell_if_full
from rag.types import Chunk, Chunked, Document, Embeddings, Section, Source, Sparse

VERSION = 1

SCHEMA = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE sources (
    name TEXT PRIMARY KEY, stamp TEXT NOT NULL, sha256 TEXT NOT NULL, parser TEXT NOT NULL,
    status TEXT NOT NULL, reason TEXT NOT NULL
) STRICT;
CREATE TABLE documents (
    id TEXT PRIMARY KEY, source TEXT NOT NULL REFERENCES sources(name) ON DELETE CASCADE, digest TEXT NOT NULL,
    title TEXT NOT NULL, text TEXT NOT NULL, sections TEXT NOT NULL, meta TEXT NOT NULL
) STRICT;
CREATE INDEX documents_source ON documents(source);
CREATE TABLE chunks (
    id TEXT PRIMARY KEY, doc_id TEXT NOT NULL REFERENCES documents(id) ON DELETE CASCADE, start INTEGER NOT NULL,
    stop INTEGER NOT NULL, context TEXT NOT NULL, about TEXT NOT NULL, key TEXT NOT NULL REFERENCES vectors(key)
) STRICT;
CREATE INDEX chunks_doc ON chunks(doc_id);
CREATE INDEX chunks_key ON chunks(key);
CREATE TABLE vectors (key TEXT PRIMARY KEY, dense BLOB, sparse BLOB, tokens BLOB, crc INTEGER NOT NULL) STRICT;
"""


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


def _pack(array: np.ndarray[tuple[int, ...], np.dtype[np.float32]], *, rows: bool = False) -> bytes:
    data = np.ascontiguousarray(array, dtype="<f4")
    return (np.array([len(data)], dtype="<i8").tobytes() if rows else b"") + data.tobytes()


def _pack_sparse(sparse: Sparse) -> bytes:
    head = np.array([len(sparse.indices)], dtype="<i8").tobytes()
    return head + sparse.indices.astype("<i8").tobytes() + sparse.values.astype("<f4").tobytes()


def _unpack_sparse(blob: bytes) -> Sparse:
    n = int(np.frombuffer(blob, "<i8", count=1)[0])
    indices = np.frombuffer(blob, "<i8", count=n, offset=8)
    return Sparse(indices, np.frombuffer(blob, "<f4", count=n, offset=8 + 8 * n))


def _unpack_rows(blob: bytes) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    n = int(np.frombuffer(blob, "<i8", count=1)[0])
    return np.frombuffer(blob, "<f4", offset=8).reshape(n, -1)


def _crc(key: str, *blobs: bytes | None) -> int:
    crc = zlib.crc32(key.encode())
    for blob in blobs:
        crc = zlib.crc32(blob if blob is not None else b"\0", crc)
    return crc


class Manifest:
    """An open manifest. Use `Manifest.open` and `close`; writes go through `transaction`."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._db = connection
        self.path = path

    @classmethod
    def open(cls, path: Path, *, readonly: bool = False) -> Manifest:
        """Open, creating the schema when the file is new. Raises CorruptError, MismatchError (newer version)."""
        try:
            if readonly:
                db = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None)
            else:
                db = sqlite3.connect(path, isolation_level=None)
                db.execute("PRAGMA journal_mode=WAL")
                db.execute("PRAGMA synchronous=FULL")
            db.execute("PRAGMA foreign_keys=ON")
            db.execute("PRAGMA busy_timeout=10000")
            version = int(db.execute("PRAGMA user_version").fetchone()[0])
            tables = int(db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])
        except sqlite3.DatabaseError as error:
            tell_if_full(error, path.parent)
            raise CorruptError(f"{path}: the manifest cannot be read: {error}.") from error
        if version > VERSION:
            db.close()
            raise MismatchError(f"{path}: written by a newer raghop (format {version}, this one knows {VERSION}).")
        if version == 0:
            if tables or readonly:
                db.close()
                raise CorruptError(f"{path}: not a raghop manifest, or an emptied one; delete .rag and ingest again.")
            db.executescript(f"BEGIN; {SCHEMA} PRAGMA user_version={VERSION}; COMMIT;")
        return cls(db, path)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    # -- facts: fingerprints, the pipeline, the roots ------------------------------------------------------------

    def facts(self) -> dict[str, str]:
        """Everything noted about the index as a whole."""
        return dict(self._db.execute("SELECT name, value FROM facts"))

    def note(self, facts: Mapping[str, str]) -> None:
        """Replace all facts."""
        self._db.execute("DELETE FROM facts")
        self._db.executemany("INSERT INTO facts VALUES (?, ?)", list(facts.items()))

    # -- sources -------------------------------------------------------------------------------------------------

    def sources(self) -> dict[str, SourceRow]:
        """Every source by name."""
        rows = self._db.execute(
            "SELECT s.name, stamp, sha256, parser, status, reason, count(DISTINCT d.id), count(c.id) FROM sources s "
            "LEFT JOIN documents d ON d.source = s.name LEFT JOIN chunks c ON c.doc_id = d.id "
            "GROUP BY s.name ORDER BY s.name"
        )
        return {row[0]: SourceRow(row[0], tuple(json.loads(row[1])), *row[2:]) for row in rows}

    def put_source(self, source: Source, *, sha256: str, parser: str, status: str, reason: str) -> None:
        """Add or update a source's own row; its documents stay."""
        self._db.execute(
            "INSERT INTO sources VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET stamp = excluded.stamp, "
            "sha256 = excluded.sha256, parser = excluded.parser, status = excluded.status, reason = excluded.reason",
            (source.name, json.dumps(source.stamp), sha256, parser, status, reason),
        )

    def restamp(self, sources: Iterable[Source]) -> None:
        """Note new stamps of sources whose content is unchanged."""
        self._db.executemany(
            "UPDATE sources SET stamp = ? WHERE name = ?", [(json.dumps(s.stamp), s.name) for s in sources]
        )

    def drop_sources(self, names: Iterable[str]) -> None:
        """Remove sources with their documents and chunks."""
        self._db.executemany("DELETE FROM sources WHERE name = ?", [(name,) for name in names])

    # -- documents and chunks ------------------------------------------------------------------------------------

    def replace_documents(self, source: str, batch: Sequence[Chunked], keys: Sequence[Sequence[str]]) -> None:
        """A source's documents and chunks from now on; `keys[i][j]` names the vectors of chunk j of document i."""
        self._db.execute("DELETE FROM documents WHERE source = ?", (source,))
        self._db.executemany(
            "INSERT INTO documents VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    d.id, d.source, d.digest, d.title, d.text,
                    json.dumps([(s.start, s.end, s.kind, s.label) for s in d.sections]), json.dumps(dict(d.meta)),
                )
                for d in (chunked.document for chunked in batch)
            ],
        )  # fmt: skip
        self._db.executemany(
            "INSERT INTO chunks VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                (c.id, c.doc_id, c.start, c.end, c.context, json.dumps(c.about), key)
                for chunked, row in zip(batch, keys, strict=True)
                for c, key in zip(chunked.chunks, row, strict=True)
            ],
        )

    def documents(self, source: str) -> list[Document]:
        """The documents of a source, in the order they were loaded."""
        ids = [
            row[0] for row in self._db.execute("SELECT id FROM documents WHERE source = ? ORDER BY rowid", (source,))
        ]
        found = {document.id: document for document in self._documents(ids)}
        return [found[i] for i in ids]

    def chunk_ids(self) -> list[str]:
        """Every chunk id, documents together: what the vector index must hold, no more and no less."""
        return [row[0] for row in self._db.execute("SELECT id FROM chunks ORDER BY rowid")]

    def counts(self) -> dict[str, int]:
        """Numbers of sources, documents, chunks and vectors."""
        tables = ("sources", "documents", "chunks", "vectors")
        return {t: int(self._db.execute(f"SELECT count(*) FROM {t}").fetchone()[0]) for t in tables}

    def chunks(self, ids: Sequence[str]) -> tuple[list[Chunk], Embeddings]:
        """These chunks with their vectors, checked against their checksums. Raises CorruptError."""
        rows = {
            row[0]: row
            for row in self._select(
                "SELECT c.id, doc_id, start, stop, context, about, v.key, dense, sparse, tokens, crc "
                "FROM chunks c JOIN vectors v ON v.key = c.key WHERE c.id",
                ids,
            )
        }
        documents = {d.id: d for d in self._documents({row[1] for row in rows.values()})}
        found = [rows[i] for i in ids if i in rows]
        chunks = []
        for row in found:
            document, start, stop = documents[row[1]], row[2], row[3]
            if _crc(row[6], *row[7:10]) != row[10]:
                raise CorruptError(f"{self.path}: stored vectors of {document.source} fail their checksum.")
            chunks.append(
                Chunk(
                    row[0], document.id, document.text[start:stop], start, stop, document.source, document.title,
                    row[4], tuple(json.loads(row[5])),
                    tuple(s for s in document.sections if s.start < stop and start < s.end), document.meta,
                )
            )  # fmt: skip
        first = found[0] if found else (None,) * 11
        return chunks, Embeddings(
            dense=np.stack([np.frombuffer(row[7], "<f4") for row in found]) if first[7] else None,
            sparse=[_unpack_sparse(row[8]) for row in found] if first[8] else None,
            tokens=[_unpack_rows(row[9]) for row in found] if first[9] else None,
        )

    def _select(self, query: str, values: Iterable[str]) -> Iterator[tuple[Any, ...]]:
        """Rows of `query IN (values)`, asked for in parts that SQLite accepts."""
        wanted = list(dict.fromkeys(values))
        for start in range(0, len(wanted), 500):
            part = wanted[start : start + 500]
            yield from self._db.execute(f"{query} IN ({','.join('?' * len(part))})", part)

    def _documents(self, ids: Iterable[str]) -> Iterator[Document]:
        for row in self._select("SELECT id, source, text, title, sections, meta FROM documents WHERE id", ids):
            sections = tuple(Section(*s) for s in json.loads(row[4]))
            yield Document(row[0], row[1], row[2], row[3], sections, json.loads(row[5]))

    # -- vectors -------------------------------------------------------------------------------------------------

    def known_keys(self, keys: Iterable[str]) -> set[str]:
        """Those of `keys` that have stored vectors."""
        return {row[0] for row in self._select("SELECT key FROM vectors WHERE key", keys)}

    def put_vectors(self, keys: Sequence[str], embeddings: Embeddings) -> None:
        """Store one row per key."""
        rows = []
        for i, key in enumerate(keys):
            dense = None if embeddings.dense is None else _pack(embeddings.dense[i])
            sparse = None if embeddings.sparse is None else _pack_sparse(embeddings.sparse[i])
            tokens = None if embeddings.tokens is None else _pack(embeddings.tokens[i], rows=True)
            rows.append((key, dense, sparse, tokens, _crc(key, dense, sparse, tokens)))
        self._db.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?, ?, ?)", rows)

    def sweep(self) -> int:
        """Drop vectors that no chunk uses; how many."""
        cursor = self._db.execute("DELETE FROM vectors WHERE key NOT IN (SELECT key FROM chunks)")
        return cursor.rowcount
