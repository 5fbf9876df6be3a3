"""A manifest from a damaged one: every sound row is kept, what is not is named, and no step of it can be half done."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rag.errors import SpaceError
from rag.index import seal
from rag.index.codec import row_checksum
from rag.index.disk import SPARE_BYTES
from rag.index.facts import REPAIRING
from rag.index.manifest import Manifest
from rag.index.recover import RECOVERED, Losses, finish, recover
from rag.types import Chunk, Chunked, Document, Embeddings, Source
from tests.test_index_manifest import embeddings

NAMES = ("a.md", "b.md", "c.md")


def chunked(name: str) -> Chunked:
    text = f"This is the text of {name}. It has two sentences."
    document = Document(f"d-{name}", name, text, "Title", (), {"year": 2024})
    cut = text.index(" It")
    spans = ((0, cut), (cut + 1, len(text)))
    chunks = (Chunk(f"{name}-{a}", document.id, text[a:b], a, b, name, "Title", meta=document.meta) for a, b in spans)
    return Chunked(document, tuple(chunks))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A sealed manifest of three sources with two chunks each."""
    with closing(Manifest.open(tmp_path / seal.MANIFEST)) as manifest, manifest.transaction():
        rows: Embeddings = embeddings()
        for name in NAMES:
            manifest.put_source(Source(name, name, (1, 2, 3, 4)), sha256=name, parser="p", status="ok", reason="")
            manifest.put_vectors([f"{name}-1", f"{name}-2"], rows)
            manifest.replace_documents(name, [chunked(name)], [[f"{name}-1", f"{name}-2"]])
        manifest.set_facts({"pipeline": "tiny"})
        manifest.add_roots(["docs"])
        counts = manifest.counts()
    seal.write(tmp_path, content="", counts=counts, roots=["docs"])
    return tmp_path


def edit(folder: Path, *statements: str) -> None:
    with closing(sqlite3.connect(folder / seal.MANIFEST, isolation_level=None)) as db:
        db.create_function("crc", -1, row_checksum)
        for statement in statements:
            db.execute(statement)
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def rows(folder: Path) -> dict[str, tuple[Any, ...]]:
    """Status, numbers of documents and of chunks that are there, by source; every row is compared with its checksum."""
    with closing(Manifest.open(folder / seal.MANIFEST, readonly=True)) as manifest:
        assert manifest.facts().items() >= {("pipeline", "tiny")} and manifest.roots() == ["docs"]
        manifest.chunks(manifest.chunk_ids())
        chunks = "SELECT source, count(*) FROM chunks c JOIN documents d ON d.id = doc_id GROUP BY source"
        found = dict(manifest.db.execute(chunks).fetchall())
        return {
            name: (row.status, len(manifest.documents(name)), found.get(name, 0))
            for name, row in manifest.sources().items()
        }


SOUND = ("ok", 1, 2)


def test_a_sound_manifest_loses_nothing(folder: Path) -> None:
    assert recover(folder) == Losses([], [], [], True)
    assert sorted(p.name for p in folder.iterdir()) == [seal.MANIFEST], "the seal was of the old one"
    assert rows(folder) == dict.fromkeys(NAMES, SOUND)


@pytest.mark.parametrize(
    ("damage", "losses", "left"),
    [
        ("UPDATE vectors SET dense = x'00' WHERE key = 'b.md-1'", Losses(["b.md"], [], [], True), ("ok", 1, 1)),
        ("DELETE FROM vectors WHERE key = 'b.md-1'", Losses(["b.md"], [], [], True), ("ok", 1, 1)),
        ("UPDATE chunks SET stop = stop - 1 WHERE id = 'b.md-0'", Losses(["b.md"], [], [], True), ("ok", 1, 1)),
        ("UPDATE chunks SET about = 'no JSON' WHERE id = 'b.md-0'", Losses(["b.md"], [], [], True), ("ok", 1, 1)),
        ("DELETE FROM chunks WHERE doc_id = 'd-b.md'", Losses(["b.md"], [], [], True), ("ok", 1, 0)),
        (
            "UPDATE documents SET text = text || '!' WHERE source = 'b.md'",
            Losses(["b.md"], ["b.md"], ["b.md"], True),
            ("failed", 0, 0),
        ),
        (
            "UPDATE documents SET title = CAST(x'ff' AS TEXT) WHERE source = 'b.md'",
            Losses(["b.md"], ["b.md"], ["b.md"], True),
            ("failed", 0, 0),
        ),
        ("UPDATE sources SET reason = 'other' WHERE name = 'b.md'", Losses(["b.md"], ["b.md"], [], True), None),
        ("DELETE FROM sources WHERE name = 'b.md'", Losses(["b.md"], ["b.md"], [], True), None),
    ],
)
def test_what_is_damaged_is_named_and_the_rest_stays(
    folder: Path, damage: str, losses: Losses, left: tuple[Any, ...] | None
) -> None:
    edit(folder, "PRAGMA foreign_keys=OFF", damage)
    found = recover(folder)
    after = rows(folder)
    assert found == losses
    assert {name: after[name] for name in NAMES if name != "b.md"} == {"a.md": SOUND, "c.md": SOUND}
    if left:
        assert after["b.md"] == left
    else:
        assert after["b.md"][0] == "degraded" and after["b.md"][1] == 1, "its text is whole"


@pytest.mark.parametrize(("damage", "meta"), [("digest = 'other'", {"year": 2024}), ("meta = '{}'", {"access": ()})])
def test_a_whole_text_stays_with_the_fields_that_are_whole_or_for_nobody(
    folder: Path, damage: str, meta: dict[str, Any]
) -> None:
    edit(folder, f"UPDATE documents SET {damage} WHERE source = 'b.md'")
    assert recover(folder).reload == ["b.md"]
    with closing(Manifest.open(folder / seal.MANIFEST)) as manifest:
        [found] = manifest.documents("b.md")
    assert found == replace(chunked("b.md").document, meta=meta)


def test_a_source_that_is_gone_altogether_is_noticed(folder: Path) -> None:
    edit(folder, "PRAGMA foreign_keys=ON", "DELETE FROM sources WHERE name = 'b.md'")
    assert recover(folder) == Losses([], [], [], False)


def test_without_a_seal_nobody_knows_whether_a_source_is_missing(folder: Path) -> None:
    (folder / seal.NAME).unlink()
    assert recover(folder) == Losses([], [], [], False)


def test_what_a_killed_repair_had_found_is_found_again(folder: Path) -> None:
    edit(folder, "UPDATE documents SET text = text || '!' WHERE source = 'b.md'")
    first = recover(folder)
    edit(folder, "DELETE FROM vectors WHERE key = 'c.md-1'")
    assert recover(folder) == Losses(["b.md", "c.md"], first.reload, first.incomplete, True)


@pytest.mark.parametrize("text", ["no JSON", "[]", "{}", '{"rechunk": 5}', '{"rechunk": ["x"], "reload": []}'])
def test_what_it_had_found_is_not_believed_where_it_is_nonsense(folder: Path, text: str) -> None:
    with closing(Manifest.open(folder / seal.MANIFEST)) as manifest, manifest.transaction():
        manifest.set_facts({"pipeline": "tiny", REPAIRING: text})
    assert recover(folder).rechunk == []


def test_without_its_first_page_a_sealed_manifest_is_read_all_the_same(folder: Path) -> None:
    path = folder / seal.MANIFEST
    path.write_bytes(bytes(seal.PAGE) + path.read_bytes()[seal.PAGE :])
    assert recover(folder) == Losses([], [], [], True) and rows(folder) == dict.fromkeys(NAMES, SOUND)
    path.write_bytes(b"nothing of it")
    assert recover(folder) == Losses([], [], [], False)
    with closing(Manifest.open(path, readonly=True)) as manifest:
        assert not any(manifest.counts().values())


def old_journal(folder: Path) -> bytes:
    """A journal of the same file that says that a source is gone."""
    copy = folder / "copy"
    copy.mkdir()
    shutil.copy(folder / seal.MANIFEST, copy)
    with closing(sqlite3.connect(copy / seal.MANIFEST, isolation_level=None)) as db:
        db.execute("DELETE FROM sources WHERE name = 'b.md'")
        journal = (copy / f"{seal.MANIFEST}-wal").read_bytes()
    shutil.rmtree(copy)
    return journal


def test_a_journal_that_a_sealed_manifest_had_not_is_not_read(folder: Path) -> None:
    (folder / f"{seal.MANIFEST}-wal").write_bytes(old_journal(folder))
    assert recover(folder) == Losses([], [], [], True) and rows(folder) == dict.fromkeys(NAMES, SOUND)


def test_the_journal_of_an_interrupted_run_is_read(folder: Path) -> None:
    (folder / f"{seal.MANIFEST}-wal").write_bytes(old_journal(folder))
    (folder / seal.NAME).unlink()
    recover(folder)
    assert "b.md" not in rows(folder) or rows(folder)["b.md"][0] != "ok"


def test_a_recovered_manifest_never_meets_the_old_journal(folder: Path) -> None:
    journal = old_journal(folder)
    shutil.copy(folder / seal.MANIFEST, folder / RECOVERED)
    (folder / f"{seal.MANIFEST}-wal").write_bytes(journal)
    (folder / f"{seal.MANIFEST}-shm").write_bytes(bytes(32768))
    finish(folder)  # what the next writer does after a run that was killed before it could
    assert rows(folder) == dict.fromkeys(NAMES, SOUND) and not (folder / RECOVERED).exists()


def test_each_step_is_on_the_disk_before_the_next(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[str] = []

    def note(call: Callable[..., Any], name: str) -> Callable[..., Any]:
        def noted(first: Any, *rest: Any, **options: Any) -> Any:
            place = Path() if name == "fsync" else Path(first)
            if name == "rename" or (name == "unlink" and place in (journal, folder / seal.NAME) and place.exists()):
                steps.append(f"{name} {place.name}")
            if name == "fsync":
                same = (p for p in (folder, *folder.rglob("*")) if os.path.samestat(p.stat(), os.fstat(first)))
                steps.append(f"sync {next(same).name}")
            return call(first, *rest, **options)

        return noted

    journal = folder / f"{seal.MANIFEST}-wal"
    journal.write_bytes(old_journal(folder))
    for name in ("rename", "fsync", "unlink"):
        monkeypatch.setattr(os, name, note(getattr(os, name), name))
    recover(folder)
    home = f"sync {folder.name}"
    expected = [
        "sync new.sqlite",
        "rename new.sqlite",
        home,
        f"unlink {seal.NAME}",
        home,
        f"unlink {journal.name}",
        home,
        f"rename {RECOVERED}",
        home,
    ]
    assert [step for step in steps if step in expected] == expected


def test_it_is_not_begun_where_it_does_not_fit(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (folder / seal.MANIFEST).read_bytes()
    usage = shutil.disk_usage(folder)._replace(free=SPARE_BYTES + len(before))
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(SpaceError):
        recover(folder)
    assert (folder / seal.MANIFEST).read_bytes() == before and not (folder / "salvage").exists()


def test_what_a_killed_run_left_is_in_nobodys_way(folder: Path) -> None:
    (folder / "salvage").mkdir()
    (folder / "salvage" / "new.sqlite").write_bytes(b"half of it")
    assert recover(folder) == Losses([], [], [], True) and not (folder / "salvage").exists()
