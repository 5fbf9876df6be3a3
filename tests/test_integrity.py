"""What was damaged is said and mended, what was taken out stays out, what was purged is gone from every byte."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks.reliability import corpus
from benchmarks.reliability.crash import age, migrate
from rag import cache
from rag.cli import app
from rag.config import PipelineConfig, build, load
from rag.errors import CorruptError, InputError, LockedError, MismatchError, SpaceError
from rag.index import checksums
from rag.index.facts import REPAIRING
from rag.index.folder import Index
from rag.index.manifest import Manifest
from rag.index.recover import RECOVERED
from rag.index.tables import STEPS, VERSION
from rag.ingest.report import Report
from rag.ingest.run import ingest
from rag.maintain.check import check
from rag.maintain.remove import delete
from rag.maintain.repair import repair
from rag.pipeline import Pipeline
from rag.store.edge import EdgeStore
from rag.types import Hit
from tests.conftest import NOTES
from tests.test_cli import rag

TINY = Path(__file__).parent / "tiny.yaml"


@pytest.fixture
def config(notes: Path) -> PipelineConfig:
    """The pipeline of an index of four notes."""
    run(notes)
    return load("tiny.yaml")


def run(folder: Path, *paths: str) -> Report:
    return ingest(Index.at(folder), load("tiny.yaml"), list(paths) or ["docs"])


def sources(folder: Path) -> dict[str, str]:
    with closing(Index.at(folder).read_manifest()) as manifest:
        return {name: row.status for name, row in manifest.sources().items()}


def holding(folder: Path, text: str) -> list[str]:
    """Files of the index in which the text stands."""
    return [p.name for p in (folder / ".rag").rglob("*") if p.is_file() and text.encode() in p.read_bytes()]


def found(folder: Path, config: PipelineConfig, question: str = "router") -> list[Hit]:
    with Pipeline(config, Index.at(folder)) as opened:
        return opened.search(question)


def damage(path: Path, text: str) -> None:
    """Another letter where this text stands."""
    data = bytearray(path.read_bytes())
    data[data.index(text.encode())] ^= 1
    path.write_bytes(bytes(data))


def test_a_passage_changed_in_the_vector_index_is_not_quoted_and_can_be_mended(notes: Path) -> None:
    rag("ingest", "docs", "--pipeline", "tiny.yaml")
    before = rag("search", "Lumen K2", "--json").stdout
    (page,) = [p for p in (notes / ".rag").rglob("payload_storage/page_0.dat")]
    damage(page, "Halvorsen Optik. It draws")
    for words in (("ask", "Who makes the Lumen K2?"), ("search", "Lumen K2"), ("check",), ("check", "--deep")):
        done = rag(*words, code=6)
        assert "page_0.dat" in done.stdout + done.stderr
        assert words[0] == "check" or "rag check --repair" in done.stderr
    assert "repaired: 0 files read again" in rag("check", "--repair").stdout
    assert "sound" in rag("check", "--deep").stdout
    assert rag("search", "Lumen K2", "--json").stdout == before


def test_a_damaged_row_of_the_manifest_stops_who_would_build_on_it(notes: Path, config: PipelineConfig) -> None:
    before = found(notes, config)
    damage(notes / ".rag" / "manifest.sqlite", "Soup is served")
    with pytest.raises(CorruptError, match="rag check --repair"):
        run(notes)
    assert "rag check --repair" in rag("status", code=6).stderr
    assert found(notes, config) == before  # the vector index is whole, and these passages too
    done = repair(Index.at(notes), config)
    assert done.reloaded == ["docs/canteen.txt"] and not done.remaining and not done.embedded
    assert found(notes, config) == before and run(notes).count("unchanged") == 4


def test_a_text_that_is_damaged_and_whose_file_is_gone_is_named(notes: Path, config: PipelineConfig) -> None:
    (notes / "docs" / "canteen.txt").unlink()
    damage(notes / ".rag" / "manifest.sqlite", "Soup is served")
    done = rag("check", "--repair", code=6)
    assert "docs/canteen.txt" in done.stdout and "lost" in done.stdout
    assert sources(notes)["docs/canteen.txt"] == "failed"
    assert "sound" in rag("check", "--deep").stdout


def test_text_that_is_whole_is_kept_where_other_things_of_its_source_are_damaged_and_its_file_is_gone(
    notes: Path, config: PipelineConfig
) -> None:
    lines = [f'{{"id": {n}, "text": "The gauge {word} is on pier {n}.", "year": 2020}}' for n, word in enumerate("xy")]
    (notes / "docs" / "facts.jsonl").write_text("\n".join(lines))
    run(notes)
    with closing(sqlite3.connect(notes / ".rag" / "manifest.sqlite")) as db, db:
        db.execute("UPDATE sources SET stamp = '[9, 9, 9, 9]' WHERE name = 'docs/canteen.txt'")
        db.execute("DELETE FROM sources WHERE name = 'docs/router.md'")
        db.execute("UPDATE documents SET digest = 'x' WHERE source = 'docs/lumen.md'")
        db.execute("UPDATE documents SET meta = '[' WHERE source = 'docs/halvorsen.md'")
        db.execute("UPDATE documents SET text = 'y' WHERE source = 'docs/facts.jsonl' AND text LIKE '%gauge x%'")
    shutil.rmtree(notes / "docs")
    done = repair(Index.at(notes), config)
    assert done.lost == ["docs/facts.jsonl"] and not done.remaining
    names = {"docs/canteen.txt", "docs/facts.jsonl", "docs/halvorsen.md", "docs/lumen.md", "docs/router.md"}
    assert sources(notes) == dict.fromkeys(names, "degraded")
    for question in ("Soup is served", "router", "Lumen", "Halvorsen", "gauge y pier"):
        assert found(notes, config, question), question
    assert not [h for h in found(notes, config, "gauge") if "gauge x" in h.chunk.text]
    (notes / "docs").mkdir()
    (notes / "docs" / "facts.jsonl").write_text("\n".join(lines))
    assert run(notes, "docs/facts.jsonl").count("updated") == 1
    assert [h for h in found(notes, config, "gauge") if "gauge x" in h.chunk.text]


def test_what_the_engine_has_no_room_to_look_at_is_not_called_damaged(
    notes: Path, config: PipelineConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(store: EdgeStore) -> set[str]:
        raise SpaceError("67 MB needed")

    (notes / ".rag" / "seal.json").unlink()
    monkeypatch.setattr(EdgeStore, "ids", fail)
    with pytest.raises(SpaceError, match="67 MB needed"):
        check(Index.at(notes), build(config).store, deep=True)
    with pytest.raises(SpaceError, match="67 MB needed"):
        repair(Index.at(notes), config)


@pytest.mark.parametrize("step", ["rag.index.folder.Index.edit_unsealed", "rag.maintain.repair._restore"])
def test_a_repair_that_was_killed_is_finished_by_the_next_one(
    notes: Path,
    config: PipelineConfig,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
) -> None:
    index = Index.at(notes)
    with closing(sqlite3.connect(index.manifest_path, isolation_level=None)) as db:
        db.execute("UPDATE documents SET meta = '[' WHERE source = 'docs/lumen.md'")
        db.execute("UPDATE sources SET stamp = '[1]' WHERE name = 'docs/router.md'")
    (index.path / "CURRENT").write_text("nonsense")
    whole = tmp_path_factory.mktemp("whole") / "notes"
    shutil.copytree(notes, whole, copy_function=shutil.copy2)
    with monkeypatch.context() as patched, pytest.raises(ZeroDivisionError):
        patched.setattr(step, lambda *_: 1 / 0)
        repair(index, config)
    assert "a repair of it was interrupted" in [one.what for one in check(index, None, deep=False)]
    with pytest.raises(CorruptError, match="a repair of it was interrupted"):
        run(notes, "docs")
    done, other = repair(index, config), repair(Index.at(whole), config)
    assert sorted(done.reloaded) == sorted(other.reloaded) == ["docs/lumen.md", "docs/router.md"]
    assert done.remaining == [] and corpus.digest(notes, config) == corpus.digest(whole, config)
    with closing(index.read_manifest()) as manifest:
        assert REPAIRING not in manifest.facts()


def test_a_recovered_manifest_takes_its_place_before_the_next_writer(notes: Path, config: PipelineConfig) -> None:
    journal = notes / ".rag" / "manifest.sqlite-wal"
    with closing(Manifest.open(Index.at(notes).manifest_path)) as manifest:
        shutil.copyfile(manifest.path, notes / ".rag" / RECOVERED)
        with manifest.transaction():
            manifest.drop_sources(manifest.sources())
        old = journal.read_bytes()
    journal.write_bytes(old)  # of the manifest that was replaced
    with Index.at(notes).hold_lock():
        assert not journal.exists() and len(sources(notes)) == 4


def test_what_is_shown_is_compared_with_the_manifest_unless_that_is_newer(notes: Path, config: PipelineConfig) -> None:
    index = Index.at(notes)
    (hit, *_) = found(notes, config)
    with index.hold_generation() as live:
        content = live.content
    index.verify([hit], content)
    forged = replace(hit, chunk=replace(hit.chunk, text=hit.chunk.text.replace("Lumen", "Luman")))
    with pytest.raises(CorruptError, match="not what the manifest says"):
        index.verify([forged], content)
    (notes / "docs" / "more.txt").write_text("A later text.\n")
    run(notes)
    index.verify([forged], content)  # of an older generation, which was compared when it was opened


def test_a_passage_that_is_not_what_the_manifest_says_is_neither_found_nor_quoted(
    notes: Path, config: PipelineConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fetch(store: EdgeStore, ids: Sequence[str], *, vectors: bool = False) -> list[Hit]:
        hits = genuine(store, ids, vectors=vectors)
        return [replace(h, chunk=replace(h.chunk, text=h.chunk.text.replace("Tarnvik", "Norvik"))) for h in hits]

    genuine = EdgeStore.fetch
    monkeypatch.setattr(EdgeStore, "fetch", fetch)  # an engine that gives other text than its sound files hold
    with Pipeline(config, Index.at(notes)) as opened:
        for ask in (opened.search, opened.ask):
            with pytest.raises(CorruptError, match=r"docs/halvorsen\.md is not what the manifest says"):
                ask("Where is the head office of Halvorsen Optik?")


def test_an_interrupted_run_is_told_apart_from_damage_and_answers(notes: Path, config: PipelineConfig) -> None:
    index = Index.at(notes)
    with index.hold_lock(), pytest.raises(LockedError):
        check(index, None, deep=False)
    (notes / ".rag" / "seal.json").unlink()
    assert [f.part for f in check(index, None, deep=True)] == ["seal"]
    assert found(notes, config)
    run(notes)
    assert check(index, None, deep=True) == []


@pytest.mark.parametrize("quantize", ["none", "int8", "binary"])
@pytest.mark.parametrize("files", [0, 1])
def test_asking_changes_no_byte_of_the_vector_index_not_even_of_an_empty_one(
    tmp_path: Path, files: int, quantize: str
) -> None:
    config = load(str(TINY)).with_stage("store", {"use": "edge", "quantize": quantize})
    (tmp_path / "broken.pdf").write_text("%PDF-1.4")
    corpus.write(tmp_path, range(files))
    ingest(Index.at(tmp_path), config, [str(tmp_path)])
    before = checksums.checksum_folder(tmp_path / ".rag" / "generations" / "1")
    for _ in range(2):
        with Pipeline(config, Index.at(tmp_path)) as opened:
            assert opened.ask("How long is berth 1?").abstained == (not files)
    assert checksums.checksum_folder(tmp_path / ".rag" / "generations" / "1") == before
    assert check(Index.at(tmp_path), build(config).store, deep=True) == []


def test_fields_that_change_without_the_text_reach_the_vector_index(notes: Path, config: PipelineConfig) -> None:
    for year in (2023, 2024):
        (notes / "docs" / "facts.jsonl").write_text(f'{{"id": 1, "text": "The gauge is on pier two.", "year": {year}}}')
        run(notes)
        (hit,) = [h for h in found(notes, config, "gauge pier") if h.chunk.source.endswith("facts.jsonl")]
        assert hit.chunk.meta["year"] == year


def test_deleted_files_stay_out_until_they_are_named(notes: Path, config: PipelineConfig) -> None:
    with pytest.raises(InputError, match=r"nothing\.md"):
        delete(Index.at(notes), config, ["docs/lumen.md", "nothing.md"])
    assert len(sources(notes)) == 4
    removed = delete(Index.at(notes), config, ["docs/canteen.txt", "docs/lumen.md"])
    assert removed.names == removed.excluded == ["docs/canteen.txt", "docs/lumen.md"]
    assert not [h for h in found(notes, config, "Lumen K2") if h.chunk.source in removed.names]
    assert [f.source for f in run(notes).files if f.status == "skipped"] == removed.names
    assert run(notes, "docs/lumen.md").count("updated") == 1
    assert sources(notes)["docs/lumen.md"] == "ok" and sources(notes)["docs/canteen.txt"] == "excluded"
    (notes / "docs" / "router.md").unlink()
    assert delete(Index.at(notes), config, ["docs/router.md"]).excluded == []
    assert "docs/router.md" not in sources(notes)
    assert check(Index.at(notes), build(config).store, deep=True) == []


def test_purged_text_is_in_no_file_any_more(notes: Path, config: PipelineConfig) -> None:
    (notes / "docs" / "copy.txt").write_text((notes / "docs" / "canteen.txt").read_text())
    (notes / "docs" / "canteen.txt").write_text("Zwiebelkuchen is served.\n")  # an older text is still about
    run(notes)
    secrets = ("Zwiebelkuchen", "Halvorsen Optik has its head office")
    assert all(holding(notes, secret) for secret in secrets)
    (notes / "docs" / "canteen.txt").unlink()
    removed = delete(Index.at(notes), config, ["docs/canteen.txt", "docs/halvorsen.md"], purge=True)
    assert removed.excluded == ["docs/halvorsen.md"]
    assert [holding(notes, secret) for secret in (*secrets, "canteen")] == [[], [], holding(notes, "canteen")]
    assert "docs/canteen.txt" not in sources(notes)
    assert found(notes, config, "canteen soup")[0].chunk.source == "docs/copy.txt"
    assert check(Index.at(notes), build(config).store, deep=True) == []
    assert delete(Index.at(notes), config, ["docs/copy.txt"], purge=True).copies == []


def test_a_purge_takes_the_notes_of_language_models_along(notes: Path, config: PipelineConfig) -> None:
    cache.save(f"{cache.NOTES}1", b"The canteen serves Zwiebelkuchen.")
    cache.save("vectors-1", b"dear")
    assert delete(Index.at(notes), config, ["docs/canteen.txt"]).notes == 0 and cache.load(f"{cache.NOTES}1")
    assert delete(Index.at(notes), config, ["docs/canteen.txt"], purge=True).notes >= 1
    assert cache.load(f"{cache.NOTES}1") is None and cache.load("vectors-1")


def test_a_repair_reads_no_file_that_only_the_index_names(notes: Path, config: PipelineConfig) -> None:
    for place in (notes.parent / "a", notes.parent / "b"):
        place.mkdir()
        (place / "key.txt").write_text("Zwiebelkuchen is the password.")
    with Index.at(notes).edit_manifest() as manifest, manifest.transaction():
        manifest.add_roots([str(notes.parent / "a"), "../b"])
    (notes / ".rag" / "manifest.sqlite").write_bytes(b"damaged" * 1000)
    done = repair(Index.at(notes), config)
    assert not holding(notes, "Zwiebelkuchen") and set(sources(notes)) == {f"docs/{name}" for name in NOTES}
    assert [name for name in done.lost if "rag ingest" in name] == done.lost and len(done.lost) == 2


def test_a_purge_says_when_a_reader_still_holds_the_text(notes: Path, config: PipelineConfig) -> None:
    with Index.at(notes).hold_generation(), pytest.raises(LockedError, match="still reads"):
        delete(Index.at(notes), config, ["docs/canteen.txt"], purge=True)
    generation = {p.name for p in (notes / ".rag" / "generations").rglob("*")}
    assert holding(notes, "Soup is served") and set(holding(notes, "Soup is served")) <= generation
    delete(Index.at(notes), config, ["docs/canteen.txt"], purge=True)
    assert not holding(notes, "Soup is served")


def test_an_index_of_an_older_format_answers_and_is_brought_up_to_date(
    notes: Path, config: PipelineConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(STEPS, VERSION - 1, migrate)
    before = found(notes, config)
    age(notes / ".rag")
    assert found(notes, config) == before
    with pytest.raises(MismatchError, match="rag rebuild"):
        Index.at(notes).read_manifest()
    assert "4 sources" in CliRunner().invoke(app, ["rebuild"]).stdout
    assert found(notes, config) == before and check(Index.at(notes), build(config).store, deep=True) == []
    assert run(notes).count("unchanged") == 4
    age(notes / ".rag")
    with closing(sqlite3.connect(notes / ".rag" / "manifest.sqlite")) as db, db:
        db.execute("UPDATE vectors SET crc = 1")
    assert isinstance(CliRunner().invoke(app, ["rebuild"]).exception, CorruptError)
