"""`rag ingest`: documents in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
from typer import Argument, Option

from rag.cli.options import IndexOption, JsonOption, PipelineOption, TrustOption, WaitOption
from rag.cli.terminal import fail, line, paint, peak_memory, progress_bars, say, say_json, tell_languages, waiting
from rag.errors import EXIT_PARTIAL, RagError
from rag.interrupt import Interrupted

if TYPE_CHECKING:
    from rag.config import PipelineConfig
    from rag.ingest.report import Report

SHOWN = 20
COLOURS = {"degraded": "yellow", "skipped": "dim", "failed": "red"}


def ingest(
    paths: Annotated[list[str], Argument(help="Files and folders.", metavar="PATH...")],
    pipeline: PipelineOption = None,
    index: IndexOption = None,
    rebuild: Annotated[
        bool, Option("--rebuild", help="Index all of it again, with another model or other settings.")
    ] = False,
    wait: WaitOption = False,
    watch: Annotated[
        bool, Option("--watch", help="Go on, and index what changes within seconds, until Ctrl-C.")
    ] = False,
    workers: Annotated[
        int | None,
        Option(
            "--workers",
            min=1,
            metavar="N",
            help="Workers on this machine: processes that parse, or those of the pipeline's Dask or Ray.",
        ),
    ] = None,
    trust: TrustOption = False,
    json: JsonOption = False,
) -> None:
    """Index documents, doing only what changed since the last time.

    New and changed files are read and embedded; files that are gone from PATH leave the index. A file that cannot be
    read is named with the reason and does not stop the rest (exit code 3).

    \b
    Examples:
      rag ingest ./docs
      rag ingest handbook.pdf notes/ --json
      rag ingest ./docs --pipeline fast --rebuild
      rag ingest ./docs --watch
    """
    from rag.ingest.report import Report, report_data
    from rag.pipeline import Pipeline

    interruption: Interrupted | None = None
    with Pipeline.load(pipeline, index=index, trust=trust) as pipe:
        if workers:
            pipe.config = _with_workers(pipe.config, workers)
        if (cost := pipe.estimate(paths)) and cost.calls:
            fail(
                f"{cost.calls:,} notes to write: about {cost.prompt_tokens:,} prompt and {cost.completion_tokens:,} "
                "completion tokens. Ctrl-C stops it; what is written is kept."
            )
        try:
            with progress_bars() as bars:
                options: Any = {"rebuild": rebuild, "wait": waiting if wait else False, "progress": bars}
                reports = pipe.watch(paths, **options) if watch else iter([pipe.ingest(paths, **options)])
                report = cast(Report, next(reports))
        except Interrupted as error:
            if not isinstance(error.report, Report):
                raise
            report, interruption = error.report, error
        unread = pipe.unread_languages() if report.published else {}
        if json:
            say_json(report_data(report), indent=None if watch else 2)
        else:
            _show(report)
        tell_languages(unread)
        if watch and interruption is None:
            return _follow(reports, json=json)
    if interruption is not None:
        _show_interruption(report, rebuild=rebuild)
        raise typer.Exit(interruption.exit_code)
    if report.count("failed"):
        raise typer.Exit(EXIT_PARTIAL)


def _with_workers(config: PipelineConfig, workers: int) -> PipelineConfig:
    """The pipeline with so many workers: of its executor, or processes of its connector."""
    kind = "ingest" if config.stages.get("ingest", {"use": "processes"})["use"] != "processes" else "connector"
    return config.with_stage(kind, {**config.stages[kind], "workers": workers})


def _follow(reports: Iterator[Report | RagError], *, json: bool) -> None:
    """A line for every change, until a signal; one that finds nothing unfinished is how this ends."""
    from rag.ingest.report import report_data

    fail("watching; Ctrl-C ends it.")
    try:
        for report in reports:
            if isinstance(report, RagError):
                fail(report)
            elif json:
                say_json(report_data(report), indent=None)
            else:
                for file in report.files:
                    reason = f": {line(file.reason)}" if file.reason else ""
                    say(f"{paint(f'{file.status:>9}', COLOURS.get(file.status, 'green'))}  {line(file.source)}{reason}")
        return
    except Interrupted as error:
        interruption = error
    if interruption.report is not None:
        _show_interruption(cast("Report", interruption.report), rebuild=False)
        raise typer.Exit(interruption.exit_code)


def _show(report: Report) -> None:
    """Files that failed, lost text or were skipped, then the sums."""
    from rag.ingest.report import STATUSES

    for status, colour in COLOURS.items():
        files = [f for f in report.files if f.status == status]
        for f in files[:SHOWN]:
            say(f"{paint(f'{status:>9}', colour)}  {line(f.source)}: {line(f.reason)}")
        if len(files) > SHOWN:
            say(f"{'':>9}  and {len(files) - SHOWN} more {status}; --json lists all")
    for f in [f for f in report.files if f.status in ("added", "updated") and f.reason][:SHOWN]:
        say(f"{'note':>9}  {line(f.source)}: {line(f.reason)}")
    nothing = (
        "no file was finished"
        if report.left
        else "no files found (what is hidden, or named in a .gitignore, is left out)"
    )
    say(", ".join(f"{n:,} {status}" for status in STATUSES if (n := report.count(status))) or nothing)
    if read := ", ".join(f"{n:,} {name}" for name, n in report.read().items() if n):
        say(f"read {read}")
    for name, rate in sorted(report.workers.items()):
        seconds = f"{rate.seconds:.1f} s, {rate.chunks / max(rate.seconds, 0.1):,.0f} chunks a second"
        say(f"worker {line(name)}: {rate.files:,} files read, {rate.chunks:,} chunks embedded in {seconds}")
    chunks = sum(f.chunks for f in report.files)
    embedded = f"{report.embedded:,} embedded"
    if report.tokens:
        embedded += f" ({report.tokens:,} tokens, {report.tokens / max(report.seconds, 0.1):,.0f} a second)"
    say(f"{chunks:,} chunks, {embedded}, {report.seconds:.1f} s, {peak_memory() // 10**6:,} MB of memory")
    if report.published and chunks and not report.left:
        say('Ask with: rag ask "your question"')


def _show_interruption(report: Report, *, rebuild: bool) -> None:
    """What an interruption left, on stderr, where it does not disturb --json."""

    if rebuild:
        fail("interrupted: the index answers as it did before. The same command goes on from here.")
    elif report.pending:
        fail(
            "interrupted: to publish what is done would have taken longer, so the index answers as it did. What was "
            f"read and embedded is kept, {report.left:,} changed files are left. The same command goes on."
        )
    elif report.left or report.published:
        fail(f"interrupted: what is done is indexed, {report.left:,} changed files are left. The same command goes on.")
    else:
        fail("interrupted before anything was changed. The same command starts again.")
