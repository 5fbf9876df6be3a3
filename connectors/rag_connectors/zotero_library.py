"""A Zotero library out of its database: items with what belongs to them. Nothing is ever written to it.

Zotero locks the database while it runs; then a copy is read, in a folder that is gone afterwards.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from tempfile import TemporaryDirectory
from urllib.parse import quote

from rag.errors import InputError

DATABASE = "zotero.sqlite"
_SCHEMA = {  # what is read, by table
    "items": "itemID itemTypeID libraryID key dateModified", "itemTypes": "itemTypeID typeName",
    "itemData": "itemID fieldID valueID", "itemDataValues": "valueID value", "fields": "fieldID fieldName",
    "creators": "creatorID firstName lastName", "itemCreators": "itemID creatorID creatorTypeID orderIndex",
    "itemNotes": "itemID parentItemID note", "itemAttachments": "itemID parentItemID linkMode path",
    "tags": "tagID name", "itemTags": "itemID tagID", "deletedItems": "itemID",
    "collections": "collectionID collectionName", "collectionItems": "collectionID itemID",
    "libraries": "libraryID type", "groups": "groupID libraryID name",
}  # fmt: skip
_ANNOTATIONS = "SELECT parentItemID, pageLabel, text, comment FROM itemAnnotations ORDER BY parentItemID, sortIndex"


@dataclass
class Item:
    """An entry. `group` is the id of the group whose library it is in; `notes` are HTML."""

    key: str
    type: str
    group: str = ""
    parent: int | None = None
    fields: dict[str, str] = field(default_factory=dict)
    authors: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    collections: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    annotations: list[tuple[str, str, str]] = field(default_factory=list)  # page, text, comment
    link_mode: int = 0
    path: str = ""


def read_library(folder: str) -> dict[int, Item]:
    """Every item that is in no trash, by its id. Raises InputError for what is no library that is known here."""
    path = os.path.join(folder, DATABASE)
    if not os.path.isfile(path):
        raise InputError(f"{folder}: no {DATABASE} is in it. Name Zotero's data folder (Settings > Advanced > Files).")
    try:
        with _open(path) as database:
            _check(database, path)
            return _read(database)
    except sqlite3.DatabaseError as error:
        raise InputError(f"{path}: damaged, or no database ({error}). Let Zotero check or restore it.") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}.") from error


@contextmanager
def _open(path: str) -> Iterator[sqlite3.Connection]:
    """The database, or a copy where Zotero has locked it."""
    if not _is_locked(path):
        with closing(_connect(path)) as database:
            yield database
        return
    with TemporaryDirectory(prefix="rag-") as folder:
        copy = os.path.join(folder, DATABASE)
        for suffix in ("", "-journal", "-wal"):
            if os.path.exists(path + suffix):
                shutil.copyfile(path + suffix, copy + suffix)
        with closing(sqlite3.connect(copy)) as database:
            if database.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
                raise InputError(f"{path}: Zotero is writing to it. Close Zotero, or run the ingest again.")
            yield database


def _is_locked(path: str) -> bool:
    try:
        with closing(_connect(path)) as database:
            database.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError as error:  # a journal that would have to be played back counts, too
        if any(words in str(error) for words in ("locked", "readonly", "unable to open")):
            return True
        raise
    return False


def _connect(path: str) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{quote(path)}?mode=ro", uri=True, timeout=1.0)


def _check(database: sqlite3.Connection, path: str) -> None:
    for table, columns in _SCHEMA.items():
        there = {row[1] for row in database.execute(f"PRAGMA table_info({table})")}
        if missing := [column for column in columns.split() if column not in there]:
            raise InputError(
                f"{path}: made by a version of Zotero that is not known here: no {table}.{missing[0]}. Open it once "
                "with Zotero 5 or newer, or export the library and ingest the files."
            )


def _read(database: sqlite3.Connection) -> dict[int, Item]:
    def ask(query: str) -> Sequence[tuple[int, ...]]:
        return database.execute(query).fetchall()

    gone = {row[0] for row in ask("SELECT itemID FROM deletedItems")}
    items = {
        id: Item(str(key), str(type), str(group or ""))
        for id, key, type, group in ask(
            "SELECT i.itemID, i.key, t.typeName, g.groupID FROM items i JOIN itemTypes t USING (itemTypeID) "
            "JOIN libraries l USING (libraryID) LEFT JOIN groups g USING (libraryID) WHERE l.type != 'feed'"
        )
        if id not in gone
    }
    for id, name, value in ask(
        "SELECT itemID, fieldName, value FROM itemData JOIN fields USING (fieldID) JOIN itemDataValues USING (valueID)"
    ):
        if id in items:
            items[id].fields[str(name)] = str(value)
    for id, first, last in ask(
        "SELECT itemID, firstName, lastName FROM itemCreators JOIN creators USING (creatorID) "
        "ORDER BY itemID, orderIndex"
    ):
        if id in items:
            items[id].authors.append(" ".join(filter(None, (str(first or ""), str(last or "")))))
    for kind, query in (
        ("tags", "SELECT itemID, name FROM itemTags JOIN tags USING (tagID) ORDER BY name"),
        ("collections", "SELECT itemID, collectionName FROM collectionItems JOIN collections USING (collectionID)"),
    ):
        for id, name in ask(query):
            if id in items:
                getattr(items[id], kind).append(str(name))
    for id, parent, mode, path in ask("SELECT itemID, parentItemID, linkMode, path FROM itemAttachments"):
        if id in items:
            items[id].parent, items[id].link_mode, items[id].path = parent, mode, str(path or "")
    for id, parent, note in ask("SELECT itemID, parentItemID, note FROM itemNotes"):
        if id in items and (parent or id) in items:
            items[parent or id].notes.append(str(note or ""))
            items[id].parent = parent
    if ask("SELECT 1 FROM sqlite_master WHERE name = 'itemAnnotations'"):
        of_files: dict[int, list[tuple[str, str, str]]] = defaultdict(list)
        for parent, *said in ask(_ANNOTATIONS):
            page, text, comment = (str(value or "") for value in said)
            of_files[parent].append((page, text, comment))
        for file, annotations in of_files.items():
            if file in items and (about := items.get(items[file].parent or file)):
                about.annotations.extend(annotations)
    return items
