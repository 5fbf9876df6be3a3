"""`rag ingest`: documents in."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated

import typer

from rag.cli.options import IndexOption, JsonOption, PipelineOption, WaitOption

if TYPE_CHECKING:
    from rag.ingest.report import Report

SHOWN = 20


def ingest(
    paths: Annotated[list[str], typer.Argument(help="Files and folders.", metavar="PATH...")],
    pipeline: PipelineOption = None,
    index: IndexOption = None,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Index all of it again, with another model or other settings.")
    ] = False,
    wait: WaitOption = False,
    json: JsonOption = False,
) -> None:
    """Index documents, doing only what changed since the last time.

    New and changed files are read and embedded; files that are gone from PATH leave the index. A file that cannot be
    read is named with the reason and does not stop the rest (exit code 3).

    Examples:

      rag ingest ./docs

      rag ingest handbook.pdf notes/ --json

      rag ingest ./docs --pipeline fast --rebuild
    """
    from rag.cli.terminal import fail, peak_memory, progress_bars, say_json, waiting
    from rag.errors import EXIT_PARTIAL
    from rag.ingest.report import STATUSES, Report
    from rag.interrupt import Interrupted
    from rag.pipeline import Pipeline

    interrupted: Interrupted | None = None
    with Pipeline.load(pipeline, index=index) as opened, ExitStack() as stack:
        if (cost := opened.estimate(paths)) and cost.calls:
            fail(
                f"{cost.calls:,} notes to write: about {cost.prompt_tokens:,} prompt and {cost.completion_tokens:,} "
                "completion tokens. Ctrl-C stops it; what is written is kept."
            )
        bars = stack.enter_context(progress_bars())
        try:
            report = opened.ingest(paths, rebuild=rebuild, wait=waiting if wait else False, progress=bars)
        except Interrupted as interruption:
            if not isinstance(interruption.report, Report):
                raise
            report, interrupted = interruption.report, interruption
    counts = {status: report.count(status) for status in STATUSES}
    if json:
        files = [{"source": f.source, "status": f.status, "reason": f.reason, "chunks": f.chunks} for f in report.files]
        done = {"embedded": report.embedded, "tokens": report.tokens, "left": report.left}
        state = {"published": report.published, "pending": report.pending}
        say_json(
            {**counts, **done, **state, "seconds": round(report.seconds, 3), "memory_mb": peak_memory(), "files": files}
        )
    else:
        _show(report, counts)
    if interrupted is not None:
        _tell(report, rebuild=rebuild)
        raise typer.Exit(interrupted.exit_code)
    if counts["failed"]:
        raise typer.Exit(EXIT_PARTIAL)


def _show(report: Report, counts: dict[str, int]) -> None:
    """The files that need a word, then the sums."""
    from rag.cli.terminal import line, paint, peak_memory, say

    for status, colour in (("degraded", "yellow"), ("skipped", "dim"), ("failed", "red")):
        named = [f for f in report.files if f.status == status]
        for f in named[:SHOWN]:
            say(f"{paint(f'{status:>9}', colour)}  {line(f.source)}: {line(f.reason)}")
        if len(named) > SHOWN:
            say(f"{'':>9}  and {len(named) - SHOWN} more {status}; --json lists all")
    nothing = "no file was finished" if report.left else "no files found"
    say(", ".join(f"{n:,} {status}" for status, n in counts.items() if n) or nothing)
    chunks = sum(f.chunks for f in report.files)
    embedded = f"{report.embedded:,} embedded"
    if report.tokens:
        embedded += f" ({report.tokens:,} tokens, {report.tokens / max(report.seconds, 0.1):,.0f} a second)"
    say(f"{chunks:,} chunks, {embedded}, {report.seconds:.1f} s, {peak_memory():,} MB of memory")
    if report.published and chunks and not report.left:
        say('Ask with: rag ask "your question"')


def _tell(report: Report, *, rebuild: bool) -> None:
    """What an interruption left, on stderr, where it does not disturb --json."""
    from rag.cli.terminal import fail

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
