"""What the plots show: what became of the gold, recall by k, risk by coverage."""

from __future__ import annotations

import pytest

from rag_evals.curves import fate, funnel, recall_curve, risk_curve
from rag_evals.records import Node, QuestionRecord


def record(ranking: str = "", hops: str = "", tree: tuple[Node, ...] = ()) -> QuestionRecord:
    return QuestionRecord("q", tuple(ranking), tuple(map(int, hops)), 0.1, None, tree)


def test_gold_is_kept_below_or_missing() -> None:
    found = record("axb", "001", (Node(("c", "file"), "file", 2, None, "", ""),))
    assert [fate(name, found, 2) for name in "abcd"] == [("kept", 0), ("below", 1), ("below", 2), ("missing", 0)]


def test_the_funnel_adds_up_to_one_and_agrees_with_recall() -> None:
    asked = [("ab", record("axb", "001")), ("cd", record("dc", "10")), ("", record("z", "0"))]
    found = funnel(asked, 2)
    assert found == {"k": 2, "kept": [1 / 2, 1 / 4], "below": [0, 1 / 4], "missing": 0}
    assert sum(found["kept"]) == recall_curve(asked, [2])[-1]["value"]
    assert funnel([("", record())], 2) is None


def test_the_recall_curve_goes_to_the_deepest_cutoff() -> None:
    points = recall_curve([("ab", record("axb", "000"))], [2, 12])
    assert [point["k"] for point in points] == [*range(1, 11), 12]
    assert [point["value"] for point in points][:3] == [1 / 2, 1 / 2, 1]
    assert recall_curve([("", record())], [2]) == []


def test_the_risk_curve_ends_with_the_last_answer_given() -> None:
    found = risk_curve([(0.9, True), (0.5, False), (float("-inf"), False), (0.5, True)])
    assert found is not None
    assert found["points"] == [[1 / 4, 0], [3 / 4, pytest.approx(1 / 3)]]
    assert (found["coverage"], found["risk"]) == pytest.approx((3 / 4, 1 / 3))
    assert risk_curve([(float("-inf"), False)]) is None
    many = risk_curve([(i / 1000, i % 3 == 0) for i in range(1000)])
    assert many is not None and len(many["points"]) == 200 and many["points"][-1][0] == 1
