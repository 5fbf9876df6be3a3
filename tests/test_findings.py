"""docs/research/evaluation.md shows what was measured: tables of the committed summaries, of variants that are real."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.findings import examples, measure, published, tables
from benchmarks.findings.plan import SOURCES, Source
from benchmarks.findings.variants import BASELINE, VARIANTS, Variant
from rag.config import parse
from rag_evals import runner
from rag_evals.datasets import Dataset, Passage, Question
from rag_evals.records import QuestionRecord
from rag_evals.runner import Run

PAGE = Path(__file__).parent.parent / "docs" / "research" / "evaluation.md"
ROWS = [
    {"id": f"q{i}", "question": f"which {word}?", "answer": word, "gold": [f"p{i}", "p9"]}
    for i, word in enumerate(("iron", "zinc", "lead", "gold"))
]


def test_the_tables_of_the_page_are_those_of_the_summaries() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert tables.fill(page, tables.summaries()) == page, "run `python -m benchmarks.findings --render`"
    assert all(f"<!-- findings: {name} -->" in page for name in tables.TABLES)


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
def test_every_variant_is_a_pipeline(variant: Variant, tmp_path: Path) -> None:
    reference = variant.reference(tmp_path)
    if variant.changes:
        config = parse(Path(reference).read_text(), name=variant.name, origin=reference)
        assert {key: config.stages.get(key) for key in variant.changes} == dict(variant.changes)
    else:
        assert reference in ("direct", "fast", "links", "default")


def test_a_stage_is_taken_out_by_none() -> None:
    assert "hop" not in Variant("plain", "", changes={"hop": None}).config()


def test_the_baseline_comes_first_wherever_it_is_compared_with() -> None:
    for source in SOURCES.values():
        assert source.planned[0].name == BASELINE
    assert {row[0] for row in published.LIMIT_SMALL} == set(SOURCES["limit_small"].pipelines)


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Source:
    """Four questions with two gold passages each; `direct` finds one of them, every other pipeline both."""
    files: dict[str, list[dict[str, Any]]] = {"questions": ROWS}
    files["corpus"] = [{"pid": f"p{i}", "title": "", "text": f"Fact {i}."} for i in range(10)]
    for name, lines in files.items():
        (tmp_path / f"{name}.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))

    def run(dataset: Dataset, name: str, **options: Any) -> Run:
        asked.append(name)
        found = [question.gold[: 1 if name == "direct" else 2] for question in dataset.questions]
        records = tuple(
            QuestionRecord(question.id, gold, (0, 1)[: len(gold)], 0.02)
            for question, gold in zip(dataset.questions, found, strict=True)
        )
        return Run(dataset.name, name, dataset.questions, records, 1.0, 50)

    asked: list[str] = []
    monkeypatch.setattr(runner, "run", run)
    monkeypatch.setattr(measure, "RESULTS", tmp_path)
    monkeypatch.setattr(measure, "cpu_ms", lambda *_: [20.0, 30.0])
    monkeypatch.setattr(tables, "RESULTS", tmp_path)
    return Source("musique", "Metals", ".", "questions.jsonl", "corpus.jsonl", pipelines=("direct", "links", "default"))


def test_a_summary_holds_means_differences_hops_and_failures(source: Source, tmp_path: Path) -> None:
    measure.run(source, tmp_path, tmp_path / "cache", say=lambda what: None)
    found = tables.summaries()
    rows = found["musique"]["pipelines"]
    assert list(rows) == ["direct", "links", "default"]
    assert rows["direct"]["metrics"]["recall@5"]["value"] == 0.5
    assert rows["links"]["against"]["recall@5"] == {"value": 0.5, "low": 0.5, "high": 0.5}
    assert rows["links"]["metrics"]["hop_recall@1"]["value"] == 0.5
    assert (rows["links"]["passages"], rows["links"]["cpu_ms"]) == (2, [20.0, 30.0])
    assert found["musique"]["failures"] == []  # the default found everything
    assert "| links | 1.000 | 1.000 | 1.000 | 1.000 | 1.000 | 1.000 | **+50.0 (+50.0 to +50.0)**" in tables.retrieval(
        found
    )
    assert "| Metals | links | 0.500 | 0.500 | 0.000 | 0.000 |" in tables.hops(found)


def test_one_pipeline_again_leaves_the_other_rows(source: Source, tmp_path: Path) -> None:
    measure.run(source, tmp_path, tmp_path / "cache", say=lambda what: None)
    path = tmp_path / "musique.json"
    summary = json.loads(path.read_text())
    summary["pipelines"]["links"]["passages"] = 7
    path.write_text(json.dumps(summary))
    said: list[str] = []
    measure.run(source, tmp_path, tmp_path / "cache", only=["default"], say=said.append)
    assert said == ["musique: direct", "musique: default"]
    assert json.loads(path.read_text())["pipelines"]["links"]["passages"] == 7


def test_every_table_can_be_made_of_nothing() -> None:
    for name, table in tables.TABLES.items():
        assert (table({}) == "") == (name == "retrieval")


def test_only_differences_whose_interval_excludes_0_are_bold() -> None:
    row = {
        "against": {"a": {"value": 0.02, "low": 0.01, "high": 0.03}, "b": {"value": 0.02, "low": -0.01, "high": 0.03}}
    }
    assert tables._against(row, "a") == "**+2.0 (+1.0 to +3.0)**"
    assert tables._against(row, "b", short=True) == "+2.0"
    assert tables._against(row, "c") == "-"


def test_failures_are_the_worst_first_and_name_no_person() -> None:
    questions = tuple(
        Question(f"q{i}", text, gold=gold)
        for i, (text, gold) in enumerate(
            [
                ("Which river feeds the lake?", ("a", "b")),
                ("Which harbour lies there?", ("c",)),
                ("Where is the Grand Harbour?", ("c",)),
                ("What is found?", ("a",)),
            ]
        )
    )
    corpus = [Passage("a", "Lake", "A lake."), Passage("b", "River", "A river. " * 50), Passage("c", "", "A harbour.")]
    records = tuple(QuestionRecord(question.id, ("a",), (0,), 0.1) for question in questions)
    run = Run("d", "p", questions, records, 0.0, 0)
    shown = examples.failures(Dataset("d", questions, corpus), run, 5)
    assert [row["question"] for row in shown] == ["Which harbour lies there?", "Which river feeds the lake?"]
    assert shown[0] == {
        "question": "Which harbour lies there?",
        "gold": 1,
        "found": 0,
        "missed": ["A harbour."],
        "first": "Lake: A lake.",
    }
    assert str(shown[1]["missed"][0]).endswith("..."), shown[1]  # type: ignore[index]
