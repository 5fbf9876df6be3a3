"""The regression gate: what fails it, what does not, and what it says."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from rag.errors import InputError, MismatchError
from rag_evals import baseline, runner, stats
from rag_evals.cli import app
from rag_evals.datasets import Dataset
from rag_evals.gate import Change, changes
from rag_evals.records import AnswerRecord, QuestionRecord
from rag_evals.runner import Run

N = 40


def a_run(columns: Mapping[str, Sequence[float | None]], pipeline: str = "default", **areas: Any) -> dict[str, Any]:
    """Results as `measure.summary` gives them."""
    metrics = {}
    for name, column in columns.items():
        found = stats.bootstrap_mean([value for value in column if value is not None], resamples=500)
        metrics[name] = {"value": found.value, "low": found.low, "high": found.high}
    ids = [f"q{i}" for i in range(N)]
    questions = {"id": ids, **{name: list(column) for name, column in columns.items()}}
    return {
        "dataset": "d", "pipeline": pipeline, "n": N, "asked": "x", "metrics": {**metrics, **areas},
        "questions": questions,
    }  # fmt: skip


def judged(before: Sequence[float | None], after: Sequence[float | None], metric: str = "recall@5") -> Change | None:
    found = changes([a_run({metric: before})], [a_run({metric: after})])
    return found[0] if found else None


def flipped(count: int, start: float = 1.0) -> list[float]:
    return [1 - start] * count + [start] * (N - count)


def test_equal_results_and_rounding_move_nothing() -> None:
    assert judged([0.3333] * N, [1 / 3] * N) is None


def test_a_loss_beyond_the_interval_fails_and_names_the_questions() -> None:
    found = judged([1.0] * N, flipped(5))
    assert found is not None and found.worse
    assert found.questions == ("q0", "q1", "q2", "q3", "q4")
    assert str(found).startswith("d, default: recall@5 worse: 1.000 -> 0.875 (-12.5 points, interval ")
    assert str(found).endswith("it lost on q0, q1, q2, q3, q4")


def test_one_lost_question_is_shown_but_within_tolerance() -> None:
    found = judged([1.0] * N, flipped(1))
    assert found is not None and not found.worse
    assert "moved within tolerance" in str(found)


def test_gains_never_fail() -> None:
    found = judged(flipped(20), [1.0] * N)
    assert found is not None and not found.worse and found.questions == ()
    assert "recall@5 better: 0.500 -> 1.000 (+50.0 points" in str(found)


def test_a_fall_too_small_to_matter_does_not_fail() -> None:
    found = judged([1.0] * N, [0.995] * N)
    assert found is not None and found.high < 0 and not found.worse


def test_more_false_answers_are_worse_and_fewer_are_not() -> None:
    more = judged([0.0] * N, flipped(10, start=0.0), "false_answer_rate")
    fewer = judged(flipped(10, start=0.0), [0.0] * N, "false_answer_rate")
    assert more is not None and more.worse and more.gain == -0.25
    assert fewer is not None and not fewer.worse


def test_one_inexact_quote_fails() -> None:
    found = judged([1.0] * N, flipped(1), "quote_exactness")
    assert found is not None and found.worse


def test_an_area_fails_outside_the_baselines_interval() -> None:
    area = {"value": 0.4, "low": 0.3, "high": 0.5}
    for value, worse in ((0.49, False), (0.6, True), (0.2, False)):
        now = a_run({"mrr": [1.0] * N}, aurc={"value": value, "low": 0, "high": 1})
        (found,) = changes([a_run({"mrr": [1.0] * N}, aurc=area)], [now])
        assert found.worse is worse


def test_a_question_without_the_value_on_one_side_is_left_out() -> None:
    assert judged([1.0] * N, [None, *[1.0] * (N - 1)], "citation_recall") is None
    found = judged([0.0, *[1.0] * (N - 1)], [None, 0.0, *[1.0] * (N - 2)], "citation_recall")
    assert found is not None and (found.before, found.after) == (1, (N - 2) / (N - 1))


def test_what_describes_is_not_judged() -> None:
    assert judged([1.0] * N, [0.0] * N, "hop_recall@1") is None


def test_chance_between_equals_seldom_fails() -> None:
    rng = np.random.default_rng(5)
    false = 0
    for _ in range(200):
        base = rng.random(N) < 0.7
        a, b = (np.where(rng.random(N) < 0.1, rng.random(N) < 0.7, base).astype(float).tolist() for _ in range(2))
        found = judged(a, b)
        false += found is not None and found.worse
    assert false <= 10


@pytest.mark.parametrize(
    ("now", "message"),
    [
        ([], "default on d is only in the baseline"),
        ([a_run({"mrr": [1.0] * N}), a_run({"mrr": [1.0] * N}, "new")], "new on d is only in this result"),
        ([a_run({"map": [1.0] * N})], "mrr is in the baseline and no longer measured"),
        ([{**a_run({"mrr": [1.0] * N}), "asked": "y"}], "text, order or gold changed"),
        ([{**a_run({"mrr": [1.0] * N}), "questions": {"id": ["q0"]}}], "q1, q10, q11, .* on one side only"),
    ],
)
def test_results_that_do_not_fit_say_why(now: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(MismatchError, match=message):
        changes([a_run({"mrr": [1.0] * N})], now)


def test_a_baseline_survives_the_file_and_names_files_from_where_it_stands(tmp_path: Path) -> None:
    run = a_run({"recall@5": [1 / 3, None, 1.0, *[0.0] * (N - 3)]}, pipeline=str(tmp_path / "mine.yaml"))
    path = tmp_path / "sub" / "b.json"
    baseline.write(path, str(tmp_path / "s.yaml"), [{**run, "seconds": {"total": 1}}])
    assert str(tmp_path) not in path.read_text()
    suite, (again,) = baseline.read(path)
    assert (suite, again["pipeline"]) == (str(tmp_path / "s.yaml"), str(tmp_path / "mine.yaml"))
    assert again["questions"]["recall@5"][:3] == [0.3333, None, 1]
    assert changes([again], [run]) == []


@pytest.mark.parametrize("text", ["", "[]", '{"suite": "s", "runs": []}', '{"suite": "s", "runs": [{}]}'])
def test_a_file_that_is_no_baseline(tmp_path: Path, text: str) -> None:
    (tmp_path / "b.json").write_text(text)
    with pytest.raises(InputError, match=r"b\.json: not a baseline"):
        baseline.read(tmp_path / "b.json")
    with pytest.raises(InputError, match="--suite SUITE --update"):
        baseline.read(tmp_path / "absent.json")


@pytest.fixture
def suite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A suite of 20 questions over a pipeline without an engine, which loses as many as LOSE says."""
    rows = [{"id": f"q{i}", "question": f"Which {i}?", "answer": "x", "gold": ["p"]} for i in range(20)]
    (tmp_path / "q.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    (tmp_path / "c.jsonl").write_text(json.dumps({"pid": "p", "title": "T", "text": "Text."}))
    (tmp_path / "s.yaml").write_text("datasets: [{questions: q.jsonl, corpus: c.jsonl}]\nk: [5]\n")
    monkeypatch.setenv("LOSE", "0")

    def run(dataset: Dataset, name: str, **options: Any) -> Run:
        import os

        lost = int(os.environ["LOSE"])
        said = AnswerRecord("x", "answer", 1.0, (("x", ("x",)),), ("x",), ("x",), (), 0.1)
        found = tuple(
            QuestionRecord(q.id, ("none",) if i < lost else ("p",), (0,), 0.1, said)
            for i, q in enumerate(dataset.questions)
        )
        return Run(dataset.name, name, dataset.questions, found, 1.0, 50)

    monkeypatch.setattr(runner, "run", run)
    return tmp_path / "s.yaml"


def invoke(*arguments: object) -> Any:
    return CliRunner().invoke(app, ["gate", *map(str, arguments)])


def test_from_a_new_baseline_to_a_failure_to_accepting_it(suite: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = suite.parent / "baselines" / "b.json"
    assert invoke(path, "--suite", suite).exit_code == 2
    assert "written." in invoke(path, "--suite", suite, "--update").output
    assert "passed, nothing moved" in invoke(path).output
    monkeypatch.setenv("LOSE", "6")
    failed = invoke(path)
    assert failed.exit_code == 1
    assert "recall@5 worse: 1.000 -> 0.700" in failed.output and "it lost on q0, q1" in failed.output
    assert "metrics got worse. If that is meant, accept it: rag eval gate" in failed.output
    data = json.loads(invoke(path, "--json").output)
    assert data["passed"] is False and data["changes"][0]["questions"] == [f"q{i}" for i in range(6)]
    accepted = invoke(path, "--update")
    assert accepted.exit_code == 0 and "of them got worse" in accepted.output
    assert invoke(path).exit_code == 0


def test_results_at_hand_are_judged_without_a_run(suite: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, out = suite.parent / "b.json", suite.parent / "out.json"
    CliRunner().invoke(app, ["run", str(suite), "--json", str(out)], catch_exceptions=False)
    assert invoke(path, "--suite", suite, "--results", out, "--update").exit_code == 0
    monkeypatch.setattr(runner, "run", None)
    assert invoke(path, "--results", out).exit_code == 0
    data = json.loads(out.read_text())
    data["runs"][0]["asked"] = "else"
    out.write_text(json.dumps(data))
    mismatch = invoke(path, "--results", out)
    assert isinstance(mismatch.exception, MismatchError) and mismatch.exception.exit_code == 4
    assert invoke(path, "--results", out, "--update").exit_code == 0
