"""An ingest that did not come to its end is told by whatever reads the index, until what it was about is indexed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from rag.embed.hashing import HashingEmbedder
from rag.errors import SpaceError
from rag.index.folder import Index
from rag.ingest.unfinished import describe_unfinished
from rag.maintain.check import check
from rag.maintain.upgrade import upgrade
from rag.pipeline import Pipeline

UNFINISHED = "The last ingest did not finish: files may be missing, or as they were. Run `{}` to finish it."


def ingest(*roots: str, pipeline: str | None = None, rebuild: bool = False) -> None:
    with Pipeline.load(pipeline) as pipe:
        pipe.ingest(roots, rebuild=rebuild)


def told() -> str:
    return describe_unfinished(Index.at(), place=False)


@contextmanager
def full_disk(place: str = "rag.index.publish.need_space") -> Iterator[None]:
    """The disk is full from this moment of an ingest on."""

    def full(*given: Any) -> None:
        raise SpaceError("full")

    with pytest.MonkeyPatch.context() as patch, pytest.raises(SpaceError):
        patch.setattr(place, full)
        yield


@pytest.fixture
def indexed(notes: Path) -> Path:
    ingest("docs", pipeline="tiny.yaml")
    assert told() == ""
    return notes


def test_what_a_full_disk_ended_is_told_until_it_is_indexed(indexed: Path) -> None:
    (indexed / "docs" / "new.md").write_text("The new crane lifts nine tonnes.\n")
    with full_disk():
        ingest("docs")
    assert told() == UNFINISHED.format("rag ingest docs")
    assert describe_unfinished(Index.at()).endswith(f"Run `rag ingest docs` in {indexed} to finish it.")
    (indexed / "docs" / "new.md").unlink()
    ingest("docs")
    assert told() == "" and not check(Index.at(), None, deep=True)


def test_a_first_ingest_that_did_not_finish_is_told_too(notes: Path) -> None:
    with full_disk("rag.ingest.steps.need_space"):
        ingest("docs", pipeline="tiny.yaml")
    assert told() == UNFINISHED.format("rag ingest docs")


def test_one_that_finds_nothing_changed_notes_nothing(indexed: Path) -> None:
    before = (indexed / ".rag" / "seal.json").read_bytes()
    ingest("docs")
    assert (indexed / ".rag" / "seal.json").read_bytes() == before


def test_only_what_is_about_the_same_files_finishes_it(indexed: Path) -> None:
    (indexed / "docs" / "new one.md").write_text("The new crane lifts nine tonnes.\n")
    (indexed / "other").mkdir()
    (indexed / "other" / "old.md").write_text("The old crane lifts two tonnes.\n")
    with full_disk():
        ingest("docs/new one.md")
    ingest("other")
    assert told() == UNFINISHED.format("rag ingest 'docs/new one.md'")
    ingest(".")  # what holds it
    assert told() == ""


def test_of_a_file_that_is_gone_nothing_can_be_finished(indexed: Path) -> None:
    (indexed / "docs" / "new.md").write_text("The new crane lifts nine tonnes.\n")
    with full_disk():
        ingest("docs/new.md")
    (indexed / "docs" / "new.md").unlink()
    assert told() == ""


def test_many_files_are_not_listed(notes: Path) -> None:
    (notes / "docs" / "more").mkdir()
    names = [f"docs/more/{number}.md" for number in range(9)]
    for name in names:
        (notes / name).write_text(f"The crane {name} lifts nine tonnes.\n")
    with full_disk("rag.ingest.steps.need_space"):
        ingest(*names, pipeline="tiny.yaml")
    assert told() == UNFINISHED.format("the same command")


def test_a_rebuild_that_did_not_finish_names_its_pipeline(indexed: Path) -> None:
    (indexed / "new.yaml").write_text(
        re.sub(r"chunk: .*", "chunk: {use: structure, size: 40}", (indexed / "tiny.yaml").read_text())
    )
    what = "A rebuild did not finish: the index answers as it did before. Run `{}` to finish it."
    with full_disk():
        upgrade(Index.at(), Pipeline.load("new.yaml").config)
    assert told() == what.format("rag upgrade --pipeline new.yaml")
    with full_disk():
        ingest("docs", pipeline="new.yaml", rebuild=True)
    assert told() == what.format("rag ingest docs --rebuild --pipeline new.yaml")
    ingest("docs", pipeline="new.yaml", rebuild=True)
    assert told() == ""


def test_an_embedder_that_breaks_off_is_told(indexed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*given: Any) -> None:
        raise KeyboardInterrupt

    (indexed / "docs" / "new.md").write_text("The new crane lifts nine tonnes.\n")
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(HashingEmbedder, "embed_chunks", stop)
        ingest("docs")
    assert told() == UNFINISHED.format("rag ingest docs")


def test_the_server_tells_who_may_see_all_documents(indexed: Path) -> None:
    pytest.importorskip("starlette")
    from starlette.testclient import TestClient

    from rag.serve.app import make_app
    from rag.serve.settings import settings_of
    from rag.serve.tokens import TokenFile

    tokens = TokenFile(indexed / "tokens.json")
    alone, all_of_it = (
        {"Authorization": f"Bearer {tokens.make(name, 'reader', groups)}"}
        for name, groups in (("a", "hr"), ("b", None))
    )
    with TestClient(make_app(settings_of({"indexes": {"notes": str(indexed)}, "tokens": str(tokens.path)}))) as client:
        assert client.get("/v1/status", headers=all_of_it).json()["unfinished"] == ""
        (indexed / "docs" / "new.md").write_text("The new crane lifts nine tonnes.\n")
        with full_disk():
            ingest("docs")
        assert client.get("/v1/status", headers=all_of_it).json()["unfinished"] == UNFINISHED.format("rag ingest docs")
        assert "unfinished" not in client.get("/v1/status", headers=alone).json()
