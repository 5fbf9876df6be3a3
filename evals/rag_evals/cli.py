"""`rag eval`: what is a pipeline worth? Thin: parse, call, print."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rag.cli.options import PIPELINE
from rag.errors import extra
from rag_evals import cli_attack, cli_gate, cli_make, cli_mteb

if TYPE_CHECKING:
    from rag_evals.suite import Suite

app = typer.Typer(help="Measure and compare pipelines on questions with known answers.", no_args_is_help=True)


@app.command("run")
def run(
    suite: Annotated[
        str | None, typer.Argument(help="A shipped suite's name or a .yaml file.", metavar="SUITE")
    ] = None,
    questions: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Questions, in the format of this project, of a published dataset or a CSV."),
    ] = None,
    corpus: Annotated[
        str | None,
        typer.Option(metavar="PATH", help="Passages they are asked over: a corpus file, or a folder of documents."),
    ] = None,
    pipeline: Annotated[list[str] | None, typer.Option(metavar="NAME", help=f"{PIPELINE} (repeatable).")] = None,
    k: Annotated[str | None, typer.Option("--k", "-k", metavar="N,N", help="Cut-offs, like 5,10.")] = None,
    answers: Annotated[bool, typer.Option("--answers", help="Let the pipeline answer too, and measure that.")] = False,
    limit: Annotated[int | None, typer.Option(min=1, metavar="N", help="Only the first so many questions.")] = None,
    format: Annotated[
        str | None, typer.Option(metavar="NAME", help="The questions' format, if their fields do not say it.")
    ] = None,
    json: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Save the results here.")] = None,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Save a report as one HTML file here.")
    ] = None,
    cache: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Folder of indexes and records (default: your cache).")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Ask again what an earlier run has asked.")] = False,
    judge: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Let a language model judge the answers too: an OpenAI-compatible URL, a model's folder, or auto.",
        ),
    ] = None,
    judge_model: Annotated[
        str | None, typer.Option(metavar="NAME", help="The model to ask for at the --judge URL.")
    ] = None,
) -> None:
    """Run pipelines on questions, and show their metrics.

    Each metric has a 95% interval.

    Exit code 3: some rows of the files could not be used; they are named on stderr, the rest was run.

    \b
    Examples:
      rag eval run smoke --html smoke.html
      rag eval run --questions mine.csv --corpus ./docs --pipeline default --pipeline fast --answers
      rag eval run --questions hotpot_dev_distractor_v1.json --k 5,10 --json hotpot.json
    """
    from rich.console import Console

    from rag.cli.terminal import line, say
    from rag.errors import EXIT_PARTIAL
    from rag_evals import report, results, running
    from rag_evals.judge import in_words
    from rag_evals.model import model

    if html is not None:  # now rather than after the run
        with extra("eval", "an HTML report"):
            from rag_evals import page
    chosen = _suite(suite, questions, corpus, pipeline, k, answers, limit, format)

    def save(runs: list[dict[str, Any]]) -> None:
        if json is not None:
            results.write(json, runs)

    if judge and not chosen.answers:
        raise typer.BadParameter("--judge judges answers: give --answers too")
    asked = model(judge, judge_model) if judge else None
    outcome = running.run_suite(chosen, cache=cache, fresh=fresh, judge=asked, saved=save)
    if html is not None:
        page.write(html, outcome.runs)
    console = Console()
    for table in report.tables(outcome.runs):
        console.print(table)
    for run in outcome.runs if judge else ():
        say(line(in_words(run)))
    if outcome.lost:
        raise typer.Exit(EXIT_PARTIAL)


@app.command("report")
def write_report(
    files: Annotated[list[Path], typer.Argument(help="Results that `rag eval run --json` saved.")],
    html: Annotated[Path, typer.Option("--html", metavar="FILE", help="Save the report here.")],
) -> None:
    """Write saved results as one HTML file.

    It holds tables, plots and questions, and needs no network to be read. Several files stand side by side: other
    pipelines, other datasets, or the same before and after a change.

    \b
    Examples:
      rag eval report results.json --html report.html
      rag eval report before.json after.json --html both.html
    """
    from rag_evals import results

    with extra("eval", "an HTML report"):
        from rag_evals import page

    page.write(html, results.gather(files))


@app.command("compare")
def compare(
    a: Annotated[str, typer.Argument(help="Results that --json saved; FILE:PIPELINE if the file has several.")],
    b: Annotated[str, typer.Argument(help="The other results.")],
    metric: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Judge this metric (repeatable).")] = None,
) -> None:
    """Say which of two results is better, on the questions they share.

    A paired randomisation test and a paired bootstrap interval. The first metric is judged alone, and also on each kind
    of question (bridge, 3 hops); the others are corrected (Holm) for each other.
    Without --metric: recall at the first cut-off, then answer F1 where there are answers.

    \b
    Examples:
      rag eval compare before.json after.json
      rag eval compare both.json:fast both.json:default --metric all_gold@5 --metric recall@5
    """
    from rag.cli.terminal import line, say
    from rag_evals import results, slices

    left, right = results.read(a), results.read(b)
    told: set[str] = set()
    for judged in results.compared(a, b, metric or ()):
        say(f"{line(judged.dataset)}: {line(judged.verdict)}")
        if judged.dataset not in told:
            told.add(judged.dataset)
            sides = left[judged.dataset], right[judged.dataset]
            for verdict in slices.compared(*sides, judged.found.metric, judged.names):
                say(f"    {line(verdict)}")


app.command("attack")(cli_attack.attack)
app.command("gate")(cli_gate.gate)
app.command("make")(cli_make.make)
app.command("mteb")(cli_mteb.mteb)


def _suite(
    suite: str | None,
    questions: str | None,
    corpus: str | None,
    pipelines: list[str] | None,
    k: str | None,
    answers: bool,
    limit: int | None,
    format: str | None,
) -> Suite:
    """The suite named, or one of the questions given; options that are given win over the suite's."""
    from rag_evals.suite import Suite, SuiteDataset, read

    if (suite is None) == (questions is None):
        raise typer.BadParameter("name a suite, or give --questions (and --corpus)")
    found = (
        read(suite)
        if suite
        else Suite(datasets=(SuiteDataset(questions=str(questions), corpus=corpus, format=format),))
    )
    if suite and (corpus or format):
        raise typer.BadParameter("--corpus and --format go with --questions, not with a suite")
    changes: dict[str, object] = {"answers": found.answers or answers}
    if pipelines:
        changes["pipelines"] = tuple(pipelines)
    if k:
        changes["k"] = _cutoffs(k)
    if limit:
        changes["datasets"] = tuple(source.model_copy(update={"limit": limit}) for source in found.datasets)
    return found.model_copy(update=changes)


def _cutoffs(text: str) -> tuple[int, ...]:
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and 1 <= int(part) <= 300 for part in parts):
        raise typer.BadParameter(f"--k {text}: whole numbers from 1 to 300 are needed, like 5,10")
    return tuple(map(int, parts))
