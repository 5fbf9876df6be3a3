"""The regression gate: is a suite's result worse than the baseline, by more than chance and rounding explain?

A metric with a value per question is compared in pairs: it got worse when its mean fell by more than `MINIMAL` and the
paired bootstrap interval of the difference lies wholly on the bad side of 0 (with few questions that takes about four
that got worse and none that got better). Differences up to `ROUNDING` on a question are none: baselines are rounded,
and other processors add up in another order. A metric of `EXACT` is an invariant: any fall counts. A metric without
values per question (areas) got worse when it left the baseline's interval. No correction for several metrics: here a
missed regression costs more than a second look. Times are not compared, machines differ too much.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rag.errors import MismatchError
from rag_evals import stats
from rag_evals.results import LOWER_IS_BETTER

# What says that a result is good; the others describe it (precision, hop_recall, answer_rate).
FAMILIES = (
    *("recall", "all_gold", "ndcg", "mrr", "map", "answer_em", "answer_f1", "squad_f1", "answer_contains"),
    *("false_answer_rate", "supporting_fact_em", "supporting_fact_f1"),
    *("citation_recall", "citation_precision", "quote_exactness", "aurc", "auroc"),
)
EXACT = frozenset({"quote_exactness"})
MINIMAL = 0.01  # a mean that moves by less is not worth stopping for
ROUNDING = 0.001  # of a value of one question
NAMED = 8  # questions in a message
ACCEPT = "If that is meant, accept it: rag eval gate BASELINE --update."

Run = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """A metric that moved. `gain` is signed so that more is better; `worse` says that it fails the gate.

    `before` and `after` are means over the questions that have the metric on both sides; `low` and `high` are the
    interval of the gain; `questions` are the ids that lost on it, most first.
    """

    dataset: str
    pipeline: str
    metric: str
    before: float
    after: float
    gain: float
    low: float
    high: float
    worse: bool
    questions: tuple[str, ...] = ()

    def __str__(self) -> str:
        better = self.gain > MINIMAL and self.low > 0
        way = "worse" if self.worse else "better" if better else "moved within tolerance"
        more = f" and {len(self.questions) - NAMED} more" if len(self.questions) > NAMED else ""
        on = f"; it lost on {', '.join(self.questions[:NAMED])}{more}" if self.questions else ""
        return (
            f"{self.dataset}, {self.pipeline}: {self.metric} {way}: {self.before:.3f} -> {self.after:.3f} "
            f"({100 * self.gain:+.1f} points, interval {100 * self.low:+.1f} to {100 * self.high:+.1f}){on}"
        )


def changes(baseline: Sequence[Run], now: Sequence[Run]) -> list[Change]:
    """Every gated metric that moved, in the baseline's order. Raises MismatchError where the two do not fit."""
    after = {(str(run["dataset"]), str(run["pipeline"])): run for run in now}
    before = {(str(run["dataset"]), str(run["pipeline"])): run for run in baseline}
    for key in (*before, *after):
        if key not in before or key not in after:
            where = "the baseline" if key in before else "this result"
            raise MismatchError(f"pipeline {key[1]} on {key[0]} is only in {where}. {ACCEPT}")
    return [change for key, run in before.items() for change in _changes(run, after[key])]


def _changes(old: Run, new: Run) -> Iterator[Change]:
    place = f"{old['dataset']}, {old['pipeline']}"
    if old["questions"]["id"] != new["questions"]["id"] or old.get("asked") != new.get("asked"):
        lost = sorted(set(old["questions"]["id"]) ^ set(new["questions"]["id"]))
        which = f"{', '.join(lost[:5])} on one side only" if lost else "same ids, but their text, order or gold changed"
        raise MismatchError(f"{place}: these are not the questions of the baseline ({which}). {ACCEPT}")
    for metric, was in old["metrics"].items():
        if metric.partition("@")[0] not in FAMILIES:
            continue
        if metric not in new["metrics"]:
            raise MismatchError(f"{place}: {metric} is in the baseline and no longer measured. {ACCEPT}")
        found = _paired(old, new, metric) if metric in old["questions"] else _alone(old, new, metric, was)
        if found is not None:
            yield found


def _sign(metric: str) -> float:
    return -1.0 if metric.partition("@")[0] in LOWER_IS_BETTER else 1.0


def _paired(old: Run, new: Run, metric: str) -> Change | None:
    """Judged on the questions that have the metric on both sides; None where nothing moved."""
    pairs = zip(old["questions"]["id"], old["questions"][metric], new["questions"][metric], strict=True)
    both = {id: (a, b) for id, a, b in pairs if a is not None and b is not None}
    moved = {id: _sign(metric) * (b - a) if abs(b - a) > ROUNDING else 0.0 for id, (a, b) in both.items()}
    if not any(moved.values()):
        return None
    gain = stats.bootstrap_mean(list(moved.values()), level=1 - stats.ALPHA)
    if metric.partition("@")[0] in EXACT:
        worse = gain.value < 0
    else:
        worse = gain.value < -MINIMAL and gain.high < 0
    losers = tuple(sorted((id for id, value in moved.items() if value < 0), key=lambda id: moved[id]))
    before, after = (sum(side) / len(both) for side in zip(*both.values(), strict=True))
    return Change(*_place(old), metric, before, after, gain.value, gain.low, gain.high, worse, losers)


def _alone(old: Run, new: Run, metric: str, was: Mapping[str, float]) -> Change | None:
    """Judged by the baseline's interval of the value itself."""
    sign, value = _sign(metric), new["metrics"][metric]["value"]
    if abs(value - was["value"]) <= ROUNDING:
        return None
    ends = sorted((sign * (value - was["low"]), sign * (value - was["high"])))
    gain = stats.Interval(sign * (value - was["value"]), *ends)
    worse = gain.value < -MINIMAL and gain.high < 0
    return Change(*_place(old), metric, was["value"], value, gain.value, gain.low, gain.high, worse)


def _place(run: Run) -> tuple[str, str]:
    return str(run["dataset"]), str(run["pipeline"])
