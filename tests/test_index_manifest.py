"""The manifest: what goes in comes out, whole or not at all, and damage is noticed."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from rag.errors import CorruptError, MismatchError
from rag.index.manifest import Manifest
from rag.index.tables import STEPS, VERSION
from rag.types import Chunk, Chunked, Document, Embeddings, Section, Source, Sparse

SOURCE = Source("a.md", "a.md", (1, 2, 3, 4))


def chunked(text: str = "One sentence. Two sentences.") -> Chunked:
    document = Document("d1", "a.md", text, "Title", (Section(0, 13, "page", "page 1"),), {"year": 2024})
    chunks = (
        Chunk("c1", "d1", text[:13], 0, 13, "a.md", "Title", "Title", ("title",), document.sections, document.meta),
        Chunk("c2", "d1", text[14:], 14, len(text), "a.md", "Title", "", (), (), document.meta),
    )
    return Chunked(document, chunks)


def embeddings() -> Embeddings:
    sparse = [Sparse(np.array([3, 900]), np.array([1.5, 0.5], "f4")), Sparse(np.array([], "i8"), np.array([], "f4"))]
    tokens = [np.ones((2, 3), "f4"), np.zeros((5, 3), "f4")]
    return Embeddings(np.array([[1, 0, 0], [0, 0.6, 0.8]], "f4"), sparse, tokens)


def filled(path: Path) -> Manifest:
    manifest = Manifest.open(path)
    with manifest.transaction():
        manifest.put_source(SOURCE, sha256="x", parser="p", status="ok", reason="")
        manifest.put_vectors(["k1", "k2"], embeddings())
        manifest.replace_documents("a.md", [chunked()], [["k1", "k2"]])
    return manifest


def test_a_reader_sees_what_a_writer_did_after_it_was_opened(tmp_path: Path) -> None:
    writer = filled(tmp_path / "m.sqlite")
    writer.checkpoint()
    writer.close()
    reader = Manifest.open(tmp_path / "m.sqlite", readonly=True)
    assert reader.facts() == {}
    writer = Manifest.open(tmp_path / "m.sqlite")
    with writer.transaction():
        writer.set_facts({"pipeline": "tiny"})
    assert reader.facts() == {"pipeline": "tiny"}
    with pytest.raises(sqlite3.OperationalError, match="readonly"), reader.transaction():
        reader.set_facts({})
    writer.close()
    reader.close()


def test_chunks_come_back_equal_with_bit_equal_vectors(tmp_path: Path) -> None:
    manifest = filled(tmp_path / "m.sqlite")
    chunks, stored = manifest.chunks(["c2", "c1", "unknown"])
    assert chunks == [chunked().chunks[1], chunked().chunks[0]]
    expected = embeddings()
    assert stored.dense is not None and stored.sparse is not None and stored.tokens is not None
    assert expected.dense is not None and expected.sparse is not None and expected.tokens is not None
    for got, row in enumerate((1, 0)):
        assert (stored.dense[got] == expected.dense[row]).all()
        assert (stored.sparse[got].indices == expected.sparse[row].indices).all()
        assert (stored.sparse[got].values == expected.sparse[row].values).all()
        assert (stored.tokens[got] == expected.tokens[row]).all()
    assert manifest.documents("a.md") == [chunked().document]


def test_a_manifest_has_its_name_when_it_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "m.sqlite"

    def kill(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr("rag.index.database.prepare", kill)  # a reader cannot roll back what was begun then
        Manifest.open(path)
    assert not path.exists()
    (tmp_path / "m.sqlite-wal").write_bytes(b"of another one")
    Manifest.open(path).close()
    assert [file.name for file in tmp_path.iterdir()] == ["m.sqlite"]
    Manifest.open(path, readonly=True).close()


def test_a_failed_transaction_leaves_the_old_version(tmp_path: Path) -> None:
    manifest = filled(tmp_path / "m.sqlite")
    with pytest.raises(RuntimeError), manifest.transaction():
        manifest.replace_documents("a.md", [], [])
        raise RuntimeError("killed")
    assert manifest.chunk_ids() == ["c1", "c2"]


def test_chunks_are_listed_anew_after_every_write_whoever_wrote(tmp_path: Path) -> None:
    manifest = filled(tmp_path / "m.sqlite")
    first = manifest.chunk_list()
    assert manifest.chunk_list() is first
    with manifest.transaction():
        manifest.set_facts({"pipeline": "other"})
        manifest.add_roots(["docs"])
    assert manifest.chunk_list() is first  # they touch no chunk
    with pytest.raises(RuntimeError), manifest.transaction():
        manifest.replace_documents("a.md", [], [])
        assert manifest.chunk_ids() == []
        raise RuntimeError("killed")
    assert manifest.chunk_list().checksums == first.checksums
    other = Manifest.open(tmp_path / "m.sqlite")
    with other.transaction():
        other.replace_documents("a.md", [], [])
    assert manifest.chunk_ids() == other.chunk_ids() == []
    other.close()
    again = filled(tmp_path / "n.sqlite")
    assert again.chunk_ids() == ["c1", "c2"]
    with again.transaction():
        again.drop_sources(["a.md"])
    assert again.chunk_ids() == []


def test_what_writes_is_refused_outside_a_transaction_and_a_stamp_never_lacks_its_checksum(tmp_path: Path) -> None:
    manifest = filled(tmp_path / "m.sqlite")
    moved = Source("a.md", "a.md", (5, 6, 7, 8))
    writes: list[Callable[[], object]] = [
        lambda: manifest.update_stamps([moved]),
        lambda: manifest.put_source(moved, sha256="y", parser="p", status="ok", reason=""),
        lambda: manifest.replace_documents("a.md", [], []),
        lambda: manifest.drop_sources(["a.md"]),
        lambda: manifest.set_facts({"pipeline": "x"}),
    ]
    for write in writes:
        with pytest.raises(RuntimeError, match="transaction"):
            write()
    assert manifest.sources()["a.md"].stamp == SOURCE.stamp and manifest.counts()["chunks"] == 2
    statements: list[str] = []
    manifest.db.set_trace_callback(statements.append)
    with manifest.transaction():
        writes[0]()
    assert len(statements) == 3, "a stamp and its checksum are one statement"
    assert manifest.sources()["a.md"].stamp == moved.stamp


def test_dropping_a_source_takes_its_chunks_and_the_sweep_their_vectors(tmp_path: Path) -> None:
    manifest = filled(tmp_path / "m.sqlite")
    with manifest.transaction():
        manifest.drop_sources(["a.md"])
        assert manifest.counts() == {"sources": 0, "documents": 0, "chunks": 0, "vectors": 2}
        assert manifest.drop_unused_vectors() == 2
    assert manifest.known_keys(["k1"]) == set()


def test_what_ocr_saw_is_kept_as_long_as_its_file(tmp_path: Path) -> None:
    manifest = filled(tmp_path / "m.sqlite")
    assert manifest.letters("x", 1) == b""  # an index without scans has no table of them
    with manifest.transaction():
        manifest.put_letters("x", [(1, b"one"), (2, b"two")])
        manifest.put_letters("y", [(1, b"of no source")])
        manifest.drop_unused_vectors()
    assert [manifest.letters("x", page) for page in (1, 2, 3)] == [b"one", b"two", b""]
    assert manifest.letters("y", 1) == b""
    with manifest.transaction():
        manifest.db.execute("UPDATE letters SET packed = x'00' WHERE page = 2")
    with pytest.raises(CorruptError, match="letters fails its checksum"):
        manifest.letters("x", 2)
    with manifest.transaction():
        manifest.drop_sources(["a.md"])
        manifest.drop_unused_vectors()
    assert manifest.letters("x", 1) == b""


def test_a_changed_vector_is_noticed(tmp_path: Path) -> None:
    filled(tmp_path / "m.sqlite").close()
    with sqlite3.connect(tmp_path / "m.sqlite") as db:
        db.execute("UPDATE vectors SET dense = ? WHERE key = 'k1'", (np.array([0, 1, 0], "<f4").tobytes(),))
    db.close()
    with pytest.raises(CorruptError, match="vectors fails its checksum"):
        Manifest.open(tmp_path / "m.sqlite", readonly=True).chunks(["c1"])


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE chunks SET stop = stop - 1 WHERE id = 'c1'",
        "UPDATE chunks SET context = 'Another title' WHERE id = 'c1'",
        "UPDATE chunks SET about = '[\"another\"]' WHERE id = 'c1'",
        "UPDATE chunks SET key = 'k2' WHERE id = 'c1'",
        "UPDATE chunks SET crc = crc + 1 WHERE id = 'c1'",
        "UPDATE documents SET meta = '{}', crc = crc(id, source, digest, title, text, sections, '{}')",
    ],
)
def test_a_chunk_that_is_not_what_was_stored_is_not_given(tmp_path: Path, damage: str) -> None:
    manifest = filled(tmp_path / "m.sqlite")
    manifest.chunks(["c1"])
    manifest.db.execute(damage)
    with pytest.raises(CorruptError, match=r"a stored chunk of a\.md fails its checksum"):
        manifest.chunks(["c1"])


@pytest.mark.parametrize(
    ("table", "column", "changed"),
    [
        ("facts", "value", "value || 'x'"),
        ("roots", "name", "name || 'x'"),
        ("sources", "reason", "'another'"),
        ("documents", "title", "title || 'x'"),
        ("vectors", "sparse", "x'41'"),
    ],
)
def test_any_row_that_is_not_what_was_stored_is_not_given(
    tmp_path: Path, table: str, column: str, changed: str
) -> None:
    manifest = filled(tmp_path / "m.sqlite")
    with manifest.transaction():
        manifest.set_facts({"pipeline": "tiny"})
        manifest.add_roots(["docs"])
    manifest.db.execute(f"UPDATE {table} SET {column} = {changed}")
    with pytest.raises(CorruptError, match=f"a row of {table} fails its checksum"):
        manifest.facts(), manifest.roots(), manifest.sources(), manifest.chunks(["c1"])


def test_what_was_committed_is_on_the_disk(tmp_path: Path) -> None:
    manifest = filled(tmp_path / "m.sqlite")
    asked = {name: manifest.db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")}
    assert asked == {"journal_mode": "wal", "synchronous": 2}  # 2 is FULL: the journal is synced at every commit
    assert manifest.db.execute("PRAGMA temp_store").fetchone() == (2,), "copies of the text in a temporary file"
    assert manifest.db.execute("PRAGMA foreign_keys").fetchone() == (1,)


def test_an_emptied_journal_is_empty_on_the_disk_when_a_reader_keeps_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = filled(tmp_path / "m.sqlite")
    reader = Manifest.open(tmp_path / "m.sqlite", readonly=True)
    journal, synced = tmp_path / "m.sqlite-wal", list[tuple[int, int]]()

    def fsync(fd: int) -> None:
        synced.append((os.fstat(fd).st_ino, os.fstat(fd).st_size))
        genuine(fd)

    genuine = os.fsync
    monkeypatch.setattr(os, "fsync", fsync)
    assert journal.stat().st_size and manifest.checkpoint()
    assert synced == [(journal.stat().st_ino, 0)]
    reader.close()


def test_an_emptied_or_foreign_or_newer_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")
    with pytest.raises(CorruptError):
        Manifest.open(tmp_path / "empty", readonly=True)
    (tmp_path / "noise").write_bytes(b"not a database at all" * 100)
    with pytest.raises(CorruptError):
        Manifest.open(tmp_path / "noise")
    filled(tmp_path / "newer").close()
    with sqlite3.connect(tmp_path / "newer") as db:
        db.execute(f"PRAGMA user_version={VERSION + 1}")
    db.close()
    with pytest.raises(MismatchError, match="newer raghop"):
        Manifest.open(tmp_path / "newer")


def rename_back(db: sqlite3.Connection) -> None:
    """A step of a migration: what the format before this one might have called `title`."""
    db.execute("ALTER TABLE documents RENAME COLUMN heading TO title")


def aged(path: Path) -> Path:
    """A manifest of the format before this one, had that called a column otherwise."""
    filled(path).close()
    with sqlite3.connect(path) as db:
        db.execute("ALTER TABLE documents RENAME COLUMN title TO heading")
        db.execute(f"PRAGMA user_version={VERSION - 1}")
    db.close()
    return path


def test_an_older_format_is_read_by_nobody_and_migrated_by_a_writer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(STEPS, VERSION - 1, rename_back)
    path = aged(tmp_path / "older")
    with pytest.raises(MismatchError, match="rag rebuild"):
        Manifest.open(path, readonly=True)
    manifest = Manifest.open(path)
    assert manifest.documents("a.md") == [chunked().document]
    assert manifest.chunks(["c1"])[0] == [chunked().chunks[0]]
    manifest.close()
    Manifest.open(path, readonly=True).close()


def test_a_migration_that_fails_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(db: sqlite3.Connection) -> None:
        rename_back(db)
        raise CorruptError("stopped half way")

    path = aged(tmp_path / "older")
    monkeypatch.setitem(STEPS, VERSION - 1, fail)
    with pytest.raises(CorruptError, match="half way"):
        Manifest.open(path)
    monkeypatch.setitem(STEPS, VERSION - 1, rename_back)
    assert Manifest.open(path).documents("a.md") == [chunked().document]


def test_a_format_that_no_step_leads_from_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorruptError, match="not a raghop manifest"):
        Manifest.open(aged(tmp_path / "unknown"))


@pytest.mark.parametrize("readonly", [True, False])
def test_a_file_that_has_lost_its_version_is_damage(tmp_path: Path, readonly: bool) -> None:
    path = tmp_path / "manifest.sqlite"
    Manifest.open(path).close()
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version=0")
    with pytest.raises(CorruptError, match=r"not a raghop manifest.*rag check --repair"):
        Manifest.open(path, readonly=readonly)
