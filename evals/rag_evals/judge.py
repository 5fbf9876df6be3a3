"""Metrics that a language model judges, beside the rule-based ones, with how far the two agree.

faithfulness = |statements that the judge says their quotes support| / |statements it judged| (arXiv 2309.15217,
section 3, where the statements are those of the answer). answer_relevance = 1 when the judge says that the answer
answers the question (a direct verdict, as in arXiv 2311.09476). Only answers are judged, not abstentions. The judge
says yes or no; a reply that is neither, or none at all, is a failure: it is counted, left out of the mean, and never
becomes a number. Cohen's kappa compares it with `lexical_support` on statements and `answer_contains` on answers.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from rag.errors import GeneratorError
from rag_evals import stats
from rag_evals.datasets import Question
from rag_evals.metrics.agreement import kappa
from rag_evals.metrics.answer import answer_contains
from rag_evals.metrics.citation import lexical_support
from rag_evals.model import Model
from rag_evals.records import AnswerRecord
from rag_evals.runner import Progress, Run

METRICS = ("faithfulness", "answer_relevance")

_SUPPORTED = 'Do the passages state this, or does it follow from them? Say yes or no, nothing else. "{text}"'
_RELEVANT = 'Does the passage give an answer to this question? Say yes or no, nothing else. "{text}"'
_VERDICT = re.compile(r"\W*(yes|no)\b", re.IGNORECASE)
_MARKER = re.compile(r"\s*\[\d+\]")


@dataclass(slots=True)
class Tally:
    """What a judge was asked and said. `pairs` are (judge, rule) verdicts by metric, where both gave one."""

    model: Model
    calls: int = 0
    failures: int = 0
    pairs: dict[str, list[tuple[bool, bool]]] = field(default_factory=lambda: {name: [] for name in METRICS})

    def ask(self, question: str, passages: list[str]) -> bool | None:
        """The verdict; None, and counted, where there is none. An empty reply says that the passages do not hold it."""
        self.calls += 1
        try:
            reply = self.model(question, passages)
        except GeneratorError:
            self.failures += 1
            return None
        found = _VERDICT.match(reply)
        if reply and not found:
            self.failures += 1
            return None
        return found is not None and found[1].lower() == "yes"


def judge_run(
    run: Run, model: Model, summary: dict[str, Any], *, progress: Progress = lambda done, total: None
) -> dict[str, Any]:
    """The summary of a run with the judge's metrics, per question and as means, and `judge`: calls, failures, kappa."""
    tally = Tally(model)
    rows: list[dict[str, float]] = []
    for done, (question, record) in enumerate(zip(run.questions, run.records, strict=True)):
        progress(done, len(run.questions))
        answer = record.answer
        rows.append({} if answer is None or answer.level == "nothing" else _values(question, answer, tally))
    columns = {name: [row.get(name) for row in rows] for name in METRICS}
    means = {name: _mean([value for value in column if value is not None]) for name, column in columns.items()}
    return {
        **summary,
        "metrics": summary["metrics"] | {name: mean for name, mean in means.items() if mean},
        "questions": summary["questions"] | {name: columns[name] for name, mean in means.items() if mean},
        "judge": {
            "calls": tally.calls,
            "failures": tally.failures,
            "kappa": {name: kappa(*zip(*pairs, strict=True)) if pairs else None for name, pairs in tally.pairs.items()},
            "n": {name: len(pairs) for name, pairs in tally.pairs.items()},
        },
    }


def _values(question: Question, answer: AnswerRecord, tally: Tally) -> dict[str, float]:
    values: dict[str, float] = {}
    verdicts = []
    for text, quotes in answer.statements:
        if (verdict := tally.ask(_SUPPORTED.format(text=text), list(quotes)) if quotes else False) is not None:
            verdicts.append(verdict)
            tally.pairs["faithfulness"].append((verdict, bool(quotes) and lexical_support(text, quotes)))
    if verdicts:
        values["faithfulness"] = sum(verdicts) / len(verdicts)
    text = _MARKER.sub("", answer.text)
    if (relevant := tally.ask(_RELEVANT.format(text=question.question), [text])) is not None:
        values["answer_relevance"] = float(relevant)
        if question.answers:
            tally.pairs["answer_relevance"].append((relevant, bool(answer_contains(text, question.answers))))
    return values


def _mean(values: Sequence[float]) -> dict[str, float]:
    if not values:
        return {}
    found = stats.bootstrap_mean(values)
    return {"value": found.value, "low": found.low, "high": found.high}


def in_words(summary: dict[str, Any]) -> str:
    """What to know before trusting the judge."""
    judge = summary["judge"]
    agreement = ", ".join(
        f"{name} {'undefined' if value is None else f'{value:.2f}'} (n = {judge['n'][name]:,})"
        for name, value in judge["kappa"].items()
    )
    return (
        f"{summary['dataset']}, {summary['pipeline']}: the judge was asked {judge['calls']:,} times and gave no "
        f"verdict {judge['failures']:,} times. Agreement with the rules (Cohen's kappa): {agreement}."
    )
