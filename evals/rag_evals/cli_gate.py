"""`rag eval gate`: fails when a suite's result is worse than a baseline. Thin: parse, call, print."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def gate(
    baseline: Annotated[Path, typer.Argument(help="The baseline, like evals/baselines/smoke.json.", metavar="FILE")],
    results: Annotated[
        Path | None,
        typer.Option(
            "--results", metavar="FILE", help="Judge these results of `run --json` instead of running the suite."
        ),
    ] = None,
    update: Annotated[bool, typer.Option("--update", help="Accept what was measured as the new baseline.")] = False,
    suite: Annotated[
        str | None, typer.Option(metavar="NAME", help="The suite of a new baseline (with --update).")
    ] = None,
    cache: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Folder of indexes and records (default: your cache).")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the changes as JSON.")] = False,
) -> None:
    """Run a suite again, and fail if it got worse than a baseline.

    A metric got worse if chance does not explain it: the paired bootstrap interval of the difference lies below 0, and
    the mean fell by over a point. Where the index was built on another processor, values that differ by rounding count
    as equal. Exit code 1: something got worse, and it is named; 4: the baseline is of other questions, pipelines or
    metrics.

    \b
    Examples:
      rag eval gate evals/baselines/smoke.json
      rag eval gate evals/baselines/smoke.json --update
      rag eval gate mine.json --suite mine.yaml --update
    """
    from dataclasses import asdict

    from rag.cli.terminal import line, paint, say, say_json
    from rag.errors import MismatchError
    from rag_evals import baseline as baselines
    from rag_evals import results as saved
    from rag_evals.gate import changes
    from rag_evals.running import run_suite
    from rag_evals.suite import read

    if suite and not update:
        raise typer.BadParameter("--suite goes with --update: it makes a new baseline")
    before = None if suite else baselines.read(baseline)
    name = suite or (before[0] if before else "")
    now = saved.load(results) if results else run_suite(read(name), cache=cache).runs
    problem = ""
    try:
        moved = changes(before[1], now) if before else []
    except MismatchError as error:
        if not update:
            raise MismatchError(f"{baseline}: {error}") from error
        moved, problem = [], str(error)
    worse = [change for change in moved if change.worse]
    if update:
        baselines.write(baseline, name, now)
    if json:
        say_json({"passed": update or not worse, "updated": update, "changes": [asdict(change) for change in moved]})
    else:
        for change in sorted(moved, key=lambda change: not change.worse):
            say(paint(line(str(change)), "red" if change.worse else "dim"))
        say(line(_verdict(str(baseline), len(worse), len(moved), update, problem)))
    if worse and not update:
        raise typer.Exit(1)


def _verdict(baseline: str, worse: int, moved: int, update: bool, problem: str) -> str:
    if update:
        accepted = f"accepted {moved} metrics that moved, {worse} of them got worse" if moved else problem
        return f"{baseline}: written{f' ({accepted})' if accepted else ''}."
    if worse:
        how = f"If that is meant, accept it: rag eval gate {baseline} --update."
        return f"{baseline}: FAILED, {worse} metrics got worse. {how}"
    return f"{baseline}: passed, " + (f"{moved} metrics moved within tolerance." if moved else "nothing moved.")
