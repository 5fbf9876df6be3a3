"""A suite run at a terminal: problems of the files on stderr, a progress bar for indexing and for asking."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from rag_evals.datasets import Dataset
    from rag_evals.model import Model
    from rag_evals.runner import Indexing
    from rag_evals.suite import Suite

SHOWN = 10  # problems of a dataset


class Asking(Protocol):
    """Questions done, of how many; during which attack, where there is one."""

    def __call__(self, done: int, total: int, attack: str = "") -> None: ...


@dataclass(slots=True)
class RunOutcome:
    """The runs so far, as `measure.summary` gives them, and whether rows of the files were lost."""

    runs: list[dict[str, Any]] = field(default_factory=list)
    lost: bool = False


def run_suite(
    suite: Suite,
    *,
    cache: Path | None = None,
    fresh: bool = False,
    judge: Model | None = None,
    saved: Callable[[list[dict[str, Any]]], None] = lambda runs: None,
) -> RunOutcome:
    """Run every pipeline of a suite on every dataset; `saved` gets the runs after each, so that none is lost."""
    from rag.cache import folder
    from rag_evals import judge as judging
    from rag_evals import measure, runner

    outcome = RunOutcome()
    for source in suite.datasets:
        dataset = source.load()
        outcome.lost = tell_problems(dataset) or outcome.lost
        for name in suite.pipelines:
            with show_bars(f"{dataset.name} · {name}") as (indexing, asking):
                done = runner.run(
                    dataset,
                    name,
                    k=max(suite.k),
                    answers=suite.answers,
                    cache=cache or folder() / "eval",
                    fresh=fresh,
                    progress=asking,
                    indexing=indexing,
                )
                summary = measure.summary(done, sorted(set(suite.k)))
                if judge is not None:
                    summary = judging.judge_run(done, judge, summary, progress=asking)
            outcome.runs.append(summary)
            saved(outcome.runs)
    return outcome


def tell_problems(dataset: Dataset) -> bool:
    """Name the dataset's problems on stderr; whether rows were lost."""
    from rag.cli.terminal import line, write

    problems = list(dataset.problems)
    for problem in problems[:SHOWN]:
        write(sys.stderr, f"{line(str(problem))}\n")
    if len(problems) > SHOWN:
        write(sys.stderr, f"... and {len(problems) - SHOWN:,} more problems in {line(dataset.name)}\n")
    return any(problem.lost for problem in problems)


@contextmanager
def show_bars(title: str) -> Iterator[tuple[Indexing, Asking]]:
    """A progress bar on stderr, where that is a terminal: it shows the phases of ingest, then the questions."""
    from rich.console import Console
    from rich.progress import Progress as Bars

    from rag.cli.terminal import PHASES

    with Bars(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bars:
        task = bars.add_task(title, total=None)

        def indexing(phase: str, done: int, total: int) -> None:
            if phase in PHASES:
                bars.update(task, description=f"{title} · {PHASES[phase]}", completed=done, total=total or None)

        def asking(done: int, total: int, attack: str = "") -> None:
            bars.update(task, description=f"{title} · {attack}" if attack else title, completed=done, total=total)

        yield indexing, asking
