"""Another pipeline for an index that goes on answering; back to one that was kept, without embedding."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from rag.cli import app
from rag.config import load
from rag.errors import InputError, MismatchError
from rag.index.facts import REBUILDING
from rag.index.folder import Index
from rag.index.kept import list_kept
from rag.ingest.run import ingest
from rag.interrupt import Interrupted
from rag.maintain.archive import export_index, import_index
from rag.maintain.check import check
from rag.maintain.remove import delete
from rag.maintain.repair import repair
from rag.maintain.upgrade import drop, find_pipeline, list_generations, upgrade
from rag.pipeline import Pipeline
from tests.conftest import TINY
from tests.test_integrity import holding

QUESTION = "Who makes the Lumen K2?"


@pytest.fixture
def index(notes: Path) -> Index:
    """An index of four notes by tiny.yaml; wide.yaml has vectors of another width, and other chunks."""
    (notes / "wide.yaml").write_text(TINY.replace("use: hashing", "use: hashing, width: 128").replace("60", "30"))
    (notes / "asked.yaml").write_text(TINY.replace("k: 5", "k: 3"))
    ingest(Index.at(notes), load("tiny.yaml"), ["docs"])
    return Index.at(notes)


def kept(index: Index) -> dict[int, int]:
    with closing(index.read_manifest()) as manifest:
        return {number: one.vectors for number, one in list_kept(manifest).items()}


def ids(index: Index, name: str) -> list[str]:
    with Pipeline.load(name, index=index.path) as pipeline:
        return [hit.chunk.id for hit in pipeline.search(QUESTION)]


def sound(index: Index, name: str) -> bool:
    from rag.config import build

    return check(index, build(load(name)).store, deep=True) == []


def test_the_way_back_embeds_nothing_and_leads_to_the_same_index(index: Index) -> None:
    before, files = ids(index, "tiny.yaml"), {p: p.stat().st_mtime_ns for p in (index.base / "docs").iterdir()}
    report = upgrade(index, load("wide.yaml"), keep=True)
    assert report.embedded > 0 and report.published and sound(index, "wide.yaml")
    [live, old] = list_generations(index)
    assert [(row.state, Path(row.pipeline).name) for row in (live, old)] == [
        ("live", "wide.yaml"),
        ("kept", "tiny.yaml"),
    ]
    with pytest.raises(MismatchError):
        ids(index, "tiny.yaml")
    back = upgrade(index, find_pipeline(index, old.number), back=old.number)
    assert back.embedded == 0 and ids(index, "tiny.yaml") == before and kept(index) == {}
    assert sound(index, "tiny.yaml") and {p: p.stat().st_mtime_ns for p in files} == files
    with closing(index.read_manifest()) as manifest:
        counts = manifest.counts()
    assert counts["vectors"] <= counts["chunks"]  # those of the other pipeline are gone


def test_without_keep_nothing_is_kept_and_a_question_side_alone_makes_nothing_anew(index: Index) -> None:
    upgrade(index, load("wide.yaml"))
    assert kept(index) == {} and len(list_generations(index)) == 1
    upgrade(index, load("tiny.yaml"))
    report = upgrade(index, load("asked.yaml"), keep=True)
    assert report.embedded == 0 and kept(index) == {}
    assert index.facts()["pipeline"].endswith("asked.yaml")
    with pytest.raises(InputError, match=r"generation 7 is not kept \(none is\)"):
        find_pipeline(index, 7)


def test_the_old_index_answers_until_the_new_one_is_there_and_the_same_command_goes_on(index: Index) -> None:
    before = ids(index, "tiny.yaml")

    def stop(what: str, done: int, total: int) -> None:
        if what == "rechunk" and done == 3:
            assert ids(index, "tiny.yaml") == before
            raise Interrupted(2)

    with pytest.raises(Interrupted):
        upgrade(index, load("wide.yaml"), keep=True, progress=stop)
    assert ids(index, "tiny.yaml") == before
    with closing(index.read_manifest()) as manifest:
        assert REBUILDING in manifest.facts()
    whole = kept(index)
    assert upgrade(index, load("wide.yaml"), keep=True).embedded > 0
    assert kept(index) == whole and sound(index, "wide.yaml")


def test_an_upgrade_that_was_begun_is_given_up_by_going_back(index: Index) -> None:
    before = ids(index, "tiny.yaml")

    def stop(what: str, done: int, total: int) -> None:
        if what == "rechunk" and done == 3:
            raise Interrupted(2)

    with pytest.raises(Interrupted):
        upgrade(index, load("wide.yaml"), progress=stop)
    with pytest.raises(MismatchError, match="begun without --keep"):
        upgrade(index, load("wide.yaml"), keep=True)
    assert upgrade(index, load("tiny.yaml")).embedded == 0
    assert ids(index, "tiny.yaml") == before and sound(index, "tiny.yaml")


def test_what_is_kept_goes_with_its_text_and_on_request(index: Index) -> None:
    upgrade(index, load("wide.yaml"), keep=True)
    [(number, vectors)] = kept(index).items()
    (index.base / "docs" / "lumen.md").rename(index.base / "docs" / "k2.md")  # the same text: nothing is lost
    ingest(index, load("wide.yaml"), ["docs"])
    assert kept(index) == {number: vectors}
    delete(index, load("wide.yaml"), ["docs/canteen.txt"], purge=True)
    left = kept(index)[number]
    assert left < vectors and not holding(index.base, "Soup is served")
    export_index(index, index.base / "out.rag")
    other = Index.at(index.base / "other")
    import_index(other, load("wide.yaml"), index.base / "out.rag")
    assert kept(other) == {} and sound(other, "wide.yaml")
    assert drop(index, [number]) == left and kept(index) == {} and sound(index, "wide.yaml")


def test_a_damaged_manifest_is_mended_with_what_is_kept(index: Index) -> None:
    upgrade(index, load("wide.yaml"), keep=True)
    whole = kept(index)
    with index.edit_unsealed() as manifest:
        manifest.db.execute("UPDATE documents SET meta = '[' WHERE source = 'docs/lumen.md'")
    assert not sound(index, "wide.yaml")
    repair(index, load("wide.yaml"))
    assert kept(index) == whole and sound(index, "wide.yaml")
    with index.edit_unsealed() as manifest:
        manifest.db.execute("UPDATE kept_vectors SET key = 'x' WHERE rowid = 1")
    assert not sound(index, "wide.yaml")


def test_the_commands(index: Index) -> None:
    def run(*words: str) -> Any:
        return CliRunner().invoke(app, [*words, "--index", str(index.base)])

    assert "chunks embedded" in run("upgrade", "--pipeline", "wide.yaml", "--keep").output
    rows = json.loads(run("generations", "--json").output)
    assert [row["state"] for row in rows] == ["live", "kept"]
    assert f"rag upgrade --to {rows[1]['number']}" in run("generations").output
    assert "0 chunks embedded" in run("upgrade", "--to", str(rows[1]["number"])).output
    assert "nothing had to be kept" in run("upgrade", "--pipeline", "tiny.yaml", "--keep").output
    assert "name what the index is to be made with" in str(run("upgrade").exception)
    assert "is not kept" in str(run("generations", "--drop", "99").exception)
