"""`rag ingest`: documents in."""

from __future__ import annotations

from typing import Annotated

import typer

SHOWN = 20


def ingest(
    paths: Annotated[list[str], typer.Argument(help="Files and folders.", metavar="PATH...")],
    pipeline: Annotated[str | None, typer.Option(help="A shipped pipeline's name or a .yaml file.")] = None,
    index: Annotated[str | None, typer.Option(help="Folder that holds .rag (default: nearest upward).")] = None,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Apply another model or other settings to all.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Index documents, doing only what changed since the last time.

    New and changed files are read and embedded, files that are gone from PATH leave the index. Files that cannot be
    read are named with the reason and do not stop the rest (exit code 3).

    Examples:

      rag ingest ./docs

      rag ingest handbook.pdf notes/ --json

      rag ingest ./docs --pipeline fast --rebuild
    """
    from rag.cli.terminal import line, paint, progress_bars, say, say_json
    from rag.errors import EXIT_PARTIAL
    from rag.ingest import STATUSES
    from rag.pipeline import Pipeline

    with Pipeline.load(pipeline, index=index) as opened, progress_bars() as bars:
        report = opened.ingest(paths, rebuild=rebuild, progress=bars)
    counts = {status: report.count(status) for status in STATUSES}
    if json:
        files = [{"source": f.source, "status": f.status, "reason": f.reason, "chunks": f.chunks} for f in report.files]
        say_json({**counts, "files": files, "seconds": round(report.seconds, 3)})
    else:
        for status, colour in (("degraded", "yellow"), ("skipped", "dim"), ("failed", "red")):
            named = [f for f in report.files if f.status == status]
            for f in named[:SHOWN]:
                say(f"{paint(f'{status:>9}', colour)}  {line(f.source)}: {line(f.reason)}")
            if len(named) > SHOWN:
                say(f"{'':>9}  and {len(named) - SHOWN} more {status}; --json lists all")
        say(", ".join(f"{n:,} {status}" for status, n in counts.items() if n) or "no files found")
        chunks = sum(f.chunks for f in report.files)
        say(f"{chunks:,} chunks, {report.embedded:,} embedded, {report.seconds:.1f} s")
        if report.published and chunks:
            say('Ask with: rag ask "your question"')
    if counts["failed"]:
        raise typer.Exit(EXIT_PARTIAL)
