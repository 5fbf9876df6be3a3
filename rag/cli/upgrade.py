"""`rag upgrade` and `rag generations`: another model for an index that goes on answering, and the way back."""

from dataclasses import asdict
from typing import Annotated

import typer
from typer import Option

from rag.cli.options import PIPELINE, IndexOption, JsonOption, TrustOption, WaitOption
from rag.cli.terminal import fail, line, progress_bars, say, say_json, waiting
from rag.errors import EXIT_PARTIAL, InputError
from rag.interrupt import Interrupted


def upgrade(
    pipeline: Annotated[
        str | None, Option("--pipeline", metavar="NAME", help=f"{PIPELINE}: what the index is to be made with.")
    ] = None,
    to: Annotated[int | None, Option("--to", metavar="N", help="Back to a kept generation.")] = None,
    keep: Annotated[bool, Option("--keep", help="Keep the vectors there are, so that the way back is short.")] = False,
    index: IndexOption = None,
    wait: WaitOption = False,
    trust: TrustOption = False,
) -> None:
    """Make the index anew with another model or other settings, while the old one answers.

    It works from the stored documents and reads no file. The new index takes the place of the old one at the end, at
    once; until then, and if this is interrupted, the old one answers. The same command goes on.

    \b
    Examples:
      rag upgrade --pipeline new.yaml --keep
      rag generations
      rag upgrade --to 3
    """
    from rag.config import load
    from rag.index.folder import Index
    from rag.maintain.upgrade import find_pipeline, list_generations
    from rag.maintain.upgrade import upgrade as make

    if (pipeline is None) == (to is None):
        raise InputError("name what the index is to be made with: --pipeline NAME, or --to N for a kept generation.")
    target = Index.at(index, trust=trust)
    config = find_pipeline(target, to) if to is not None else load(str(pipeline))
    try:
        with progress_bars() as bars:
            report = make(target, config, keep=keep, back=to, wait=waiting if wait else None, progress=bars)
    except Interrupted as error:
        fail("interrupted: the index answers as it did before. The same command goes on from here.")
        raise typer.Exit(error.exit_code) from error
    failed = [file for file in report.files if file.status == "failed"]
    for file in failed:
        say(f"failed  {line(file.source)}: {line(file.reason)}")
    say(f"{report.embedded:,} chunks embedded, {report.seconds:.1f} s")
    if keep and not any(row.state == "kept" for row in list_generations(target)):
        say("nothing had to be kept, for no vector changed: the pipeline of before leads back as quickly")
    if failed:
        raise typer.Exit(EXIT_PARTIAL)


def generations(
    drop: Annotated[
        list[int] | None, Option("--drop", metavar="N", help="Keep this one no longer (repeatable).")
    ] = None,
    index: IndexOption = None,
    wait: WaitOption = False,
    trust: TrustOption = False,
    json: JsonOption = False,
) -> None:
    """List the live generation of the index and those that are kept.

    \b
    Examples:
      rag generations
      rag generations --drop 3
    """
    from rag.index.folder import Index
    from rag.maintain.upgrade import drop as release
    from rag.maintain.upgrade import list_generations

    target = Index.at(index, trust=trust)
    if drop:
        freed = release(target, drop, wait=waiting if wait else None)
        fail(f"{freed:,} vectors dropped")
    rows = list_generations(target)
    if json:
        return say_json([asdict(row) for row in rows])
    for row in rows:
        way = f"   rag upgrade --to {row.number}" if row.state == "kept" else ""
        say(f"{row.number:>5}  {row.state}  {row.vectors:>9,} chunks  {line(row.pipeline)}{way}")
