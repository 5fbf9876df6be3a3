"""The manifest's tables, and the steps from older versions of them.

Every row carries a checksum: over its other cells (`rag.index.codec.row_crc`, in SQL `crc(...)`), in `chunks` over the
whole chunk as it is read (`rag.index.codec.chunk_crc`), which says that document, span and keys still belong together.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from zlib import crc32

from rag.errors import CorruptError
from rag.index.codec import Cell, chunk_crc, row_crc
from rag.index.disk import tell_if_full
from rag.types import Chunk, Document, Section

VERSION = 2
HARMLESS = {  # what sqlite3 reports that says nothing about the file's content
    sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_INTERRUPT,
    sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CONSTRAINT,
}  # fmt: skip
REPAIR = "Run `rag check --repair`."

SCHEMA = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL, crc INTEGER NOT NULL) STRICT;
CREATE TABLE roots (name TEXT PRIMARY KEY, crc INTEGER NOT NULL) STRICT;
CREATE TABLE sources (
    name TEXT PRIMARY KEY, stamp TEXT NOT NULL, sha256 TEXT NOT NULL, parser TEXT NOT NULL, status TEXT NOT NULL,
    reason TEXT NOT NULL, documents INTEGER NOT NULL, chunks INTEGER NOT NULL, crc INTEGER NOT NULL
) STRICT;
CREATE TABLE documents (
    id TEXT PRIMARY KEY, source TEXT NOT NULL REFERENCES sources(name) ON DELETE CASCADE, digest TEXT NOT NULL,
    title TEXT NOT NULL, text TEXT NOT NULL, sections TEXT NOT NULL, meta TEXT NOT NULL, crc INTEGER NOT NULL
) STRICT;
CREATE INDEX documents_source ON documents(source);
CREATE TABLE chunks (
    id TEXT PRIMARY KEY, doc_id TEXT NOT NULL REFERENCES documents(id) ON DELETE CASCADE, start INTEGER NOT NULL,
    stop INTEGER NOT NULL, context TEXT NOT NULL, about TEXT NOT NULL, key TEXT NOT NULL REFERENCES vectors(key),
    crc INTEGER NOT NULL
) STRICT;
CREATE INDEX chunks_doc ON chunks(doc_id);
CREATE INDEX chunks_key ON chunks(key);
CREATE TABLE vectors (key TEXT PRIMARY KEY, dense BLOB, sparse BLOB, tokens BLOB, crc INTEGER NOT NULL) STRICT;
"""

CELLS: Mapping[str, tuple[str, ...]] = {
    "facts": ("name", "value"),
    "roots": ("name",),
    "sources": ("name", "stamp", "sha256", "parser", "status", "reason", "documents", "chunks"),
    "documents": ("id", "source", "digest", "title", "text", "sections", "meta"),
    "chunks": ("id", "doc_id", "start", "stop", "context", "about", "key"),
    "vectors": ("key", "dense", "sparse", "tokens"),
}


@contextmanager
def mapped(path: Path) -> Iterator[None]:
    """What SQLite and damaged cells raise, as CorruptError."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        tell_if_full(error, path.parent)
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)
        if code & 0xFF in HARMLESS or (code & 0xFF == sqlite3.SQLITE_IOERR and code != sqlite3.SQLITE_IOERR_SHORT_READ):
            raise
        raise CorruptError(f"{path}: the manifest is damaged: {error}. {REPAIR}") from error
    except (ValueError, TypeError, KeyError) as error:  # cells that hold no JSON, no numbers, no UTF-8
        raise CorruptError(f"{path}: the manifest is damaged: {error}. {REPAIR}") from error


def document_of(row: tuple[Cell, ...]) -> Document:
    """A document from its cells in the order of CELLS. Raises ValueError for cells that hold none."""
    id, source, _, title, text, sections, meta = map(str, row)
    return Document(id, source, text, title, tuple(Section(*s) for s in json.loads(sections)), json.loads(meta))


def chunk_of(row: tuple[Cell, ...], document: Document) -> Chunk:
    """A chunk from its cells in the order of CELLS and its document. Raises ValueError."""
    id, _, first, last, context, about, _ = row
    start, stop = int(first or 0), int(last or 0)
    sections = tuple(s for s in document.sections if s.start < stop and start < s.end)
    return Chunk(
        str(id), document.id, document.text[start:stop], start, stop, document.source, document.title, str(context),
        tuple(json.loads(str(about))), sections, document.meta,
    )  # fmt: skip


def prepare(db: sqlite3.Connection) -> None:
    """Give a connection the function `crc`."""
    db.create_function("crc", -1, row_crc, deterministic=True)


def pipeline_of(path: Path) -> str | None:
    """The pipeline that a manifest of any version names, None where it names none."""
    db = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
    try:
        row = db.execute("SELECT value FROM facts WHERE name = 'pipeline'").fetchone()
        return str(row[0]) if row else None
    except sqlite3.DatabaseError:
        return None
    finally:
        db.close()


def migrate(db: sqlite3.Connection, version: int) -> None:
    """Bring the tables of an older version up to VERSION, in one transaction. Raises CorruptError."""
    db.execute("BEGIN IMMEDIATE")
    try:
        for step in range(version, VERSION):
            STEPS[step](db)
        db.execute(f"PRAGMA user_version={VERSION}")
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


def _checksums(db: sqlite3.Connection) -> None:
    """1 -> 2: vectors had a checksum of their own kind, other rows had none."""
    for key, *blobs, crc in db.execute("SELECT key, dense, sparse, tokens, crc FROM vectors"):
        found = crc32(key.encode())
        for blob in blobs:
            found = crc32(blob if blob is not None else b"\0", found)
        if found != crc:
            raise CorruptError("stored vectors fail their checksum; delete .rag and ingest again.")
    db.execute("CREATE TABLE roots (name TEXT PRIMARY KEY, crc INTEGER NOT NULL) STRICT")
    for table in ("facts", "sources", "documents", "chunks"):
        db.execute(f"ALTER TABLE {table} ADD COLUMN crc INTEGER NOT NULL DEFAULT 0")
    for column in ("documents", "chunks"):
        db.execute(f"ALTER TABLE sources ADD COLUMN {column} INTEGER NOT NULL DEFAULT 0")
    db.execute(
        "UPDATE sources SET documents = (SELECT count(*) FROM documents d WHERE d.source = name), chunks = "
        "(SELECT count(*) FROM chunks c JOIN documents d ON d.id = c.doc_id WHERE d.source = name)"
    )
    for table in ("facts", "sources", "documents", "vectors"):
        db.execute(f"UPDATE {table} SET crc = crc({', '.join(CELLS[table])})")
    for row in db.execute(f"SELECT {', '.join(CELLS['documents'])} FROM documents").fetchall():
        document = document_of(row)
        cells = f"SELECT {', '.join(CELLS['chunks'])} FROM chunks WHERE doc_id = ?"
        for chunk in db.execute(cells, (document.id,)).fetchall():
            crc = chunk_crc(chunk_of(chunk, document), chunk[6])
            db.execute("UPDATE chunks SET crc = ? WHERE id = ?", (crc, chunk[0]))


STEPS: Mapping[int, Callable[[sqlite3.Connection], None]] = {1: _checksums}
