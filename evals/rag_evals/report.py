"""Results as tables for a terminal: a row per metric, a column per pipeline, intervals beside the means."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from rag.cli.terminal import line


def tables(runs: Sequence[Mapping[str, Any]]) -> Iterator[Table]:
    """A table for each dataset, in the order they were run."""
    for dataset in dict.fromkeys(str(run["dataset"]) for run in runs):
        yield _table(dataset, [run for run in runs if run["dataset"] == dataset])


def _table(dataset: str, runs: Sequence[Mapping[str, Any]]) -> Table:
    table = Table()
    table.add_column(Text(f"{line(dataset)}\n{runs[0]['n']:,} questions"), overflow="fold")
    for run in runs:
        table.add_column(Text(line(str(run["pipeline"]))), justify="right")
    for name in dict.fromkeys(name for run in runs for name in run["metrics"]):
        table.add_row(name, *(_metric(run["metrics"].get(name)) for run in runs))
    table.add_section()
    for name in dict.fromkeys(name for run in runs for name in run["seconds"]):
        table.add_row(f"{name} (s)", *(f"{run['seconds'].get(name, 0):,.3f}" for run in runs))
    table.add_row("peak memory so far (MiB)", *(f"{run['memory_mib']:,}" for run in runs))
    for name in dict.fromkeys(name for run in runs for name in run.get("ingest", {})):
        table.add_row(f"index {name}", *(f"{run.get('ingest', {}).get(name, 0):,}" for run in runs))
    for name in dict.fromkeys(name for run in runs for name in run["usage"]):
        table.add_row(Text(line(name)), *(f"{run['usage'].get(name, 0):,}" for run in runs))
    _slices(table, runs)
    return table


def _slices(table: Table, runs: Sequence[Mapping[str, Any]]) -> None:
    """The first metric again for each kind of question that has it."""
    first = next(iter(runs[0]["metrics"]), "")
    table.add_section()
    for slice in dict.fromkeys(slice for run in runs for slice in run["slices"]):
        parts = [run["slices"].get(slice, {"n": 0, "metrics": {}}) for run in runs]
        if any(first in part["metrics"] for part in parts):
            name = line(f"{first}, {slice} (n = {max(part['n'] for part in parts):,})")
            table.add_row(Text(name), *(_metric(part["metrics"].get(first)) for part in parts))


def _metric(found: Mapping[str, float] | None) -> str:
    return f"{found['value']:.3f}  [{found['low']:.3f}, {found['high']:.3f}]" if found else "-"
