"""Knowing when not to answer: risk against coverage, and answers given where there was none to give.

`confidence` orders the questions, `correct` says which answers were right. Questions of equal confidence cannot be
told apart by a threshold, so they enter together and no order among them changes a result.
Sources: arXiv 1705.08500 (risk and coverage), arXiv 1805.08206 (AURC).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby


def risk_coverage(confidence: Sequence[float], correct: Sequence[bool]) -> list[tuple[float, float]]:
    """(coverage, risk) at every threshold, most confident first.

    Coverage = |answered| / n and risk = |wrong and answered| / |answered|, where those at or above the threshold
    are answered.
    """
    ordered = sorted(zip(confidence, correct, strict=True), key=lambda pair: -pair[0])
    points: list[tuple[float, float]] = []
    answered = wrong = 0
    for _, group in groupby(ordered, key=lambda pair: pair[0]):
        right = [ok for _, ok in group]
        answered += len(right)
        wrong += right.count(False)
        points.append((answered / len(ordered), wrong / answered))
    return points


def aurc(confidence: Sequence[float], correct: Sequence[bool]) -> float | None:
    """Area under the risk-coverage curve: the mean risk over all n coverages, lower is better; None when n = 0."""
    points = risk_coverage(confidence, correct)
    before = [0.0, *(coverage for coverage, _ in points)]
    return sum((coverage - b) * risk for b, (coverage, risk) in zip(before, points, strict=False)) if points else None


def auroc(confidence: Sequence[float], correct: Sequence[bool]) -> float | None:
    """P(a right answer is more confident than a wrong one), ties half; None unless there are both.

    The Mann-Whitney statistic / (|right| * |wrong|).
    """
    ordered = sorted(zip(confidence, correct, strict=True), key=lambda pair: pair[0])
    above = 0.0
    right = wrong = 0
    for _, group in groupby(ordered, key=lambda pair: pair[0]):
        flags = [ok for _, ok in group]
        above += flags.count(True) * (wrong + flags.count(False) / 2)
        right += flags.count(True)
        wrong += flags.count(False)
    return above / (right * wrong) if right and wrong else None


def false_answer_rate(answered: Sequence[bool], answerable: Sequence[bool]) -> float | None:
    """|unanswerable and answered| / |unanswerable|; None when every question has an answer."""
    given = [did for did, can in zip(answered, answerable, strict=True) if not can]
    return sum(given) / len(given) if given else None
