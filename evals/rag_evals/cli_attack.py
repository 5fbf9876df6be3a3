"""`rag eval attack`: what false text among the documents does to answers. Thin: parse, call, print."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from rag.cli.options import PIPELINE


def attack(
    questions: Annotated[
        str, typer.Option(metavar="FILE", help="Questions with known answers, as for `rag eval run`.")
    ],
    corpus: Annotated[
        str | None,
        typer.Option(metavar="PATH", help="Passages they are asked over: a corpus file, or a folder of documents."),
    ] = None,
    pipeline: Annotated[str, typer.Option(metavar="NAME", help=f"{PIPELINE}.")] = "default",
    attacks: Annotated[
        list[str] | None, typer.Option("--attack", metavar="NAME", help="Only this attack (repeatable).")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, metavar="N", help="Only the first so many questions.")] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Another one draws other false answers and texts.")] = 0,
    format: Annotated[
        str | None, typer.Option(metavar="NAME", help="The questions' format, if their fields do not say it.")
    ] = None,
    json: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Save the results here.")] = None,
    cache: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Folder of indexes and records (default: your cache).")
    ] = None,
) -> None:
    """Plant false texts in a copy of the index, and see which right answers are kept.

    echo: one passage with the question and a false answer. echoes: three. copies: five near-copies of one. order: an
    instruction to the reader. forged: five near-copies of the passage that holds the answer, with a false one. tuned: a
    passage whose words were chosen to be found and believed. No index of yours is touched.

    Exit code 3: some rows of the files could not be used; they are named on stderr, the rest was run.

    \b
    Examples:
      rag eval attack --questions mine.csv --corpus ./docs --json attack.json
      rag eval attack --questions hotpot_dev_distractor_v1.json --limit 200 --attack echo --attack copies
    """
    from rich.console import Console

    from rag.cache import folder
    from rag.cli.terminal import write
    from rag.errors import EXIT_PARTIAL, InputError
    from rag.registry import did_you_mean
    from rag_evals.attack.run import ATTACKS, run_attacks
    from rag_evals.attack.table import summarise, table
    from rag_evals.results import write_json
    from rag_evals.running import show_bars, tell_problems
    from rag_evals.suite import SuiteDataset

    for name in attacks or ():
        if name not in ATTACKS:
            raise InputError(
                f"attack {name!r}: no such attack.{did_you_mean(name, ATTACKS)} Known: {', '.join(ATTACKS)}."
            )
    dataset = SuiteDataset(questions=questions, corpus=corpus, format=format, limit=limit).load()
    lost = tell_problems(dataset)

    def saved(found: dict[str, Any]) -> None:
        if json is not None:
            write_json(json, found)
        write(sys.stderr, f"{summarise(found['attacks'][-1])}\n")

    with show_bars(f"{dataset.name} · {pipeline}") as (indexing, asking):
        found = run_attacks(
            dataset,
            pipeline,
            attacks=attacks or ATTACKS,
            seed=seed,
            cache=cache or folder() / "eval",
            progress=asking,
            indexing=indexing,
            saved=saved,
        )
    Console().print(table(found))
    if lost:
        raise typer.Exit(EXIT_PARTIAL)
