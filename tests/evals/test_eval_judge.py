"""The judge: verdicts, failures that are counted, agreement, and a real endpoint behind the command."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from rag.errors import GeneratorError, InputError
from rag_evals.cli import app
from rag_evals.datasets import Question
from rag_evals.judge import in_words, judge_run
from rag_evals.measure import summary
from rag_evals.metrics.agreement import kappa
from rag_evals.model import model
from rag_evals.records import AnswerRecord, QuestionRecord
from rag_evals.runner import Run


def test_kappa_by_hand() -> None:
    # 20 both yes, 5 only a, 10 only b, 15 both no: observed 0.7, expected 0.5 * 0.6 + 0.5 * 0.4 = 0.5
    a = [True] * 25 + [False] * 25
    b = [True] * 20 + [False] * 5 + [True] * 10 + [False] * 15
    assert kappa(a, b) == pytest.approx(0.4)
    assert kappa(a, a) == 1
    assert kappa([True, False], [False, True]) == -1


def test_kappa_is_none_where_it_is_undefined() -> None:
    assert kappa([], []) is None
    assert kappa([True, True], [True, True]) is None


def said(*statements: tuple[str, tuple[str, ...]], text: str = "It is Norvik. [1]") -> AnswerRecord:
    quotes = tuple(quote for _, its in statements for quote in its)
    return AnswerRecord(text, "answer" if text else "nothing", 1.0, statements, quotes, quotes, (), 0.1)


def a_run(*answers: AnswerRecord | None) -> Run:
    questions = tuple(Question(f"q{i}", f"Where is {i}?", ("Norvik",), ("p",)) for i in range(len(answers)))
    records = tuple(
        QuestionRecord(q.id, ("p",), (0,), 0.1, answer) for q, answer in zip(questions, answers, strict=True)
    )
    return Run("d", "default", questions, records, 0.0, 1)


RUN = a_run(
    said(("It is Norvik.", ("It is Norvik.",)), ("It is enormous.", ("It is small.",))),
    said(("It is Halden.", ("It is Norvik.",)), text="It is Halden. [1]"),
    said(text=""),
    None,
)


class Judge:
    """Says what the table says for the first of its keys that is in the question."""

    def __init__(self, replies: Mapping[str, str]) -> None:
        self.replies = replies

    def __call__(self, question: str, passages: list[str]) -> str:
        reply = next(reply for key, reply in self.replies.items() if key in question)
        if reply == "broken":
            raise GeneratorError("out of reach")
        return reply


def result(replies: Mapping[str, str]) -> dict[str, Any]:
    return judge_run(RUN, Judge(replies), summary(RUN, [5]))


def test_shares_of_statements_and_answers() -> None:
    found = result({"Norvik": "Yes.", "enormous": "no", "Halden": "", "Where": "yes"})
    assert found["questions"]["faithfulness"] == [0.5, 0, None, None]
    assert found["questions"]["answer_relevance"] == [1, 1, None, None]
    assert found["metrics"]["faithfulness"]["value"] == 0.25
    assert (found["judge"]["calls"], found["judge"]["failures"]) == (5, 0)
    # statements: judge yes no no, rule yes no no; answers: judge yes yes, rule yes no
    assert found["judge"]["kappa"] == {"faithfulness": 1, "answer_relevance": 0}
    assert "faithfulness 1.00 (n = 3), answer_relevance 0.00 (n = 2)" in in_words(found)


def test_what_the_judge_does_not_decide_is_counted_and_left_out() -> None:
    found = result({"Norvik": "yes", "enormous": "Maybe.", "Halden": "broken", "Where": "The answer is good."})
    assert found["questions"]["faithfulness"] == [1, None, None, None]
    assert "answer_relevance" not in found["metrics"]
    assert (found["judge"]["calls"], found["judge"]["failures"]) == (5, 4)
    assert found["judge"]["kappa"]["answer_relevance"] is None
    assert "undefined" in in_words(found)
    json.dumps(found, allow_nan=False)


def test_a_judge_that_always_fails_gives_no_metric() -> None:
    found = result({"": "broken"})
    assert not {"faithfulness", "answer_relevance"} & found["metrics"].keys()
    assert found["judge"]["failures"] == found["judge"]["calls"] == 5


class Handler(BaseHTTPRequestHandler):
    """An endpoint that says yes."""

    def do_POST(self) -> None:
        asked = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.seen.append(json.loads(asked))  # type: ignore[attr-defined]
        body = {"choices": [{"message": {"content": "Yes [1]."}, "finish_reason": "stop"}]}
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def endpoint() -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.seen = []  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_the_command_judges_through_an_endpoint(notes: Path, endpoint: ThreadingHTTPServer) -> None:
    row = {"question": "Who makes the Lumen K2?", "answer": "Halvorsen Optik", "sources": ["lumen.md"]}
    Path("q.jsonl").write_text(json.dumps(row))
    url = f"http://127.0.0.1:{endpoint.server_port}/v1"
    run = ["run", "--questions", "q.jsonl", "--corpus", "docs", "--pipeline", "tiny.yaml", "--cache", "cache"]
    assert CliRunner().invoke(app, [*run, "--judge", url]).exit_code == 2
    unnamed = CliRunner().invoke(app, [*run, "--answers", "--judge", url])
    assert isinstance(unnamed.exception, InputError)
    judge = ["--answers", "--judge", url, "--judge-model", "m", "--json", "out.json"]
    done = CliRunner().invoke(app, [*run, *judge], catch_exceptions=False)
    assert "gave no verdict 0 times" in done.stdout
    (found,) = json.loads(Path("out.json").read_text())["runs"]
    assert found["metrics"]["faithfulness"]["value"] == found["metrics"]["answer_relevance"]["value"] == 1
    assert len(endpoint.seen) == found["judge"]["calls"] >= 2  # type: ignore[attr-defined]


def test_a_model_is_asked_with_its_passages_and_its_markers_are_taken_off(endpoint: ThreadingHTTPServer) -> None:
    asked = model(f"http://127.0.0.1:{endpoint.server_port}/v1", "m")
    assert asked("Is it so?", ["It is so.", "It is not."]) == "Yes."
    prompt = endpoint.seen[0]["messages"][1]["content"]  # type: ignore[attr-defined]
    assert "It is so." in prompt and "It is not." in prompt and "Is it so?" in prompt
