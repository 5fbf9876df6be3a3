"""Markdown of the summaries, put between the markers of a page: `<!-- findings: NAME -->` ... `<!-- end -->`.

The prose around them is written by hand and stays. Metrics are from 0 to 1, differences in points (hundredths); a
difference whose 95% interval excludes 0 is bold.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from benchmarks.findings import published
from benchmarks.findings.measure import RESULTS
from benchmarks.findings.plan import SOURCES
from benchmarks.findings.variants import BASELINE, RANKED, VARIANTS

Summaries = Mapping[str, Mapping[str, Any]]
_BLOCK = re.compile(r"(<!-- findings: (?P<name>[\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def summaries() -> dict[str, Mapping[str, Any]]:
    """Every summary there is, by the source's name, in the order of the plan."""
    return {name: json.loads(path.read_text()) for name in SOURCES if (path := RESULTS / f"{name}.json").exists()}


def fill(page: str, found: Summaries) -> str:
    """The page with every marked table written anew. Raises KeyError for a table that is not known."""
    return _BLOCK.sub(lambda block: f"{block[1]}\n{TABLES[block['name']](found)}\n\n{block[3]}", page)


def overview(found: Summaries) -> str:
    """Recall@5 of the baseline, and of every other pipeline the difference to it in points, per dataset."""
    sets = _ranked(found)
    rows = [[BASELINE, *(_mean(_row(found, name, BASELINE), "recall@5") for name in sets)]]
    for variant in (name for name in RANKED if name != BASELINE):
        rows.append([variant, *(_against(_row(found, name, variant), "recall@5", short=True) for name in sets)])
    return _table(["pipeline", *(found[name]["title"].partition(",")[0] for name in sets)], rows)


def pipelines(found: Summaries) -> str:
    """What each name means."""
    return _table(["pipeline", "what it is"], [[v.name, v.says] for v in VARIANTS.values()])


def retrieval(found: Summaries) -> str:
    """A table for each dataset: every pipeline, every metric, differences to the baseline, time."""
    parts = []
    for name in _ranked(found):
        summary = found[name]
        counts = f"{summary['questions']:,} questions over {summary['passages']:,} passages"
        heads = ["pipeline", "recall@2", "recall@5", "recall@10", "all gold@5", "all gold@10", "nDCG@10"]
        heads += ["recall@5 against direct", "recall@10 against direct", "passages", "CPU ms p50 / p95"]
        rows = []
        for variant, row in summary["pipelines"].items():
            less = f" ({row['n']} questions)" if row["n"] < summary["questions"] else ""
            means = [_mean(row, f"{m}@{k}") for m, ks in (("recall", (2, 5, 10)), ("all_gold", (5, 10))) for k in ks]
            differences = [_against(row, f"recall@{k}") for k in (5, 10)]
            cost = [f"{row['passages']:g}", _time(row)]
            rows.append([variant + less, *means, _mean(row, "ndcg@10"), *differences, *cost])
        parts.append(f"**{summary['title']}**, {counts}\n\n{_table(heads, rows)}")
    return "\n\n".join(parts)


def hops(found: Summaries) -> str:
    """Of the gold passages, the share that stands among the first ten, by the hop that found it."""
    rows = []
    for name in _ranked(found):
        for variant in ("direct", "links", "default", "two hops"):
            if row := _row(found, name, variant):
                shares = [row["metrics"].get(f"hop_recall@{hop}", {"value": 0.0})["value"] for hop in (0, 1, 2)]
                cells = [f"{share:.3f}" for share in (*shares, max(0.0, 1 - sum(shares)))]
                rows.append([found[name]["title"], variant, *cells])
    return _table(["dataset", "pipeline", "hop 0", "hop 1", "hop 2", "not among the first ten"], rows)


def limit(found: Summaries) -> str:
    """LIMIT small: ours, and the paper's model of the same kind."""
    rows = []
    for variant, theirs, figures in published.LIMIT_SMALL:
        if row := _row(found, "limit_small", variant):
            ours = [f"{100 * row['metrics'][f'recall@{k}']['value']:.1f}" for k in (2, 10, 20)]
            rows.append([VARIANTS[variant].name, *ours, theirs, " / ".join(f"{x:g}" for x in figures) or "-"])
    return _table(["ours", "recall@2", "recall@10", "recall@20", "the paper's", "theirs @2 / @10 / @20"], rows)


def peers(found: Summaries) -> str:
    """Recall@5 as published by others, then ours on dev halves."""
    rows = [
        [f"{name} (theirs)", needs, *(f"{value:.3f}" for value in values), source]
        for name, needs, values, source in published.RECALL_AT_5
    ]
    for variant in ("direct", "links", "default"):
        cells = [_mean(_row(found, name, variant), "recall@5") for name in published.PUBLISHED_SETS]
        rows.append([f"**{variant} (ours, dev half)**", "22M embedder, no LLM", *cells, "this page"])
    return _table(["system", "needs", "2WikiMultihopQA", "MuSiQue", "HotpotQA", "source"], rows)


def treehop(found: Summaries) -> str:
    """The TreeHop paper's own table."""
    rows = [[name, *(f"{recall:g} ({count})" for recall, count in cells)] for name, cells in published.TREEHOP]
    return _table(["dataset (theirs, BGE-M3)", *published.TREEHOP_SETTINGS], rows)


ANSWER_COLUMNS = {
    "answered": "answer_rate",
    "answer holds the gold one": "answer_contains",
    "F1": "answer_f1",
    "EM": "answer_em",
    "answered though it must not": "false_answer_rate",
    "cited statements": "citation_recall",
    "needed citations": "citation_precision",
    "exact quotes": "quote_exactness",
    "AURC": "aurc",
}


def answers(found: Summaries) -> str:
    """Answers of the pipelines on answerable and unanswerable questions."""
    rows = []
    for name in (name for name in found if SOURCES[name].answers):
        for variant, row in found[name]["pipelines"].items():
            cells = [_mean(row, metric) for metric in ANSWER_COLUMNS.values()]
            rows.append([found[name]["title"], variant, str(row["n"]), *cells, _time(row)])
    return _table(["dataset", "pipeline", "questions", *ANSWER_COLUMNS, "CPU ms p50 / p95"], rows)


def failures(found: Summaries) -> str:
    """One failure of the default for each dataset that has one to show."""
    parts = []
    for name in _ranked(found):
        for shown in found[name]["failures"][:1]:
            missed = "\n".join(f"  - missed: {text}" for text in shown["missed"])
            title = f"- **{found[name]['title']}**: {shown['question']}"
            parts.append(f"{title} ({shown['found']} of {shown['gold']} found)\n{missed}\n  - first: {shown['first']}")
    return "\n".join(parts) or "None to show."


def power(_: Summaries) -> str:
    """How often a difference is called, by simulation."""
    rows = json.loads((RESULTS / "power.json").read_text()) if (RESULTS / "power.json").exists() else []
    cells = [[*(f"{100 * row[name]:.1f}%" for name in ("noise", "differ", "equals", "loss"))] for row in rows]
    heads = [
        "changed by a seed",
        "differ between two seeds",
        "difference called between equals",
        "loss of 3 points found",
    ]
    return _table(heads, cells)


TABLES: Mapping[str, Callable[[Summaries], str]] = {
    "overview": overview,
    "pipelines": pipelines,
    "retrieval": retrieval,
    "hops": hops,
    "limit": limit,
    "peers": peers,
    "treehop": treehop,
    "answers": answers,
    "failures": failures,
    "power": power,
}


def _ranked(found: Summaries) -> list[str]:
    return [name for name in found if SOURCES[name].pipelines == RANKED]


def _row(found: Summaries, name: str, variant: str) -> Mapping[str, Any]:
    """What was measured of a pipeline on a source; empty where it was not."""
    row: Mapping[str, Any] = found.get(name, {}).get("pipelines", {}).get(variant, {})
    return row


def _time(row: Mapping[str, Any]) -> str:
    return " / ".join(f"{ms:.0f}" for ms in row["cpu_ms"])


def _mean(row: Mapping[str, Any], metric: str) -> str:
    mean = row.get("metrics", {}).get(metric)
    return f"{mean['value']:.3f}" if mean else "-"


def _against(row: Mapping[str, Any], metric: str, *, short: bool = False) -> str:
    """The difference in points, bold where its interval excludes 0; `short` leaves the interval out."""
    gap = row.get("against", {}).get(metric)
    if gap is None:
        return "-"
    value, low, high = (f"{100 * gap[end]:+.1f}" for end in ("value", "low", "high"))
    words = value if short else f"{value} ({low} to {high})"
    return f"**{words}**" if gap["low"] > 0 or gap["high"] < 0 else words


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (heads, ["---"] * len(heads), *rows))
