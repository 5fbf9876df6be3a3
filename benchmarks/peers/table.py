"""The tables of the page, from the results of `python -m benchmarks.peers measure`.

Every figure is the median of the rounds. In brackets: how many times raghop's, which searches alike, in the same round;
the median of the rounds, the least and the greatest.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from benchmarks.peers.plan import OURS, VARIANTS

Row = Mapping[str, Any]
MEASURES: Mapping[str, tuple[Callable[[Row], float], str]] = {
    "ingest, CPU s": (lambda row: row["build"]["cpu"], ".1f"),
    "ingest, s": (lambda row: row["build"]["wall"], ".1f"),
    "cold search, CPU s": (lambda row: row["ask"]["cold"][0], ".2f"),
    "cold search, s": (lambda row: row["ask"]["cold"][1], ".2f"),
    "query p50, CPU ms": (lambda row: 1000 * statistics.median(row["ask"]["cpu"]), ".1f"),
    "query p50, ms": (lambda row: 1000 * statistics.median(row["ask"]["wall"]), ".1f"),
    "1% changed, CPU s": (lambda row: row["update"]["cpu"], ".2f"),
    "1% changed, s": (lambda row: row["update"]["wall"], ".2f"),
    "memory after the queries, MB": (lambda row: row["ask"]["resident"] / 1e6, ".0f"),
    "peak memory of the ingest, MB": (lambda row: row["build"]["peak"] / 1e6, ".0f"),
    "index on disk, MB": (lambda row: row["disk"] / 1e6, ".1f"),
}


def tables(results: Mapping[str, Any]) -> Iterator[str]:
    """The lines: a table for each way to search, then one of the environments."""
    rounds = results["rounds"]
    for by, ours in OURS.items():
        names = [name for name in rounds[0] if VARIANTS[name].by == by]
        names.sort(key=lambda name: (name != ours, VARIANTS[name].title))
        if ours not in names:
            continue
        yield f"| {by} | {' | '.join(VARIANTS[name].title for name in names)} |"
        yield f"|---|{'---|' * len(names)}"
        cells = [f"{statistics.mean(one[name]['recall'] for one in rounds):.3f}" for name in names]
        yield f"| recall@5, files | {' | '.join(cells)} |"
        for title, (value, form) in MEASURES.items():
            yield f"| {title} | {' | '.join(_cell(rounds, name, ours, value, form) for name in names)} |"
        yield ""
    yield "| environment | packages | MB | versions |\n|---|---|---|---|"
    for name, one in results["environments"].items():
        versions = ", ".join(f"{package} {version}" for package, version in one["versions"].items())
        yield f"| {name} | {one['packages']} | {one['bytes'] / 1e6:,.0f} | {versions} |"


def _cell(rounds: Sequence[Mapping[str, Row]], name: str, ours: str, value: Callable[[Row], float], form: str) -> str:
    shown = format(statistics.median(value(one[name]) for one in rounds), form)
    if name == ours:
        return shown
    ratios = [value(one[name]) / value(one[ours]) for one in rounds]
    return f"{shown} ({statistics.median(ratios):.2f}: {min(ratios):.2f} - {max(ratios):.2f})"
