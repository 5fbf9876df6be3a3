"""A new manifest from a damaged one: every row that still passes its checksum, and what is missing to each source.

Read row by row, because SQLite stops at the first page that makes no sense and the rows behind it are mostly sound. The
damaged file is worked on as a copy, with the first page put back that the seal kept. No text is dropped that is what
its digest says: where the row of its source, or another cell of its own row was damaged, the source is noted as one to
read again, and keeps the text until it was. What is to be done for them is a fact of the new manifest until it is done:
the next repair finishes one that was killed.
"""

import json
import os
import shutil
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rag.errors import CorruptError
from rag.index import seal
from rag.index.codec import MALFORMED, chunk_checksum, row_checksum
from rag.index.disk import need_space, remove_folder, sync
from rag.index.facts import REPAIRING
from rag.index.manifest import Manifest
from rag.index.tables import CELLS, LATER, VERSION, add_table, insert_into, list_tables, row_to_chunk, row_to_document
from rag.types import Source

RECOVERED = "manifest.recovered"  # whole and on the disk: what is to take the place of the manifest and its journal
CLOSED = '{"access": []}'  # the fields of a document that nobody may read, in JSON
FAR = 20_000  # rows looked for behind a bad page when the table does not say how many it has


@dataclass(frozen=True, slots=True)
class Losses:
    """Sources to cut and embed again from their stored documents, and to read again from their files.

    Of those, `incomplete` ones lack text. `complete` says that no source is missing altogether.
    """

    rechunk: list[str]
    reload: list[str]
    incomplete: list[str]
    complete: bool


def recover(folder: Path) -> Losses:
    """Put a sound manifest in the place of the one in `folder`; what it lacks. Only under the writer's lock."""
    sealed = None
    with suppress(CorruptError):
        sealed = seal.read(folder)
    work, new = folder / "salvage", folder / "salvage" / "new.sqlite"
    remove_folder(work)
    need_space(folder, 2 * sum(path.stat().st_size for path in folder.glob(f"{seal.MANIFEST}*")))
    work.mkdir(mode=0o700)
    try:
        old = _open_copy(folder, work, sealed) or Manifest.open(work / "empty.sqlite").db
        manifest = Manifest.open(new)
        try:
            manifest.db.execute("PRAGMA foreign_keys=OFF")
            with manifest.transaction():
                for table in _list_tables(old):
                    if table in LATER:
                        add_table(manifest.db, table)
                    _copy_rows(old, manifest.db, table)
                reload, incomplete = _note_losses(manifest, _copy_texts(old, manifest.db))
                rechunk = _drop_unsound_chunks(manifest.db)
                complete = sealed is not None and manifest.counts()["sources"] >= sealed.counts["sources"]
                losses = Losses(rechunk, reload, incomplete, complete)
                losses = _add_unfinished(losses, manifest.facts(), manifest.sources())
                manifest.add_roots(sealed.roots if sealed else ())
                manifest.set_facts({**manifest.facts(), REPAIRING: json.dumps(asdict(losses))})
            manifest.checkpoint()
        finally:
            manifest.close()
            old.close()
        sync(new)
        os.rename(new, folder / RECOVERED)
        sync(folder)
        finish(folder)
        return losses
    finally:
        remove_folder(work)


def finish(folder: Path) -> None:
    """Put a recovered manifest, if there is one, in its place. Before the next writer, or its old journal was read."""
    if (folder / RECOVERED).exists():
        seal.remove(folder)  # or its first page would be put into the new manifest
        for end in ("-wal", "-shm"):
            (folder / f"{seal.MANIFEST}{end}").unlink(missing_ok=True)
        sync(folder)
        os.rename(folder / RECOVERED, folder / seal.MANIFEST)
        sync(folder)


def _add_unfinished(losses: Losses, facts: Mapping[str, str], known: Mapping[str, object]) -> Losses:
    """With what a repair that was killed had found and not mended yet."""
    with suppress(*MALFORMED):
        before = json.loads(facts[REPAIRING])
        rechunk, reload, incomplete = ({*map(str, before[key])} for key in ("rechunk", "reload", "incomplete"))
        return Losses(
            sorted({*losses.rechunk, *(rechunk & known.keys())}),
            sorted({*losses.reload, *reload}),
            sorted({*losses.incomplete, *incomplete}),
            bool(before["complete"]),
        )
    return losses


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


def _list_tables(db: sqlite3.Connection) -> list[str]:
    """The tables there are, or should be."""
    try:
        return list_tables(db)
    except (sqlite3.Error, UnicodeDecodeError):
        return list(CELLS)


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


def _copy_texts(old: sqlite3.Connection, new: sqlite3.Connection) -> set[str]:
    """Copy documents whose row is damaged and whose text is not, without their fields; the names of their sources.

    Who may read them was a field: until they are read again, nobody may.
    """
    names = {name for (name,) in new.execute("SELECT name FROM sources")}
    found = set()
    for _, *cells, crc in _read_rows(old, "documents", ("rowid", *CELLS["documents"], "crc")):
        with suppress(ValueError, TypeError):
            document = row_to_document((*cells[:-1], CLOSED))
            if row_checksum(*cells) == crc or document.source not in names:
                continue
            if row_checksum(*cells[:2], document.digest, *cells[3:]) == crc:  # only its digest is damaged
                row = (*cells[:2], document.digest, *cells[3:])
            elif document.digest == cells[2]:
                row = (*cells[:-1], CLOSED)
            else:
                continue
            new.execute(insert_into("documents", "OR IGNORE"), (*row, row_checksum(*row)))
            found.add(document.source)
    return found


def _note_losses(manifest: Manifest, salvaged: set[str]) -> tuple[list[str], list[str]]:
    """Give every source a row that says what is stored of it; those to read again, and those of them that lack text."""
    rows = manifest.sources()
    found = dict(manifest.db.execute("SELECT source, count(*) FROM documents GROUP BY source").fetchall())
    incomplete = sorted(name for name, row in rows.items() if found.get(name, 0) < row.documents)
    reload = sorted({*incomplete, *salvaged, *(found.keys() - rows.keys())})
    for name in reload:
        status, reason = "degraded", "its text is whole; other things that the index noted of it were damaged"
        if name in incomplete:
            status, some = ("degraded", "some of its documents were") if name in found else ("failed", "its text was")
            reason = f"{some} damaged in the index; to be read again when its file is there"
        manifest.put_source(Source(name, name, (0, 0, 0, 0)), sha256="", parser="", status=status, reason=reason)
    return reload, incomplete


def _drop_unsound_chunks(db: sqlite3.Connection) -> list[str]:
    """Drop chunks that do not fit their documents or have no vectors; the sources that lack chunks or documents."""
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
    rechunk = db.execute(
        "SELECT name FROM sources s WHERE documents != (SELECT count(*) FROM documents d WHERE d.source = s.name) OR "
        "chunks != (SELECT count(*) FROM chunks c JOIN documents d ON d.id = c.doc_id WHERE d.source = s.name)"
    )
    return sorted(row[0] for row in rechunk)
