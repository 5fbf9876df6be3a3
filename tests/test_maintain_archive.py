"""An export is the index, whole; an import takes nothing else."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import random
import stat
import zipfile
from contextlib import closing
from pathlib import Path

import pytest

from benchmarks.reliability import corpus
from rag.config import PipelineConfig, build, load
from rag.errors import CorruptError, InputError, LockedError, MismatchError, RagError, SpaceError
from rag.index import publish, seal
from rag.index.folder import Index
from rag.index.locks import try_lock
from rag.ingest.run import ingest
from rag.maintain.archive import export_index, import_index
from rag.maintain.check import check
from rag.store.edge import EdgeStore
from tests.test_cli import rag


@pytest.fixture
def config(notes: Path) -> PipelineConfig:
    ingest(Index.at(notes), load("tiny.yaml"), ["docs"])
    export_index(Index.at(notes), notes / "a.zip")
    return load("tiny.yaml")


def altered(source: Path, target: Path, name: str, data: bytes, *, compression: int = zipfile.ZIP_STORED) -> Path:
    """The archive with a member added or replaced."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for info in old.infolist():
            if info.filename != name:
                new.writestr(info, old.read(info))
        new.writestr(name, data, compression)
    return target


def nothing(folder: Path) -> bool:
    """Whether no index came of it."""
    index = Index.at(folder)
    if not index.exists():
        return True
    with closing(index.read_manifest()) as manifest:
        return not any(manifest.counts().values())


def test_ids_vectors_and_answers_travel(notes: Path, config: PipelineConfig) -> None:
    place = Index.at(notes / "elsewhere")
    import_index(place, config, notes / "a.zip")
    assert corpus.digest(notes / "elsewhere", config) == corpus.digest(notes, config)
    assert check(place, build(config).store, deep=True) == []
    export_index(place, notes / "b.zip")
    assert (notes / "a.zip").read_bytes() == (notes / "b.zip").read_bytes()
    counts = import_index(place, config, notes / "a.zip")  # what it holds already
    assert counts["sources"] == 4 and place.live_number() == 1
    (notes / "docs" / "canteen.txt").unlink()
    ingest(Index.at(notes), config, ["docs"])
    with pytest.raises(InputError, match="holds another index already"):
        import_index(Index.at(notes), config, notes / "a.zip")
    assert oct((notes / "a.zip").stat().st_mode)[-3:] == "600"
    with pytest.raises(InputError, match="exists already"):
        export_index(place, notes / "b.zip")


@pytest.mark.parametrize("where", ["rename", "replace_file", "write"])
def test_an_import_that_was_interrupted_is_finished_by_the_same_command(
    notes: Path, config: PipelineConfig, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = {"rename": os, "replace_file": publish, "write": seal}[where]  # before, while and after it is published

    def stop(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    place = Index.at(notes / "new")
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(owner, where, stop)
        import_index(place, config, notes / "a.zip")
    import_index(place, config, notes / "a.zip")
    assert check(place, build(config).store, deep=True) == []
    assert corpus.digest(notes / "new", config) == corpus.digest(notes, config)


def test_rows_that_no_vector_index_takes_leave_nothing_behind(
    notes: Path, config: PipelineConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Index.at(notes / "new")
    with monkeypatch.context() as patched, pytest.raises(CorruptError, match="OverflowError: too large"):
        patched.setattr(EdgeStore, "write", lambda *_: (_ for _ in ()).throw(OverflowError("too large")))
        import_index(place, config, notes / "a.zip")
    assert nothing(notes / "new")
    full = OSError(errno.ENOSPC, "No space left on device")
    with monkeypatch.context() as patched, pytest.raises(SpaceError, match="MB needed"):
        patched.setattr(publish, "replace_file", lambda *_: (_ for _ in ()).throw(full))
        import_index(place, config, notes / "a.zip")
    import_index(place, config, notes / "a.zip")


def test_an_export_replaces_what_a_killed_one_left_and_waits_for_no_other(notes: Path, config: PipelineConfig) -> None:
    part = notes / "b.zip.part"
    part.write_bytes(bytes(10**6))
    with open(part) as other:
        assert try_lock(other)
        with pytest.raises(LockedError, match="another export"):
            export_index(Index.at(notes), notes / "b.zip")
    export_index(Index.at(notes), notes / "b.zip")
    assert (notes / "b.zip").read_bytes() == (notes / "a.zip").read_bytes() and not part.exists()


def test_only_its_owner_can_read_an_export(notes: Path, config: PipelineConfig) -> None:
    assert stat.S_IMODE((notes / "a.zip").stat().st_mode) == 0o600


def test_the_commands_take_the_pipeline_of_the_archive_and_refuse_another(notes: Path, config: PipelineConfig) -> None:
    assert "the chunker" in rag("import", "a.zip", "--index", "new", "--pipeline", "default", code=4).stderr
    assert "4 sources" in rag("import", "a.zip", "--index", "new").stdout
    assert "docs/lumen.md" in rag("search", "Lumen K2", "--index", "new").stdout
    assert "no indexed file" not in rag("export", "c.zip", "--index", "new").stdout
    assert "there is no index" in rag("export", "d.zip", "--index", "nowhere", code=2).stderr
    rag("import", "absent.zip", code=2)


def test_a_damaged_archive_is_refused_wherever_it_is_damaged(notes: Path, config: PipelineConfig) -> None:
    good = (notes / "a.zip").read_bytes()
    rng = random.Random(1)
    for number in range(40):
        bad = bytearray(good[: rng.randrange(len(good))] if number % 8 == 0 else good)
        if number % 8 and bad:
            bad[rng.randrange(len(bad))] ^= 1 << rng.randrange(8)
        (notes / "bad.zip").write_bytes(bytes(bad))
        place = notes / f"new{number}"
        try:
            import_index(Index.at(place), config, notes / "bad.zip")
        except RagError as error:
            assert error.exit_code in (4, 6), error
            assert nothing(place)
        else:  # a byte that says nothing about the content, such as a time in the zip's own tables
            assert corpus.content(Index.at(place)) == corpus.content(Index.at(notes))


@pytest.mark.parametrize("name", ["../../escaped.txt", "/escaped.txt", "documents.pkl", "vectors-00000.bin"])
def test_names_that_do_not_belong_are_refused(notes: Path, config: PipelineConfig, name: str) -> None:
    bad = altered(notes / "a.zip", notes / "bad.zip", name, b"x")
    with pytest.raises(CorruptError, match="does not belong"):
        import_index(Index.at(notes / "new"), config, bad)
    assert nothing(notes / "new") and not list(notes.rglob("escaped.txt"))
    assert not any((folder / "escaped.txt").exists() for folder in notes.parents)


def test_bombs_forged_rows_and_other_formats_are_refused(notes: Path, config: PipelineConfig) -> None:
    place = Index.at(notes / "new")
    bomb = altered(notes / "a.zip", notes / "b.zip", "documents.jsonl", bytes(10**6), compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(CorruptError, match="compressed"):
        import_index(place, config, bomb)
    with zipfile.ZipFile(notes / "a.zip") as archive:
        head = json.loads(archive.read("index.json"))
        rows = archive.read("documents.jsonl").replace(b"Soup", b"Soap")
    with pytest.raises(CorruptError, match="sha256"):
        import_index(place, config, altered(notes / "a.zip", notes / "c.zip", "documents.jsonl", rows))
    head["members"]["documents.jsonl"]["sha256"] = hashlib.sha256(rows).hexdigest()
    forged = altered(notes / "c.zip", notes / "d.zip", "index.json", json.dumps(head).encode())
    with pytest.raises(CorruptError, match=r"checksum|hashes"):
        import_index(place, config, forged)
    head["format"] = 99
    with pytest.raises(MismatchError, match="format 99"):
        import_index(place, config, altered(notes / "a.zip", notes / "e.zip", "index.json", json.dumps(head).encode()))
    assert nothing(notes / "new")
