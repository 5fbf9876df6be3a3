"""One dataset through its pipelines: what `results/` keeps, small enough to be committed.

Every question goes through `rag_evals.runner`, so that indexes and records are cached: a second run asks nothing that
was asked before, a killed one goes on, and pipelines named with `--pipeline` are measured again while the other rows
stay. Time is CPU time of the process, which a busy machine distorts less than the clock. Differences are against
`direct` on the same questions with the same k, paired, with 95% bootstrap intervals.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.findings.examples import failures
from benchmarks.findings.plan import Source
from benchmarks.findings.variants import BASELINE
from rag_evals import measure, runner, stats
from rag_evals.datasets import Dataset
from rag_evals.indexing import index_dataset
from rag_evals.metrics.cost import percentile

RESULTS = Path(__file__).parent / "results"
WARM, TIMED = 3, 30  # questions whose CPU time is not counted, and is
DIGITS = 4  # more would only make the committed files larger
KEPT = ("recall", "all_gold", "ndcg", "hop_recall")  # of the ranking metrics
Row = dict[str, Any]


def run(source: Source, data: Path, cache: Path, *, only: Collection[str] = (), say: Callable[[str], None]) -> None:
    """Measure a source and write its summary; with `only`, these pipelines (and the baseline, from the cache)."""
    dataset = source.load(data)
    path = RESULTS / f"{source.name}.json"
    before: Mapping[str, Any] = json.loads(path.read_text()) if only and path.exists() else {}
    rows: dict[str, Row] = dict(before.get("pipelines", {}))
    shown = list(before.get("failures", []))
    baseline: Mapping[str, Any] = {}
    for variant in source.planned:
        if only and variant.name not in {*only, BASELINE}:
            continue
        say(f"{source.name}: {variant.name}")
        asked = replace(dataset, questions=dataset.questions[: variant.most])
        reference = variant.reference(cache / "pipelines")
        done = runner.run(asked, reference, k=max(source.k), answers=source.answers, cache=cache)
        found = measure.summary(done, source.k)
        baseline = found if variant.name == BASELINE else baseline
        rows[variant.name] = {
            **_row(found, done, max(source.k), baseline),
            "cpu_ms": cpu_ms(asked, reference, source, cache),
        }
        if variant.name == "default" and not source.answers:
            shown = failures(dataset, done, max(source.k))
        _write(path, source, dataset, rows, shown)


def _row(found: Mapping[str, Any], done: runner.Run, k: int, baseline: Mapping[str, Any]) -> Row:
    metrics = found["metrics"]
    if done.records and done.records[0].answer is None:
        metrics = {name: value for name, value in metrics.items() if name.partition("@")[0] in KEPT}
    row: Row = {
        "n": found["n"],
        "metrics": {name: _rounded(interval) for name, interval in metrics.items()},
        "passages": round(sum(len(record.ranking[:k]) for record in done.records) / len(done.records), 2),
    }
    if baseline and baseline is not found:
        names = [name for name in metrics if name in baseline["metrics"] and name.partition("@")[0] in KEPT[:2]]
        row["against"] = {name: _difference(baseline["questions"], found["questions"], name) for name in names}
    return row


def cpu_ms(asked: Dataset, reference: str, source: Source, cache: Path) -> list[float]:
    """CPU milliseconds of a question, p50 and p95, all threads together, once the models are loaded."""
    pipeline, _ = index_dataset(asked, reference, cache)
    spent = []
    with closing(pipeline):
        for question in asked.questions[: WARM + TIMED]:
            started = time.process_time()
            if source.answers:
                pipeline.ask(question.question)
            else:
                pipeline.search(question.question, k=runner.REACH * max(source.k))
            spent.append(time.process_time() - started)
    return [round(1000 * percentile(spent[WARM:] or spent, share), 1) for share in (0.5, 0.95)]


def _difference(a: Mapping[str, Sequence[Any]], b: Mapping[str, Sequence[Any]], name: str) -> Row:
    before = dict(zip(a["id"], a[name], strict=True))
    pairs = [(before[id], value) for id, value in zip(b["id"], b[name], strict=True) if value is not None]
    interval = stats.paired_bootstrap([pair[0] for pair in pairs], [pair[1] for pair in pairs], level=stats.LEVEL)
    return _rounded({"value": interval.value, "low": interval.low, "high": interval.high})


def _rounded(interval: Mapping[str, float]) -> Row:
    return {end: round(value, DIGITS) for end, value in interval.items()}


def _write(path: Path, source: Source, dataset: Dataset, rows: Mapping[str, Row], shown: Sequence[Any]) -> None:
    order = [variant.name for variant in source.planned]
    summary = {
        "title": source.title,
        "passages": sum(1 for _ in dataset.corpus),
        "questions": len(dataset.questions),
        "k": list(source.k),
        "pipelines": {name: rows[name] for name in order if name in rows},
        "failures": list(shown),
    }
    path.write_text(json.dumps(summary, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
