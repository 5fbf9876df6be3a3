"""A new manifest from a damaged one: every row that still passes its checksum, and what is missing to each source.

Read row by row, because SQLite stops at the first page that makes no sense and the rows behind it are mostly sound. The
damaged file is worked on as a copy, with the first page put back that the seal kept.
"""

import os
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag.errors import CorruptError
from rag.index import seal
from rag.index.codec import chunk_checksum, row_checksum
from rag.index.disk import sync
from rag.index.manifest import Manifest
from rag.index.tables import CELLS, VERSION, row_to_chunk, row_to_document

FAR = 20_000  # rows looked for behind a bad page when the table does not say how many it has


@dataclass(frozen=True, slots=True)
class Losses:
    """Sources to cut and embed again from their stored documents, and to read again from their files.

    `complete` says that no source is missing altogether.
    """

    rechunk: list[str]
    reload: list[str]
    complete: bool


def recover(folder: Path) -> Losses:
    """Put a sound manifest in the place of the one in `folder`; what it lacks. Only under the writer's lock."""
    sealed = None
    with suppress(CorruptError):
        sealed = seal.read(folder)
    work, new = folder / "salvage", folder / "salvage" / "new.sqlite"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(mode=0o700)
    try:
        old = _open_copy(folder, work, sealed) or Manifest.open(work / "empty.sqlite").db
        manifest = Manifest.open(new)
        try:
            manifest.db.execute("PRAGMA foreign_keys=OFF")
            with manifest.transaction():
                for table in CELLS:
                    _copy_rows(old, manifest.db, table)
                rechunk, reload = _drop_inconsistent(manifest.db)
            known = manifest.counts()["sources"] + len(reload)
            manifest.checkpoint()
        finally:
            manifest.close()
            old.close()
        sync(new)
        os.rename(new, folder / seal.MANIFEST)
        for end in ("-wal", "-shm"):
            (folder / f"{seal.MANIFEST}{end}").unlink(missing_ok=True)
        sync(folder)
        return Losses(rechunk, reload, complete=sealed is not None and known >= sealed.counts["sources"])
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _open_copy(folder: Path, work: Path, sealed: seal.Seal | None) -> sqlite3.Connection | None:
    """A connection to a copy of the manifest; None where nothing of it can be opened."""
    copy = work / seal.MANIFEST
    for end in ("", "-wal"):
        if (folder / f"{seal.MANIFEST}{end}").is_file():
            shutil.copyfile(folder / f"{seal.MANIFEST}{end}", f"{copy}{end}")
    if not copy.is_file():
        return None
    if sealed and f"{seal.MANIFEST}-wal" not in sealed.files:
        with open(copy, "r+b") as file:
            file.write(sealed.first_page)
        Path(f"{copy}-wal").unlink(missing_ok=True)  # a sealed manifest had none
    db = sqlite3.connect(copy, isolation_level=None)
    with suppress(sqlite3.Error):
        if int(db.execute("PRAGMA user_version").fetchone()[0]) == VERSION:
            return db
    db.close()
    return None


def _copy_rows(old: sqlite3.Connection, new: sqlite3.Connection, table: str) -> None:
    """Copy the rows that pass their checksum (chunks are compared later, with their documents)."""
    names = ("rowid", *CELLS[table], "crc")
    insert = f"INSERT OR IGNORE INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
    for row in _read_rows(old, table, names):
        if table == "chunks" or row_checksum(*row[1:-1]) == row[-1]:
            with suppress(sqlite3.IntegrityError):  # a cell of another type
                new.execute(insert, row)


def _read_rows(db: sqlite3.Connection, table: str, names: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """Rows in order of their number, going on behind those that cannot be read."""
    select, at = f"SELECT {', '.join(names)} FROM {table} WHERE rowid", 0
    while True:
        try:
            for row in db.execute(f"{select} > ? ORDER BY rowid", (at,)):
                if row[0] <= at:  # pages that lead in a circle
                    raise sqlite3.DatabaseError
                at = row[0]
                yield row
            return
        except (sqlite3.Error, UnicodeDecodeError):
            found = None
        try:
            end = int(db.execute(f"SELECT max(rowid) FROM {table}").fetchone()[0])
        except (sqlite3.Error, TypeError):
            end = at + FAR
        while found is None and at < min(end, at + FAR * 100):
            at += 1
            with suppress(sqlite3.Error, UnicodeDecodeError):
                found = db.execute(f"{select} = ?", (at,)).fetchone()
        if found is None:
            return
        if found[0] == at:
            yield found


def _drop_inconsistent(db: sqlite3.Connection) -> tuple[list[str], list[str]]:
    """Drop what does not fit together; sources to chunk again, sources to read again."""
    bad: list[tuple[str]] = []
    for row in db.execute(f"SELECT {', '.join(CELLS['documents'])} FROM documents").fetchall():
        document = row_to_document(row)
        for cells in db.execute(f"SELECT {', '.join(CELLS['chunks'])}, crc FROM chunks WHERE doc_id = ?", (row[0],)):
            try:
                sound = chunk_checksum(row_to_chunk(cells[:-1], document), cells[6]) == cells[-1]
            except (ValueError, TypeError):
                sound = False
            if not sound:
                bad.append((cells[0],))
    db.executemany("DELETE FROM chunks WHERE id = ?", bad)
    db.execute("DELETE FROM chunks WHERE doc_id NOT IN (SELECT id FROM documents)")
    db.execute("DELETE FROM chunks WHERE key NOT IN (SELECT key FROM vectors)")
    short = "SELECT name FROM sources s WHERE documents != (SELECT count(*) FROM documents d WHERE d.source = s.name)"
    orphans = "SELECT DISTINCT source FROM documents WHERE source NOT IN (SELECT name FROM sources)"
    reload = sorted({row[0] for query in (short, orphans) for row in db.execute(query)})
    for name in reload:
        db.execute("DELETE FROM chunks WHERE doc_id IN (SELECT id FROM documents WHERE source = ?)", (name,))
        db.execute("DELETE FROM documents WHERE source = ?", (name,))
        db.execute("DELETE FROM sources WHERE name = ?", (name,))
    rechunk = db.execute(
        "SELECT name FROM sources s WHERE chunks != "
        "(SELECT count(*) FROM chunks c JOIN documents d ON d.id = c.doc_id WHERE d.source = s.name)"
    )
    return sorted(row[0] for row in rechunk), reload
