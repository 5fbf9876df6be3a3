"""From records to metrics: per question by name, and as means with their intervals.

A metric stands only where it applies: ranking metrics need gold, answer metrics an answerable question, citation
metrics an answer or evidence. Answered is what has a short answer (`Answer.level` "answer"): evidence without one
counts in `evidence_rate`, and is no false answer to an unanswerable question. EM, F1 and risk are of the short answer,
where there is one, else of the quotes' own words. Whether that is right, for risk and coverage, is `answer_contains`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from rag_evals import curves, stats
from rag_evals.datasets import Question
from rag_evals.detail import detail
from rag_evals.indexing import digest
from rag_evals.metrics import AT_K, WHOLE
from rag_evals.metrics.abstention import aurc, auroc, false_answer_rate
from rag_evals.metrics.answer import answer_contains, answer_em, answer_f1, squad_f1
from rag_evals.metrics.citation import citation_precision, citation_recall, quote_exactness
from rag_evals.metrics.cost import percentile
from rag_evals.metrics.facts import supporting_fact_em, supporting_fact_f1
from rag_evals.metrics.hops import hop_recall
from rag_evals.records import AnswerRecord, QuestionRecord
from rag_evals.runner import Run

ADDED = re.compile(r"\s*\[\d+\]|[“”]")  # what an answer has besides its words: markers, and marks around quotes


def question_metrics(question: Question, record: QuestionRecord, ks: Sequence[int], hops: int) -> dict[str, float]:
    """Every metric that applies to a question, by name; hop-wise recall for hops 0 to `hops` of the deepest cut-off."""
    values: dict[str, float] = {}
    if question.gold:
        values |= {f"{name}@{k}": at_k(record.ranking, question.graded, k) for k in ks for name, at_k in AT_K.items()}
        values |= {name: whole(record.ranking, question.gold) for name, whole in WHOLE.items()}
        deepest = {pid: record.found[pid] for pid in record.ranking[: max(ks)]}
        values |= {f"hop_recall@{hop}": hop_recall(deepest, question.gold, hop) for hop in range(hops + 1)}
    if record.answer is not None:
        values |= _answer_metrics(question, record.answer)
    return values


def _answer_metrics(question: Question, answer: AnswerRecord) -> dict[str, float]:
    text, short = ADDED.sub("", answer.text), _short(answer)
    answered = answer.level == "answer"
    values: dict[str, float] = {}
    if question.answers or not question.answerable:
        values["squad_f1"] = squad_f1(short if answered or question.answerable else "", question.answers)
    if (false := false_answer_rate([answered], [question.answerable])) is not None:
        values["false_answer_rate"] = false
    elif question.answers:
        values |= {
            "answer_em": answer_em(short, question.answers),
            "answer_f1": answer_f1(short, question.answers),
            "answer_contains": answer_contains(text, question.answers),
            "answer_rate": float(answered),
            "evidence_rate": float(answer.level == "evidence"),
        }
    if answered and (question.answers or not question.answerable):
        values["answer_error"] = 1 - answer_contains(short, question.answers) if question.answers else 1.0
    if question.supporting_facts:
        values["supporting_fact_em"] = supporting_fact_em(answer.facts, question.supporting_facts)
        values["supporting_fact_f1"] = supporting_fact_f1(answer.facts, question.supporting_facts)
    if answer.level != "nothing":
        values["citation_recall"] = citation_recall(answer.statements)
        values["citation_precision"] = citation_precision(answer.statements)
        if answer.quotes:
            values["quote_exactness"] = quote_exactness(answer.quotes, answer.spans)
    return values


def _short(answer: AnswerRecord) -> str:
    return answer.short or ADDED.sub("", answer.text)


def summary(run: Run, ks: Sequence[int]) -> dict[str, Any]:
    """A run as JSON data: its metrics with intervals, times (seconds), slices, and every question's values.

    `asked` is a digest of the questions with their gold, by which two runs know that they were asked the same.
    `plots` and `detail` are for the report (see `curves` and `detail`); `ks` ascend, the first is the headline cut-off.
    """
    hops = max((hop for record in run.records for hop in record.hops), default=0)
    rows = [question_metrics(q, r, ks, hops) for q, r in zip(run.questions, run.records, strict=True)]
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns: dict[str, list[float | None]] = {name: [row.get(name) for row in rows] for name in names}
    slices = {
        slice: {
            "n": len(members),
            "at": members,
            "metrics": _means({n: [c[i] for i in members] for n, c in columns.items()}),
        }
        for slice, members in _slices(run.questions).items()
    }
    return {
        "dataset": run.dataset,
        "pipeline": run.pipeline,
        "n": len(rows),
        "asked": digest([question.facts for question in run.questions]),
        "metrics": {**_means(columns), **_selective(run)},
        "seconds": _seconds(run),
        "memory_mib": run.memory,
        "ingest": dict(run.ingest),
        "usage": _usage(run),
        "slices": slices,
        "questions": {"id": [question.id for question in run.questions], **columns},
        "plots": _plots(run, ks),
        "detail": detail(run, ks[0]),
    }


def _plots(run: Run, ks: Sequence[int]) -> dict[str, Any]:
    records = [(question.gold, record) for question, record in zip(run.questions, run.records, strict=True)]
    return {
        "recall": curves.recall_curve(records, ks),
        "risk": curves.risk_curve(_confident(run)),
        "funnel": curves.funnel(records, ks[0]),
    }


def _means(columns: Mapping[str, Sequence[float | None]]) -> dict[str, Any]:
    there = {name: [value for value in column if value is not None] for name, column in columns.items()}
    return {name: _interval(stats.bootstrap_mean(values)) for name, values in there.items() if values}


def _interval(found: stats.Interval) -> dict[str, float]:
    return {"value": found.value, "low": found.low, "high": found.high}


def _confident(run: Run) -> list[tuple[float, bool]]:
    """Confidence and rightness of what is said to each question; nothing is least confident, and not right."""
    answers = [(q, r.answer) for q, r in zip(run.questions, run.records, strict=True) if r.answer is not None]
    return [
        (float("-inf"), False)
        if answer.level == "nothing"
        else (answer.confidence, bool(q.answers and answer_contains(_short(answer), q.answers)))
        for q, answer in answers
    ]


def _selective(run: Run) -> dict[str, Any]:
    """Area under the risk-coverage curve and AUROC.

    `answerable_auroc` asks whether the confidence tells answerable questions from others, answered or not.
    """
    pairs = _confident(run)
    areas = {"aurc": aurc, "auroc": auroc}
    found = {name: stats.bootstrap(pairs, partial(_of_pairs, area)) for name, area in areas.items() if pairs}
    both = zip(run.questions, run.records, strict=True)
    answerable = [(record.answer.confidence, q.answerable) for q, record in both if record.answer is not None]
    if not all(can for _, can in answerable):
        found["answerable_auroc"] = stats.bootstrap(answerable, partial(_of_pairs, auroc))
    return {name: _interval(interval) for name, interval in found.items() if interval is not None}


def _of_pairs(
    area: Callable[[Sequence[float], Sequence[bool]], float | None], pairs: Sequence[tuple[float, bool]]
) -> float | None:
    return area([confidence for confidence, _ in pairs], [correct for _, correct in pairs])


def _seconds(run: Run) -> dict[str, float]:
    times = {
        "search": [record.seconds for record in run.records],
        "ask": [record.answer.seconds for record in run.records if record.answer is not None],
    }
    spread = {
        f"{verb}_p{share}": percentile(taken, share / 100)
        for verb, taken in times.items()
        for share in (50, 95)
        if taken
    }
    return {"index": run.index_seconds, **spread, "total": run.index_seconds + sum(map(sum, times.values()))}


def _usage(run: Run) -> dict[str, float]:
    """Calls and tokens, summed over the answers."""
    total: dict[str, float] = {}
    for record in run.records:
        for name, value in record.answer.usage.items() if record.answer else ():
            if isinstance(value, int | float):
                total[name] = total.get(name, 0) + value
    return total


def _slices(questions: Sequence[Question]) -> dict[str, list[int]]:
    """Positions of the questions of each type and number of hops; nothing where all are alike."""
    found: dict[str, list[int]] = {}
    for i, question in enumerate(questions):
        for slice in (question.type, f"{question.hops} hops" if question.hops else ""):
            if slice:
                found.setdefault(slice, []).append(i)
    return {slice: members for slice, members in sorted(found.items()) if len(members) < len(questions)}
