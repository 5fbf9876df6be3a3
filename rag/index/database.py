"""A SQLite file with a checksum in every row, which is compared whenever the row is read: what the manifest is made of.

WAL with synchronous=FULL: what was committed survives a killed process. `rag.index.tables` owns the tables, and
`rag.index.manifest` says what stands in them.
"""

import json
import os
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, closing, suppress
from pathlib import Path
from typing import Any, Self

from rag.errors import CorruptError, LockedError, RagError
from rag.index.codec import Cell, row_checksum
from rag.index.disk import sync
from rag.index.tables import CELLS, REPAIR, map_errors, prepare, savepoint, transaction
from rag.index.unwritable import may_write

JOURNAL = "An interrupted run left a journal, which is read only where the folder can be written."
AMONG = "IN (SELECT value FROM json_each(?))"


class Database:
    """An open file. Use `open` and `close`; what writes is called inside `transaction`, or RuntimeError.

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

    def write(self, statement: str, rows: Iterable[Sequence[Cell]]) -> int:
        """Do it with every row; how many rows it changed. Part of a transaction, or a kill would leave half of it."""
        if not self.db.in_transaction:
            raise RuntimeError("a manifest is written inside its transaction")
        return self.db.executemany(statement, rows).rowcount

    def rows(self, table: str, rest: str, values: Sequence[str] = ()) -> list[tuple[Any, ...]]:
        """Rows in the order of CELLS with their checksum last, which is compared (a chunk's takes its document)."""
        with map_errors(self.path):
            rows = self.db.execute(f"SELECT {', '.join(CELLS[table])}, crc FROM {table} {rest}", values).fetchall()
        if table != "chunks" and any(row_checksum(*row[:-1]) != row[-1] for row in rows):
            raise CorruptError(f"{self.path}: a row of {table} fails its checksum. {REPAIR}")
        return rows

    def _among(self, table: str, column: str, values: Iterable[str]) -> list[tuple[Any, ...]]:
        """Rows whose column holds one of the values."""
        return self.rows(table, f"WHERE {column} {AMONG}", [json.dumps(list(values))])


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
