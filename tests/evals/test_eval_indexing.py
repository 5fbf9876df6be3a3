"""Indexes of datasets, with the real pipeline and an embedder that needs no model."""

from __future__ import annotations

from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rag import Pipeline, Report
from rag.errors import LockedError
from rag_evals import indexing, runner
from rag_evals.datasets import Dataset, Passage, Question
from rag_evals.indexing import content_digest, index_dataset

STAGES = """
connector: {use: files}
chunk: {use: sentences, size: 40}
embed: {use: hashing}
store: {use: STORE}
retrieve: {use: search, by: dense}
generate: {use: extractive}
"""
PASSAGES = (
    Passage("p:1", "Halden", "Halden Networks makes the routers of building four."),
    Passage("p:2", "Norvik", "Norvik is a town on the coast with a ferry terminal."),
    Passage("p:3", "Ferry", "The ferry Grey Heron was built in the Sellmark yard."),
)
QUESTIONS = (
    Question("q1", "Who makes the routers of building four?", ("Halden Networks",), ("p:1",)),
    Question("q2", "In which yard was the ferry Grey Heron built?", ("Sellmark",), ("p:3",)),
)


def pipeline(tmp_path: Path, name: str, extra: str = "", store: str = "edge") -> str:
    path = tmp_path / f"{name}.yaml"
    path.write_text(STAGES.replace("STORE", store) + extra)
    return str(path)


def test_a_corpus_is_indexed_and_its_passages_found_by_pid(tmp_path: Path) -> None:
    data = Dataset("toy", QUESTIONS, PASSAGES)
    done = runner.run(data, pipeline(tmp_path, "a"), k=2, answers=False, cache=tmp_path / "cache")
    assert [record.ranking[0] for record in done.records] == ["p:1", "p:3"]
    assert set(done.records[0].ranking) <= {"p:1", "p:2", "p:3"}


def test_documents_are_found_by_file(tmp_path: Path) -> None:
    (tmp_path / "docs" / "sub").mkdir(parents=True)
    for passage in PASSAGES:
        (tmp_path / "docs" / "sub" / f"{passage.title}.txt").write_text(passage.text)
    questions = tuple(replace(q, gold=("sub/Halden.txt",), quotes=()) for q in QUESTIONS[:1])
    data = Dataset("toy", questions, documents=(str(tmp_path / "docs"),))
    before = content_digest(data)
    done = runner.run(data, pipeline(tmp_path, "a"), k=2, answers=False, cache=tmp_path / "cache")
    assert done.records[0].ranking[0] == "sub/Halden.txt"
    (tmp_path / "docs" / "sub" / "New.txt").write_text("Halden moved.")
    assert content_digest(data) != before


def test_pipelines_that_differ_in_search_share_an_index(tmp_path: Path) -> None:
    data = Dataset("toy", QUESTIONS, PASSAGES)
    opened = [
        index_dataset(data, pipeline(tmp_path, name, f"k: {k}\n"), tmp_path / "cache")
        for name, k in (("a", 3), ("b", 5))
    ]
    for made, _ in opened:
        made.close()
    assert opened[0][1] == opened[1][1]
    other = tmp_path / "c.yaml"
    other.write_text(STAGES.replace("STORE", "edge").replace("40", "60"))
    made, folder = index_dataset(data, str(other), tmp_path / "cache")
    with closing(made):
        assert folder != opened[0][1]


def test_other_passages_get_another_index(tmp_path: Path) -> None:
    assert content_digest(Dataset("a", QUESTIONS, PASSAGES)) == content_digest(Dataset("b", QUESTIONS, PASSAGES))
    assert content_digest(Dataset("a", QUESTIONS, PASSAGES)) != content_digest(Dataset("a", QUESTIONS, PASSAGES[:2]))


def test_a_collection_of_a_user_is_not_written_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []

    def ingest(self: Pipeline, roots: object, **options: object) -> Report:
        written.append(self.config.stages["store"]["collection"])
        return Report()

    monkeypatch.setattr(Pipeline, "ingest", ingest)
    store = 'qdrant, url: "http://localhost:6333", collection: precious'
    index_dataset(Dataset("toy", QUESTIONS, PASSAGES), pipeline(tmp_path, "s", store=store), tmp_path / "cache")
    assert len(written) == 1
    assert written[0].startswith("raghop-eval-")


def test_a_run_resumes_only_what_it_depends_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = Dataset("toy", QUESTIONS, PASSAGES)
    searched: list[str] = []
    explore = Pipeline.explore

    def counting(self: Pipeline, question: str, *, k: int) -> object:
        searched.append(question)
        return explore(self, question, k=k)

    monkeypatch.setattr(Pipeline, "explore", counting)

    def run(data: Dataset, *, k: int = 2, fresh: bool = False) -> runner.Run:
        searched.clear()
        return runner.run(data, name, k=k, answers=False, cache=tmp_path / "cache", fresh=fresh)

    name = pipeline(tmp_path, "a")
    first = run(data)
    assert len(searched) == 2
    assert run(data).records == first.records and not searched
    run(data, fresh=True)
    assert len(searched) == 2
    run(data, k=3)
    assert len(searched) == 2
    run(replace(data, questions=data.questions[:1]))
    assert len(searched) == 1


def test_what_an_index_cost_is_kept_and_not_added_up_by_runs_that_embed_nothing(tmp_path: Path) -> None:
    data = Dataset("toy", QUESTIONS, PASSAGES)
    options: dict[str, Any] = {"k": 2, "answers": False, "cache": tmp_path / "cache"}
    first = runner.run(data, pipeline(tmp_path, "a"), **options).ingest
    assert first["chunks"] == 3 and first["seconds"] > 0 and first["mib"] > 0
    again = runner.run(data, pipeline(tmp_path, "b", "k: 3\n"), **options).ingest
    assert (again["chunks"], again["seconds"]) == (3, first["seconds"])


def test_answers_may_be_asked_of_some_questions_only(tmp_path: Path) -> None:
    data = Dataset("toy", QUESTIONS, PASSAGES)
    done = runner.run(data, pipeline(tmp_path, "a"), k=2, answers=1, cache=tmp_path / "cache")
    assert [record.answer is not None for record in done.records] == [True, False]
    assert sorted(runner.spread(10, 4)) == [0, 2, 5, 7]
    assert (len(runner.spread(3, True)), len(runner.spread(3, False)), len(runner.spread(3, 9))) == (3, 0, 3)


def test_a_second_evaluation_waits_for_the_index_of_the_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, name, cache = Dataset("toy", QUESTIONS, PASSAGES), pipeline(tmp_path, "a"), tmp_path / "cache"
    first, _ = index_dataset(data, name, cache)
    with ExitStack() as writing:
        writing.enter_context(first.index.edit_manifest())
        monkeypatch.setattr("rag_evals.indexing.time.sleep", lambda seconds: writing.close())
        second, _ = index_dataset(data, name, cache)
    with closing(second):
        assert second.search("ferry terminal", k=1)
    monkeypatch.setattr(indexing, "PATIENCE", 0)
    with first.index.edit_manifest(), pytest.raises(LockedError, match="another process"):
        index_dataset(data, name, cache)
