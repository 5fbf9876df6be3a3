"""Libraries of people's programs: Zotero's database with its files, Obsidian's vaults."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from rag.chunk.cut import cut
from rag.errors import InputError
from rag.stages import Connector
from rag.testing import ConnectorConformance
from rag.text.mentions import mentions
from rag.types import Loaded, Source
from rag_connectors.obsidian import Obsidian
from rag_connectors.zotero import Zotero

SCHEMA = """
CREATE TABLE version (schema TEXT PRIMARY KEY, version INT NOT NULL);
CREATE TABLE libraries (libraryID INTEGER PRIMARY KEY, type TEXT NOT NULL, editable INT, filesEditable INT);
CREATE TABLE groups (groupID INTEGER PRIMARY KEY, libraryID INT NOT NULL UNIQUE, name TEXT NOT NULL, description TEXT);
CREATE TABLE itemTypes (itemTypeID INTEGER PRIMARY KEY, typeName TEXT, templateItemTypeID INT, display INT);
CREATE TABLE fields (fieldID INTEGER PRIMARY KEY, fieldName TEXT, fieldFormatID INT);
CREATE TABLE items (itemID INTEGER PRIMARY KEY, itemTypeID INT NOT NULL, dateAdded TIMESTAMP, dateModified TIMESTAMP,
    clientDateModified TIMESTAMP, libraryID INT NOT NULL, key TEXT NOT NULL, UNIQUE (libraryID, key));
CREATE TABLE itemDataValues (valueID INTEGER PRIMARY KEY, value UNIQUE);
CREATE TABLE itemData (itemID INT, fieldID INT, valueID, PRIMARY KEY (itemID, fieldID));
CREATE TABLE itemNotes (itemID INTEGER PRIMARY KEY, parentItemID INT, note TEXT, title TEXT);
CREATE TABLE itemAttachments (itemID INTEGER PRIMARY KEY, parentItemID INT, linkMode INT, contentType TEXT, path TEXT);
CREATE TABLE itemAnnotations (itemID INTEGER PRIMARY KEY, parentItemID INT NOT NULL, type INTEGER NOT NULL, text TEXT,
    comment TEXT, color TEXT, pageLabel TEXT, sortIndex TEXT NOT NULL, position TEXT NOT NULL, isExternal INT NOT NULL);
CREATE TABLE creators (creatorID INTEGER PRIMARY KEY, firstName TEXT, lastName TEXT, fieldMode INT);
CREATE TABLE itemCreators (itemID INT, creatorID INT, creatorTypeID INT, orderIndex INT);
CREATE TABLE tags (tagID INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE itemTags (itemID INT, tagID INT, type INT);
CREATE TABLE collections (collectionID INTEGER PRIMARY KEY, collectionName TEXT NOT NULL, libraryID INT, key TEXT);
CREATE TABLE collectionItems (collectionID INT, itemID INT, orderIndex INT);
CREATE TABLE deletedItems (itemID INTEGER PRIMARY KEY, dateDeleted DEFAULT CURRENT_TIMESTAMP NOT NULL);
INSERT INTO version VALUES ('userdata', 125);
INSERT INTO libraries VALUES (1, 'user', 1, 1), (2, 'group', 1, 1), (3, 'feed', 1, 1);
INSERT INTO groups VALUES (77, 2, 'Yard', '');
INSERT INTO itemTypes VALUES (1, 'journalArticle', 0, 1), (2, 'attachment', 0, 1), (3, 'note', 0, 1),
    (4, 'annotation', 0, 1);
INSERT INTO fields VALUES (1, 'title', 0), (2, 'date', 0), (3, 'DOI', 0), (4, 'abstractNote', 0),
    (5, 'publicationTitle', 0);
INSERT INTO items (itemID, itemTypeID, libraryID, key) VALUES (10, 1, 1, 'WINCH'), (11, 2, 1, 'FILE1'),
    (12, 3, 1, 'NOTE1'), (13, 4, 1, 'MARK1'), (14, 2, 1, 'FILE2'), (15, 2, 1, 'LINKED'), (16, 3, 1, 'ALONE'),
    (17, 1, 2, 'SHARED'),
    (18, 1, 1, 'TRASH'), (19, 2, 1, 'FILE3'), (20, 1, 3, 'FEED'), (21, 2, 1, 'EVIL');
INSERT INTO itemDataValues VALUES (1, 'On winches'), (2, '2017-03-00 March 2017'), (3, '10.1/x'),
    (4, 'They lift & hold.'),
    (5, 'Yard Letters'), (6, 'Thrown away'), (7, 'Of a group');
INSERT INTO itemData VALUES (10, 1, 1), (10, 2, 2), (10, 3, 3), (10, 4, 4), (10, 5, 5), (18, 1, 6), (17, 1, 7);
INSERT INTO creators VALUES (1, 'Ana', 'Berg', 0), (2, '', 'Yard Club', 1);
INSERT INTO itemCreators VALUES (10, 2, 1, 1), (10, 1, 1, 0);
INSERT INTO itemNotes VALUES (12, 10, '<p>Read <b>again</b>.</p>', ''),
    (16, NULL, '<h1>Rope</h1><p>It is 40 m.</p>', '');
INSERT INTO itemAttachments VALUES (11, 10, 0, 'text/plain', 'storage:winch.txt'),
    (14, 10, 1, 'text/html', 'storage:no.html'),
    (15, 10, 2, 'text/plain', '/etc/hostname'), (19, 18, 0, 'text/plain', 'storage:winch.txt'),
    (21, 10, 0, 'text/plain', 'storage:../../../out.txt');
INSERT INTO itemAnnotations VALUES (13, 11, 1, 'lifts 750 kg', 'check', '', '3', '1', '', 0);
INSERT INTO tags VALUES (1, 'hoist');
INSERT INTO itemTags VALUES (10, 1, 0);
INSERT INTO collections VALUES (1, 'Cranes', 1, 'C1');
INSERT INTO collectionItems VALUES (1, 10, 0);
INSERT INTO deletedItems (itemID) VALUES (18);
"""


@pytest.fixture
def zotero(tmp_path: Path) -> Path:
    folder = tmp_path / "Zotero"
    (folder / "storage/FILE1").mkdir(parents=True)
    (folder / "storage/FILE1/winch.txt").write_text("A winch lifts 750 kg.")
    (tmp_path / "out.txt").write_text("Secret.")
    with closing(sqlite3.connect(folder / "zotero.sqlite")) as database:
        database.executescript(SCHEMA)
    return folder


def scan(connector: Connector, root: Path) -> dict[str, Source]:
    return {one.name: one for one in connector.scan([str(root)], base=str(root.parent))}


def load(connector: Connector, root: Path) -> dict[str, Loaded]:
    return {one.source.name: one for one in connector.load(scan(connector, root).values())}


class TestZotero(ConnectorConformance):
    @pytest.fixture
    def folder(self, zotero: Path) -> tuple[Connector, Path]:
        return Zotero(workers=1), zotero


def test_entries_and_their_files(zotero: Path) -> None:
    found = load(Zotero(workers=1), zotero)
    statuses = {name.removeprefix("Zotero/"): one.status for name, one in found.items()}
    assert statuses == {
        "items/WINCH": "ok", "items/ALONE": "ok", "items/SHARED": "ok", "storage/FILE1/winch.txt": "ok",
        "storage/FILE2/no.html": "skipped", "storage/LINKED/hostname": "skipped", "storage/EVIL/out.txt": "skipped",
    }  # fmt: skip
    [entry], [file] = found["Zotero/items/WINCH"].documents, found["Zotero/storage/FILE1/winch.txt"].documents
    for words in ("Authors: Ana Berg; Yard Club", "They lift & hold.", "Read again.", "Page 3: “lifts 750 kg” check"):
        assert words in entry.text
    assert "Publication title: Yard Letters" in entry.text and entry.title == file.title == "On winches"
    assert file.meta == entry.meta == {
        "author": ("Ana Berg", "Yard Club"), "date": "2017-03", "type": "journalArticle", "doi": "10.1/x",
        "url": "https://doi.org/10.1/x", "zotero": "zotero://select/library/items/WINCH", "tags": ("hoist",),
        "collections": ("Cranes",),
    }  # fmt: skip
    [alone], [shared] = found["Zotero/items/ALONE"].documents, found["Zotero/items/SHARED"].documents
    assert alone.title == "Rope" and shared.meta["zotero"] == "zotero://select/groups/77/items/SHARED"
    assert "sync" in found["Zotero/storage/FILE2/no.html"].reason


def test_what_changes_in_a_library(zotero: Path) -> None:
    first = scan(Zotero(), zotero)
    assert scan(Zotero(), zotero) == first
    with closing(sqlite3.connect(zotero / "zotero.sqlite", isolation_level=None)) as database:
        database.execute("UPDATE itemDataValues SET value = 'On hoists' WHERE valueID = 1")
        database.execute("INSERT INTO deletedItems (itemID) VALUES (17)")
        database.execute("BEGIN EXCLUSIVE")  # as Zotero does while it runs
        second = scan(Zotero(access=("hr",)), zotero)
    changed = {name.removeprefix("Zotero/") for name in second if second[name].stamp != first[name].stamp}
    assert first.keys() - second.keys() == {"Zotero/items/SHARED"} and "items/WINCH" in changed
    assert "storage/FILE1/winch.txt" in changed and "items/ALONE" not in changed
    assert {one.access for one in second.values()} == {("hr",)}


def test_what_is_no_library_is_named(zotero: Path, tmp_path: Path) -> None:
    database = zotero / "zotero.sqlite"
    with closing(sqlite3.connect(database)) as old:
        old.execute("ALTER TABLE libraries RENAME COLUMN type TO libraryType")
    with pytest.raises(InputError, match=r"no libraries\.type.*Zotero 5 or newer"):
        scan(Zotero(), zotero)
    database.write_bytes(b"no database at all " * 100)
    with pytest.raises(InputError, match="Let Zotero check"):
        scan(Zotero(), zotero)
    with pytest.raises(InputError, match="Zotero's data folder"):
        scan(Zotero(), tmp_path)


@pytest.fixture
def vault(tmp_path: Path) -> Path:
    folder = tmp_path / "Yard"
    (folder / ".obsidian").mkdir(parents=True)
    (folder / "tools").mkdir()
    (folder / ".obsidian/app.json").write_text("{}")
    (folder / "tools/Red Winch.md").write_text("---\naliases: [KX-7, Big Hoist]\ntags: [lift]\n---\nIt lifts 750 kg.\n")
    (folder / "Yard plan.md").write_text(
        "Use [[tools/Red Winch#Load|the winch]] or ![[Slip]], not `[[code]]`. #plan/2025 #1\n\n```\n#no [[no]]\n```\n"
    )
    return folder


class TestObsidian(ConnectorConformance):
    @pytest.fixture
    def folder(self, vault: Path) -> tuple[Connector, Path]:
        return Obsidian(workers=1), vault


def test_links_of_notes_lead_to_notes(vault: Path) -> None:
    found = load(Obsidian(workers=1), vault)
    assert set(found) == {"Yard/tools/Red Winch.md", "Yard/Yard plan.md"}
    [winch], [plan] = found["Yard/tools/Red Winch.md"].documents, found["Yard/Yard plan.md"].documents
    assert (
        plan.title == "Yard plan"
        and plan.meta["links"] == ("Red Winch", "Slip")
        and plan.meta["tags"] == ("plan/2025",)
    )
    assert (
        winch.meta["tags"] == ("lift",) and winch.meta["url"] == "obsidian://open?vault=Yard&file=tools%2FRed%20Winch"
    )
    about = set(cut(winch, 0, len(winch.text), fingerprint="x").about)
    assert {"red winch", "kx 7", "big hoist"} <= about
    assert "red winch" in mentions(plan.text)
    assert Obsidian().fingerprint != Zotero().fingerprint
    shutil.rmtree(vault / ".obsidian")
    assert "url" not in load(Obsidian(workers=1), vault)["Yard/Yard plan.md"].documents[0].meta
