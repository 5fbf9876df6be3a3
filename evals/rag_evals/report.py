"""Results as tables: a row per metric, a column per pipeline, intervals beside the means; for a terminal and a page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from rag.cli.terminal import line

Runs = Sequence[Mapping[str, Any]]
Row = tuple[str, list[str]]  # its name, and a cell for each run


def by_dataset(runs: Runs) -> Iterator[tuple[str, Runs]]:
    """The runs of each dataset, in the order they were run."""
    for dataset in dict.fromkeys(str(run["dataset"]) for run in runs):
        yield dataset, [run for run in runs if run["dataset"] == dataset]


def tables(runs: Runs) -> Iterator[Table]:
    """A table for each dataset."""
    for dataset, its in by_dataset(runs):
        table = Table()
        table.add_column(Text(f"{line(dataset)}\n{its[0]['n']:,} questions"), overflow="fold")
        for run in its:
            table.add_column(Text(line(str(run["pipeline"]))), justify="right")
        for rows in sections(its):
            for name, cells in rows:
                table.add_row(Text(line(name)), *cells)
            table.add_section()
        yield table


def sections(runs: Runs) -> Iterator[list[Row]]:
    """What is known of a dataset's runs: their metrics, what they cost, and the first metric for each slice."""
    yield [(name, [_metric(run["metrics"].get(name)) for run in runs]) for name in _names(runs, "metrics")]
    yield [
        *((f"{name} (s)", [f"{run['seconds'].get(name, 0):,.3f}" for run in runs]) for name in _names(runs, "seconds")),
        ("peak memory so far (MiB)", [f"{run['memory_mib']:,}" for run in runs]),
        *(
            (f"index {name}", [f"{run.get('ingest', {}).get(name, 0):,}" for run in runs])
            for name in dict.fromkeys(str(name) for run in runs for name in run.get("ingest", {}))
        ),
        *((name, [f"{run['usage'].get(name, 0):,}" for run in runs]) for name in _names(runs, "usage")),
    ]
    yield list(_slices(runs))


def _slices(runs: Runs) -> Iterator[Row]:
    """The first metric again for each kind of question that has it."""
    first = next(iter(runs[0]["metrics"]), "")
    for slice in _names(runs, "slices"):
        parts = [run["slices"].get(slice, {"n": 0, "metrics": {}}) for run in runs]
        if any(first in part["metrics"] for part in parts):
            name = f"{first}, {slice} (n = {max(part['n'] for part in parts):,})"
            yield name, [_metric(part["metrics"].get(first)) for part in parts]


def _names(runs: Runs, part: str) -> list[str]:
    return list(dict.fromkeys(str(name) for run in runs for name in run[part]))


def _metric(found: Mapping[str, float] | None) -> str:
    return f"{found['value']:.3f}  [{found['low']:.3f}, {found['high']:.3f}]" if found else "-"
