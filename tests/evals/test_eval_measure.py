"""From records to the numbers of a run: what applies where, means, slices, times."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rag_evals.datasets import Question
from rag_evals.measure import question_metrics, summary
from rag_evals.records import AnswerRecord, QuestionRecord
from rag_evals.runner import Run


def said(text: str = "It is Norvik. [1]", **changes: Any) -> AnswerRecord:
    facts = {
        "confidence": 1.0,
        "level": "answer" if text else "nothing",
        "statements": (("It is Norvik.", ("It is Norvik.",)),),
    }
    rest = {"quotes": ("It is Norvik.",), "spans": ("It is Norvik.",), "cited": ((1, "a"),), "facts": ()}
    return AnswerRecord(text=text, **{**facts, **rest, "seconds": 0.5, "usage": {}, **changes})


def question(id: str = "q", **changes: Any) -> Question:
    return Question(id, "Where?", **{"answers": ("Norvik",), "gold": ("a", "b"), **changes})


def record(id: str = "q", answer: AnswerRecord | None = None, **changes: Any) -> QuestionRecord:
    return QuestionRecord(
        id, **{"ranking": ("a", "x", "b"), "hops": (0, 0, 1), "seconds": 0.1, "answer": answer, **changes}
    )


def test_ranking_metrics_by_their_names() -> None:
    values = question_metrics(question(), record(), [2, 3], hops=1)
    assert values == {
        "recall@2": 1 / 2,
        "recall@3": 1,
        "all_gold@2": 0,
        "all_gold@3": 1,
        "precision@2": 1 / 2,
        "precision@3": 2 / 3,
        "ndcg@2": pytest.approx(1 / (1 + 0.6309297535714574)),
        "ndcg@3": pytest.approx(1.5 / (1 + 0.6309297535714574)),
        "mrr": 1,
        "map": (1 + 2 / 3) / 2,
        "hop_recall@0": 1 / 2,
        "hop_recall@1": 1 / 2,
    }


def test_hop_recall_looks_no_deeper_than_the_cutoff() -> None:
    assert question_metrics(question(), record(), [2], hops=1)["hop_recall@1"] == 0


def test_answer_metrics_leave_markers_and_quotation_marks_out() -> None:
    values = question_metrics(question(gold=()), record(answer=said("“Norvik” [1]")), [5], hops=0)
    assert values["answer_em"] == values["answer_f1"] == values["squad_f1"] == values["answer_contains"] == 1
    assert values["answer_rate"] == values["quote_exactness"] == 1
    assert "recall@5" not in values and "false_answer_rate" not in values


def test_an_unanswerable_question_has_no_answer_to_match() -> None:
    none = question(gold=(), answers=(), answerable=False)
    given = question_metrics(none, record(answer=said()), [5], hops=0)
    assert (given["false_answer_rate"], given["squad_f1"]) == (1, 0)
    withheld = question_metrics(none, record(answer=said("")), [5], hops=0)
    assert (withheld["false_answer_rate"], withheld["squad_f1"]) == (0, 1)
    assert "answer_em" not in given and "citation_recall" not in withheld
    assert (given["answer_error"], "answer_error" in withheld) == (1, False)


def test_evidence_without_a_short_answer_is_no_answer() -> None:
    shown = said("“It is Norvik.” [1]", level="evidence")
    values = question_metrics(question(gold=()), record(answer=shown), [5], hops=0)
    assert (values["answer_rate"], values["evidence_rate"], values["answer_contains"]) == (0, 1, 1)
    assert values["citation_recall"] == 1 and "answer_error" not in values
    none = question(gold=(), answers=(), answerable=False)
    values = question_metrics(none, record(answer=shown), [5], hops=0)
    assert (values["false_answer_rate"], values["squad_f1"]) == (0, 1)


def test_the_error_is_of_short_answers_alone() -> None:
    right, wrong = said(short="Norvik"), said("Oslo: “It is Norvik.” [1]", short="Oslo")
    errors = [question_metrics(question(), record(answer=one), [5], hops=0)["answer_error"] for one in (right, wrong)]
    assert errors == [0, 1]


def test_a_question_without_known_answer_is_measured_by_its_citations_only() -> None:
    values = question_metrics(question(gold=(), answers=()), record(answer=said()), [5], hops=0)
    assert "answer_em" not in values and "false_answer_rate" not in values
    assert values["citation_precision"] == 1


def a_run() -> Run:
    questions = (
        question("q1", type="bridge", hops=2),
        question("q2", type="bridge", hops=2),
        question("q3", type="comparison", hops=2, supporting_facts=(("A", 0),)),
        question("q4", type="", gold=(), answers=(), answerable=False),
    )
    rows = (
        record("q1", said(usage={"calls": 1, "model": "m"}), seconds=0.1),
        record("q2", said("Elsewhere. [1]", confidence=0.2), ranking=("x",), hops=(0,), seconds=0.2),
        record("q3", said(confidence=0.9, facts=(("A", 0),), usage={"calls": 2}), seconds=0.3),
        record("q4", said(""), seconds=0.4),
    )
    return Run("toy", "default", questions, rows, 2.0, 100)


def test_a_summary_has_the_promised_shape() -> None:
    found = summary(a_run(), [5])
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert (found["dataset"], found["pipeline"], found["n"]) == ("toy", "default", 4)
    for metric in found["metrics"].values():
        assert set(metric) == {"value", "low", "high"}
        assert metric["low"] <= metric["value"] <= metric["high"]
    assert found["metrics"]["recall@5"]["value"] == pytest.approx(2 / 3)  # of the three with gold
    assert found["metrics"]["supporting_fact_em"]["value"] == 1
    assert found["metrics"]["answer_rate"]["value"] == 1
    assert found["metrics"]["false_answer_rate"]["value"] == 0
    assert found["usage"] == {"calls": 3}
    assert found["seconds"] == pytest.approx(
        {"index": 2, "search_p50": 0.2, "search_p95": 0.4, "ask_p50": 0.5, "ask_p95": 0.5, "total": 2 + 1 + 2}
    )


def test_risk_counts_an_abstention_as_the_last_and_wrong() -> None:
    found = summary(a_run(), [5])["metrics"]
    # by confidence: q1 right, q3 right, q2 wrong, q4 withheld
    assert found["aurc"]["value"] == pytest.approx((0 + 0 + 1 / 3 + 2 / 4) / 4)
    assert found["auroc"]["value"] == 1


def test_slices_by_type_and_hops() -> None:
    slices = summary(a_run(), [5])["slices"]
    assert {name: part["n"] for name, part in slices.items()} == {"2 hops": 3, "bridge": 2, "comparison": 1}
    assert slices["bridge"]["metrics"]["recall@5"]["value"] == 1 / 2
    assert slices["comparison"]["metrics"]["recall@5"]["value"] == 1


def test_every_questions_values_are_kept_in_order() -> None:
    questions = summary(a_run(), [5])["questions"]
    assert questions["id"] == ["q1", "q2", "q3", "q4"]
    assert questions["recall@5"] == [1, 0, 1, None]
