"""Run rows of the scoreboard: `python -m benchmarks.reliability [ROW...] [--count N | --full] [--parts N]`.

Prints what was injected, survived and lost, and writes the rows that ran into docs/research/reliability.md; the others
stay as they are there. With `--parts`, a row whose faults are drawn is run part by part, and what it has come to is
written after each. Exit code 1 when anything was lost.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import rag
from benchmarks.reliability import outcome as drawn
from benchmarks.reliability.bars import BARS
from benchmarks.reliability.outcome import Outcome, Row

MODULES = [
    "kill",
    "crash",
    "forged",
    "powercut",
    "disk",
    "readers",
    "history",
    "damage",
    "files",
    "unreadable",
    "embedder",
    "scale",
    "stop",
    "speed",
    "cores",
    "hostile",
    "hostile_index",
    "mutations",
    "escapes",
    "values",
]
PAGE = Path(__file__).parents[2] / "docs" / "research" / "reliability.md"
HEAD = """# Reliability

What was done to an index and to the files it is made from, and what came of it. Written by
`python -m benchmarks.reliability --full`; the code of every row is in `benchmarks/reliability/`, small counts of the
same rows run in the tests. "Survived" means that the bar held for that fault.

| row | injected fault | bar | injected | survived | lost | measured | conditions |
|---|---|---|---|---|---|---|---|
"""
SHOWN = 3  # losses shown in the page


def rows() -> dict[str, Row]:
    """Every row by name."""
    names = [f"benchmarks.reliability.{name}" for name in MODULES]
    return {name: row for module in names if find_spec(module) for name, row in import_module(module).ROWS.items()}


def conditions(seconds: float) -> str:
    """Where and when a row ran."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return (
        f"{time.strftime('%Y-%m-%d')}, raghop {rag.__version__}, Python {platform.python_version()}, "
        f"{platform.system()} {platform.machine()}, {cores} core{'s' * (cores != 1)}, "
        f"load average {os.getloadavg()[1]:.0f}, {seconds:,.0f} s"
    )


def line(name: str, outcome: Outcome, seconds: float) -> str:
    """A row of the page."""
    lost = "; ".join(outcome.lost[:SHOWN]) + ("; ..." if len(outcome.lost) > SHOWN else "")
    shown = f"{len(outcome.lost):,}" + (f": {lost}" if lost else "")
    cells = (name, BARS[name].what, BARS[name].bar, f"{outcome.injected:,}", f"{outcome.survived:,}", shown)
    return (
        "| "
        + " | ".join(" ".join(cell.replace("|", "/").split()) for cell in (*cells, outcome.note, conditions(seconds)))
        + " |"
    )


def write_page(page: Path, lines: dict[str, str]) -> None:
    """Put these rows into the page, in the order of BARS; what stands there of others stays."""
    old = page.read_text(encoding="utf-8").splitlines() if page.exists() else []
    stands = {row.split("|")[1].strip(): row for row in old if row.startswith("| ")}
    table = {name: row for name, row in (stands | lines).items() if name in BARS}
    page.write_text(HEAD + "".join(f"{table[name]}\n" for name in BARS if name in table), encoding="utf-8")


def run(row: Row, count: int, parts: int) -> Iterator[Outcome]:
    """What the row has come to after each part; each draws other faults."""
    whole = Outcome(0, 0, [])
    for part in range(parts):
        drawn.PART = part
        one = row(count // parts + (part < count % parts))
        note = f"{one.note} (part {part + 1} of {parts})" if parts > 1 else one.note
        whole = Outcome(whole.injected + one.injected, whole.survived + one.survived, whole.lost + one.lost, note)
        yield whole


def main() -> None:
    """Run, print, write."""
    known = rows()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"of {' '.join(known)} (default: all)")
    parser.add_argument("--count", type=int, help="how many faults each row injects")
    parser.add_argument("--full", action="store_true", help="the counts of the bars")
    parser.add_argument("--parts", type=int, default=1, help="in how many parts each row is run (default: 1)")
    parser.add_argument("--page", type=Path, default=PAGE, help="where the table is written")
    options = parser.parse_args()
    if unknown := [name for name in options.rows if name not in known]:
        parser.error(f"no row {' '.join(unknown)}; there are {' '.join(known)}")
    lines: dict[str, str] = {}
    lost = 0
    for name in options.rows or [name for name in BARS if name in known]:
        bar = BARS[name]
        started = time.monotonic()
        for outcome in run(known[name], options.count or (bar.full if options.full else bar.quick), options.parts):
            lines[name] = line(name, outcome, time.monotonic() - started)
            print(lines[name], flush=True)
            write_page(options.page, lines)
        lost += len(outcome.lost)
        for what in outcome.lost:
            print(f"    lost: {what}", flush=True)
    sys.exit(1 if lost else 0)


if __name__ == "__main__":
    main()
