"""The manifest's tables, and the steps from older versions of them.

Every row carries a checksum: over its other cells (`rag.index.codec.row_checksum`, in SQL `crc(...)`), in `chunks` over
the whole chunk as it is read (`rag.index.codec.chunk_checksum`), which says that document, span and keys still belong
together. What says who may read a document stands before its text, so that a look at it takes the same time whatever
the text.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from rag.errors import CorruptError, MismatchError
from rag.index.codec import MALFORMED, Cell, row_checksum
from rag.index.disk import raise_if_full
from rag.text.values import from_json
from rag.types import Chunk, Document, Section

VERSION = 2  # of the tables; no earlier one was ever released
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
    title TEXT NOT NULL, meta TEXT NOT NULL, text TEXT NOT NULL, sections TEXT NOT NULL, crc INTEGER NOT NULL
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
    "kept_generations": ("number", "facts"),
    "kept_vectors": ("number", "digest", "key"),
    "unfinished": ("name",),
    "letters": ("sha256", "page", "packed"),
}
LATER: Mapping[str, str] = {  # made when they are first needed; who does not know them loses no text
    "kept_generations": "(number INTEGER PRIMARY KEY, facts TEXT NOT NULL, crc INTEGER NOT NULL) STRICT",
    "kept_vectors": "(number INTEGER NOT NULL, digest TEXT NOT NULL, key TEXT NOT NULL, crc INTEGER NOT NULL) STRICT",
    "unfinished": "(name TEXT PRIMARY KEY, crc INTEGER NOT NULL) STRICT",
    "letters": "(sha256 TEXT NOT NULL, page INTEGER NOT NULL, packed BLOB NOT NULL, crc INTEGER NOT NULL) STRICT",
}


def insert_into(table: str, how: str = "") -> str:
    """The statement that inserts a row: its cells in the order of CELLS, then its checksum."""
    names = (*CELLS[table], "crc")
    return f"INSERT {how} INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"


@contextmanager
def map_errors(path: Path, what: str = "manifest") -> Iterator[None]:
    """What SQLite and damaged cells raise, as CorruptError; what a full disk makes it raise, as SpaceError."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise_if_full(error, path.parent)
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)
        if code & 0xFF in HARMLESS or (code & 0xFF == sqlite3.SQLITE_IOERR and code != sqlite3.SQLITE_IOERR_SHORT_READ):
            raise
        raise CorruptError(f"{path}: the {what} is damaged: {error}. {REPAIR}") from error
    except MALFORMED as error:  # cells that hold no JSON, no numbers, no UTF-8
        raise CorruptError(f"{path}: the {what} is damaged: {error}. {REPAIR}") from error


def row_to_document(row: tuple[Cell, ...]) -> Document:
    """A document from its cells in the order of CELLS. Raises ValueError for cells that hold none."""
    id, source, _, title, text, sections, meta = map(str, row)
    return Document(
        id, source, text, title, tuple(Section(*s) for s in json.loads(sections)), from_json(json.loads(meta))
    )


def row_to_chunk(row: tuple[Cell, ...], document: Document) -> Chunk:
    """A chunk from its cells in the order of CELLS and its document. Raises ValueError."""
    id, _, first, last, context, about, _ = row
    start, stop = int(first or 0), int(last or 0)
    sections = tuple(s for s in document.sections if s.start < stop and start < s.end)
    return Chunk(
        str(id), document.id, document.text[start:stop], start, stop, document.source, document.title, str(context),
        tuple(json.loads(str(about))), sections, document.meta,
    )  # fmt: skip


def prepare(db: sqlite3.Connection, path: Path, *, readonly: bool) -> None:
    """Give a connection the function `crc`, and a new or older file the tables of VERSION.

    Raises CorruptError for a file that is no manifest, MismatchError for another version that stays as it is.
    """
    db.create_function("crc", -1, row_checksum, deterministic=True)
    version = int(db.execute("PRAGMA user_version").fetchone()[0])
    tables = int(db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])
    if version > VERSION:
        raise MismatchError(f"{path}: written by a newer raghop (format {version}, this one knows {VERSION}).")
    if version < min(STEPS, default=VERSION) and (version or tables or readonly):
        raise CorruptError(f"{path}: not a raghop manifest, or an emptied one. {REPAIR}")
    if version == 0:
        db.executescript(f"BEGIN; {SCHEMA} PRAGMA user_version={VERSION}; COMMIT;")
    elif version < VERSION and readonly:
        raise MismatchError(
            f"{path}: written by an older raghop (format {version}, this one has {VERSION}). Run `rag rebuild` once to "
            "bring it up to date; nothing is read or embedded again."
        )
    elif version < VERSION:
        with transaction(db):
            for step in range(version, VERSION):
                STEPS[step](db)
            db.execute(f"PRAGMA user_version={VERSION}")


def list_tables(db: sqlite3.Connection) -> list[str]:
    """The tables of CELLS that are there."""
    there = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    return [name for name in CELLS if name not in LATER or name in there]


def add_table(db: sqlite3.Connection, name: str) -> None:
    """Make one of LATER, unless it is there."""
    db.execute(f"CREATE TABLE IF NOT EXISTS {name} {LATER[name]}")


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """All or nothing."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


@contextmanager
def savepoint(db: sqlite3.Connection) -> Iterator[None]:
    """All or nothing, inside a transaction, which goes on."""
    db.execute("SAVEPOINT part")
    try:
        yield
    except BaseException:
        with suppress(sqlite3.OperationalError):  # a full disk has ended the transaction itself
            db.execute("ROLLBACK TO part")
            db.execute("RELEASE part")
        raise
    db.execute("RELEASE part")


STEPS: dict[int, Callable[[sqlite3.Connection], None]] = {}  # version -> what makes the next one of its tables
