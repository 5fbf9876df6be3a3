"""The file of the conversations: every value in it carries a checksum, in the column that names its type.

The tables are LangGraph's (`rag.graph.open_checkpoints`). Conversations are derived from nothing, so a damaged file is
put aside, and new conversations begin.
"""

import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from zlib import crc32

from rag.index.tables import HARMLESS

NAME = "chats.sqlite"
VALUES = {"checkpoints": "checkpoint", "writes": "value"}  # table -> the column beside `type`


class Serializer(Protocol):
    """What makes bytes of values: their type and the bytes."""

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        """A value as bytes."""
        ...

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        """And back."""
        ...


@dataclass(frozen=True, slots=True)
class CheckedSerializer:
    """Another serializer's bytes with a checksum behind their type; values without one are of an earlier version."""

    inner: Serializer

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        """A value as bytes."""
        kind, data = self.inner.dumps_typed(obj)
        return f"{kind} {_checksum(kind, data):08x}", data

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        """And back. Raises ValueError for a value that fails its checksum."""
        return self.inner.loads_typed(verify(*data))


def verify(typed: str, data: bytes) -> tuple[str, bytes]:
    """Type and bytes without the checksum. Raises ValueError."""
    kind, _, crc = str(typed).partition(" ")
    if (crc and crc != f"{_checksum(kind, data):08x}") or not isinstance(data, bytes):
        raise ValueError("a turn fails its checksum")
    return kind, data


def find_damage(path: Path) -> str:
    """What is wrong with the file, "" when nothing or where there is none."""
    if not path.exists():
        return ""
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as db:
            what = str(db.execute("PRAGMA integrity_check(1)").fetchone()[0])
            tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master")}  # none when only begun
            for table in VALUES.keys() & tables:
                for typed, data in db.execute(f"SELECT type, {VALUES[table]} FROM {table}"):
                    verify(typed, data)
        return "" if what == "ok" else what
    except sqlite3.DatabaseError as error:
        return "" if getattr(error, "sqlite_errorcode", 0) & 0xFF in HARMLESS else str(error)
    except (ValueError, TypeError) as error:
        return str(error)


def put_aside(path: Path) -> Path:
    """Give the file, with its journal, another name; which."""
    aside = path.with_name(f"{path.name}.damaged")
    for end in ("-wal", "-shm", ""):
        if Path(f"{path}{end}").exists():
            os.replace(f"{path}{end}", f"{aside}{end}")
    return aside


def _checksum(kind: str, data: bytes) -> int:
    return crc32(data, crc32(kind.encode()))
