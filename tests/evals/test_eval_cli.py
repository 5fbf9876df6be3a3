"""`rag eval run` and `rag eval compare`, from files to tables, JSON and exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from rag.errors import ConfigError, InputError
from rag_evals import results, runner, suite
from rag_evals.cli import app
from rag_evals.datasets import Dataset
from rag_evals.records import QuestionRecord
from rag_evals.runner import Run

CORPUS = [{"pid": f"p{i}", "title": f"T{i}", "text": f"Text {i}."} for i in range(6)]
QUESTIONS = [
    {"id": f"q{i}", "question": f"Which {i}?", "answer": "x", "gold": [f"p{i}"], "type": "odd" if i % 2 else "even"}
    for i in range(6)
]


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    for name, rows in (("questions", QUESTIONS), ("corpus", CORPUS)):
        (tmp_path / f"{name}.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return str(tmp_path / "questions.jsonl"), str(tmp_path / "corpus.jsonl")


@pytest.fixture(autouse=True)
def pipelines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two pipelines without an engine: "good" finds every gold passage first, "poor" only the even ones."""

    def run(dataset: Dataset, name: str, **options: Any) -> Run:
        hit = [name == "good" or i % 2 == 0 for i, _ in enumerate(dataset.questions)]
        found = tuple(
            QuestionRecord(q.id, q.gold if ok else ("none",), (0,), 0.1)
            for q, ok in zip(dataset.questions, hit, strict=True)
        )
        return Run(dataset.name, name, dataset.questions, found, 1.0, 50)

    monkeypatch.setattr(runner, "run", run)


def both(files: tuple[str, str], out: Path) -> None:
    pair = ("--pipeline", "poor", "--pipeline", "good")
    invoke("run", "--questions", files[0], "--corpus", files[1], *pair, "--json", str(out))


def invoke(*arguments: str) -> Any:
    return CliRunner().invoke(app, arguments, catch_exceptions=False)


def test_a_pair_of_files_without_a_suite(tmp_path: Path, files: tuple[str, str]) -> None:
    out = tmp_path / "out.json"
    options = ("--questions", files[0], "--corpus", files[1], "--pipeline", "poor", "--k", "5,10", "--json", str(out))
    done = invoke("run", *options)
    assert done.exit_code == 0
    assert "recall@5" in done.output and "6 questions" in done.output and "odd (n = 3)" in done.output
    (run,) = json.loads(out.read_text())["runs"]
    assert (run["pipeline"], run["n"]) == ("poor", 6)
    assert run["metrics"]["recall@5"]["value"] == run["metrics"]["all_gold@10"]["value"] == 1 / 2


def test_rows_left_out_are_named_and_give_exit_code_3(tmp_path: Path, files: tuple[str, str]) -> None:
    with open(files[0], "a") as file:
        file.write("{broken\n" * 12)
    done = invoke("run", "--questions", files[0], "--corpus", files[1], "--pipeline", "good")
    assert done.exit_code == 3
    assert "questions.jsonl:7: left out: not JSON" in done.stderr
    assert "and 2 more problems" in done.stderr
    assert "6 questions" in done.stdout


def test_a_field_that_is_only_ignored_is_no_failure(tmp_path: Path, files: tuple[str, str]) -> None:
    with open(files[0], "a") as file:
        file.write(json.dumps({**QUESTIONS[0], "id": "new", "colour": "red"}) + "\n")
    done = invoke("run", "--questions", files[0], "--corpus", files[1], "--pipeline", "good", "--limit", "2")
    assert (done.exit_code, "'colour'" in done.stderr, "2 questions" in done.stdout) == (0, True, True)


@pytest.mark.parametrize(
    "arguments",
    [
        ("run",),
        ("run", "smoke", "--questions", "q.jsonl"),
        ("run", "smoke", "--corpus", "c"),
        ("run", "smoke", "-k", "0"),
    ],
)
def test_arguments_that_do_not_fit(arguments: tuple[str, ...]) -> None:
    assert invoke(*arguments).exit_code == 2


def test_compare_says_who_is_better(tmp_path: Path, files: tuple[str, str]) -> None:
    out = tmp_path / "out.json"
    many = [{**row, "id": f"{row['id']}-{n}"} for row in QUESTIONS for n in range(5)]
    Path(files[0]).write_text("".join(f"{json.dumps(row)}\n" for row in many))
    invoke(
        "run",
        "--questions",
        files[0],
        "--corpus",
        files[1],
        "--pipeline",
        "poor",
        "--pipeline",
        "good",
        "--json",
        str(out),
    )
    done = invoke("compare", f"{out}:poor", f"{out}:good")
    assert (done.exit_code, "good is better than poor on recall@5: +50.0 points" in done.output) == (0, True)
    assert "\n    no difference shown between poor and good on recall@5, even: +40.0 points" in done.output
    assert "\n    good is better than poor on recall@5, odd: +60.0 points" in done.output
    done = invoke("compare", f"{out}:poor", f"{out}:poor", "--metric", "mrr", "--metric", "map")
    assert done.output.count("no difference shown between A (poor) and B (poor)") == 4  # two kinds of question


def test_the_first_metric_pays_nothing_for_the_others(tmp_path: Path, files: tuple[str, str]) -> None:
    out = tmp_path / "out.json"
    both(files, out)
    sides = (f"{out}:poor", f"{out}:good")
    metrics = ["recall@5", "ndcg@5", "all_gold@5"]
    judged = results.compared(*sides, metrics)
    assert [judged[0].p, judged[1].p] == [judged[0].found.p, 2 * judged[1].found.p]
    assert results.compared(*sides, metrics[:1])[0].p == judged[0].p


def test_compare_names_what_it_cannot_read(tmp_path: Path, files: tuple[str, str]) -> None:
    out = tmp_path / "out.json"
    invoke(
        "run",
        "--questions",
        files[0],
        "--corpus",
        files[1],
        "--pipeline",
        "poor",
        "--pipeline",
        "good",
        "--json",
        str(out),
    )
    for side, message in (
        (str(out), "several pipelines .poor, good."),
        (f"{out}:best", "no such run"),
        (str(tmp_path / "absent.json"), "cannot be read"),
        (files[0], "not results"),
    ):
        with pytest.raises(InputError, match=message):
            results.read(side)
    with pytest.raises(InputError, match="not a metric of both"):
        results.compared(f"{out}:poor", f"{out}:good", ["speed"])


def test_a_report_is_written_by_a_run_and_from_its_results(tmp_path: Path, files: tuple[str, str]) -> None:
    saved, at_once, later = tmp_path / "out.json", tmp_path / "at-once.html", tmp_path / "later.html"
    pair = ("--pipeline", "poor", "--pipeline", "good")
    paths = ("--json", str(saved), "--html", str(at_once))
    assert invoke("run", "--questions", files[0], "--corpus", files[1], *pair, *paths).exit_code == 0
    assert invoke("report", str(saved), "--html", str(later)).exit_code == 0
    assert "Which 1?" in later.read_text()
    assert at_once.read_text() == later.read_text()


def test_the_same_pipeline_in_two_files_is_named_with_the_file(tmp_path: Path, files: tuple[str, str]) -> None:
    for name in ("before", "after"):
        options = ("--pipeline", "good", "--json", str(tmp_path / f"{name}.json"))
        invoke("run", "--questions", files[0], "--corpus", files[1], *options)
    both(files, tmp_path / "both.json")
    paths = [tmp_path / f"{name}.json" for name in ("before", "after", "both")]
    found = [run["pipeline"] for run in results.gather(paths)]
    assert found == ["good (before)", "good (after)", "poor", "good (both)"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"runs": [{}]}',
        '{"runs": [{"questions": {"id": []}, "metrics": {"x": 1}}]}',
        '{"runs": [1]}',
        '{"runs": 1}',
        "\xff",
    ],
)
def test_a_report_of_no_results_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "bad.json").write_text(text, encoding="latin-1")
    with pytest.raises(InputError, match="not results"):
        results.gather([tmp_path / "bad.json"])


def test_the_shipped_smoke_suite_is_read_with_its_paths() -> None:
    smoke = suite.read("smoke")
    assert smoke.answers and smoke.k == (5,)
    assert Path(smoke.datasets[0].questions).is_absolute()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pipelnes": ["x"]}, "pipelnes: .* Known keys: datasets, pipelines"),
        ({"k": [0]}, "k.0: .*greater than or equal to 1"),
        ({"datasets": []}, "datasets: "),
        ({"datasets": [{"corpus": "c"}]}, "datasets.0.questions: Field required"),
    ],
)
def test_a_suite_that_is_wrong_names_file_and_key(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(yaml.safe_dump({"datasets": [{"questions": "q.jsonl"}], **change}))
    with pytest.raises(ConfigError, match=f"s.yaml: {message}"):
        suite.read(str(path))


def test_a_suite_by_name_or_path(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no such suite. Did you mean smoke\?"):
        suite.read("smok")
    path = tmp_path / "s.yaml"
    path.write_text("datasets: [{questions: q.jsonl, corpus: c.jsonl, limit: 3}]\npipelines: [fast, mine.yaml]\n")
    found = suite.read(str(path))
    assert found.pipelines == ("fast", str(tmp_path / "mine.yaml"))
    assert found.datasets[0].corpus == str(tmp_path / "c.jsonl")
    path.write_text("- [unclosed")
    with pytest.raises(InputError, match="cannot be read"):
        suite.read(str(path))
