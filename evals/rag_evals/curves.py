"""What the plots of a report show: recall against k, risk against coverage, and where gold was found or lost.

Means over questions, like the metrics; plain JSON data.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import Any

import numpy as np

from rag_evals import stats
from rag_evals.metrics.abstention import risk_coverage
from rag_evals.metrics.ranking import recall
from rag_evals.records import QuestionRecord

STEPS = (*range(1, 11), 15, 20, 30, 50, 75, 100, 150, 200, 300)
POINTS = 200  # of a risk-coverage curve

QuestionRecords = Sequence[tuple[Sequence[str], QuestionRecord]]  # each question's gold, and what was found


def recall_curve(records: QuestionRecords, ks: Sequence[int]) -> list[dict[str, float]]:
    """Recall with its interval at 1, 2, 3, ... up to the deepest of `ks`; [] without gold."""
    steps = sorted({*ks, *(k for k in STEPS if k < max(ks))})
    pairs = [(gold, record) for gold, record in records if gold]
    points = []
    for k in steps if pairs else ():
        found = stats.bootstrap_mean([recall(record.ranking, gold, k) for gold, record in pairs])
        points.append({"k": k, "value": found.value, "low": found.low, "high": found.high})
    return points


def risk_curve(pairs: Sequence[tuple[float, bool]]) -> dict[str, Any] | None:
    """(coverage, risk) from the most to the least confident answer given, and the risk of all that were given.

    `pairs` are confidence (-inf: withheld) and whether the answer is right. None when nothing was answered.
    """
    given = [(confidence, right) for confidence, right in pairs if isfinite(confidence)]
    if not given:
        return None
    share = len(given) / len(pairs)
    curve = risk_coverage(*zip(*given, strict=True))
    kept = {round(place) for place in np.linspace(0, len(curve) - 1, min(POINTS, len(curve)))}
    points = [[curve[place][0] * share, curve[place][1]] for place in sorted(kept)]
    whole = stats.bootstrap_mean([float(not right) for _, right in given])
    return {"points": points, "coverage": share, "risk": whole.value, "low": whole.low, "high": whole.high}


def funnel(records: QuestionRecords, k: int) -> dict[str, Any] | None:
    """Of the gold: the share found at each hop that came among the first k, the share that came later, and the rest.

    `kept[h]` and `below[h]` are of hop h; with `missing` they add up to 1. None without gold.
    """
    pairs = [(set(gold), record) for gold, record in records if gold]
    if not pairs:
        return None
    fates = [[fate(name, record, k) for name in gold] for gold, record in pairs]
    hops = 1 + max((hop for question in fates for _, hop in question), default=0)

    def share(kind: str, hop: int) -> float:
        return sum(question.count((kind, hop)) / len(question) for question in fates) / len(fates)

    return {
        "k": k,
        "kept": [share("kept", hop) for hop in range(hops)],
        "below": [share("below", hop) for hop in range(hops)],
        "missing": share("missing", 0),
    }


def fate(name: str, record: QuestionRecord, k: int) -> tuple[str, int]:
    """What became of a gold name, "kept", "below" (the first k) or "missing", and the hop that found it (else 0)."""
    if name in record.ranking[:k]:
        return "kept", record.found[name]
    if name in record.found:
        return "below", record.found[name]
    return next((("below", node.hop) for node in record.tree if name in node.names), ("missing", 0))
