"""`rag delete` and `rag purge`: files out of the index."""

import sys
from collections.abc import Callable
from typing import Annotated

import typer
from typer import Argument, Option

from rag.cli.options import IndexOption, JsonOption, PipelineOption, TrustOption, WaitOption, open_index
from rag.cli.terminal import fail, line, say, say_json, waiting, write
from rag.errors import InputError

SHOWN = 20

Paths = Annotated[list[str], Argument(help="Files, folders, or patterns of their names.", metavar="PATH...")]
YesOption = Annotated[bool, Option("--yes", "-y", help="Take what a pattern fits without asking.")]


def delete(
    paths: Paths,
    pipeline: PipelineOption = None,
    index: IndexOption = None,
    yes: YesOption = False,
    wait: WaitOption = False,
    trust: TrustOption = False,
    json: JsonOption = False,
) -> None:
    """Take files out of the index. `rag ingest FILE` takes one back; ingesting its folder does not.

    Their text is no longer found, but some files of the index still hold it. To erase it, use `rag purge`.

    A PATH is a file or folder, seen from here. One that nothing is called by may be a pattern: what it fits is shown
    first, and taken when you agree (or with --yes).

    \b
    Examples:
      rag delete drafts/
      rag delete "*.log" notes/old.md
    """
    _remove(paths, pipeline, index, yes=yes, wait=wait, trust=trust, json=json, purge=False)


def purge(
    paths: Paths,
    pipeline: PipelineOption = None,
    index: IndexOption = None,
    yes: YesOption = False,
    wait: WaitOption = False,
    trust: TrustOption = False,
    json: JsonOption = False,
) -> None:
    """Take files out of the index, and erase their text from it.

    A PATH is as in `rag delete`. Manifest and vector index are written anew. Exit code 5: another process still reads
    an older version.

    Example: rag purge contracts/private.pdf
    """
    _remove(paths, pipeline, index, yes=yes, wait=wait, trust=trust, json=json, purge=True)


def _remove(
    paths: list[str],
    pipeline: str | None,
    index: str | None,
    *,
    yes: bool,
    wait: bool,
    trust: bool,
    json: bool,
    purge: bool,
) -> None:
    from rag.maintain.remove import delete as remove
    from rag.maintain.select import select

    target, config = open_index(index, pipeline, trust=trust)
    chosen = select(target, paths)
    if chosen.alike and not yes:
        _confirm(chosen.alike, "purge" if purge else "delete")
    removed = remove(target, config, [*chosen.named, *chosen.alike], purge=purge, wait=waiting if wait else None)
    if json:
        say_json(
            {"removed": removed.names, "kept_out": removed.excluded, "copies": removed.copies, "notes": removed.notes}
        )
        return
    n, kept = len(removed.names), len(removed.excluded)
    say(f"{n:,} source{'s' * (n != 1)} {'purged' if purge else 'deleted'} from the index")
    _list(removed.names, say)
    if kept:
        say(f"{kept:,} still on disk and left out from now on; `rag ingest FILE` takes one back")
    if removed.notes:
        say(f"{removed.notes:,} notes of language models removed from the cache, for they may hold the text")
    for name in removed.copies[:SHOWN]:
        say(f"  the same text is also in {line(name)}")


def _confirm(names: list[str], verb: str) -> None:
    """Show what nobody named, and go on only if that is meant. Raises InputError where nobody can be asked."""
    fail(f"this would {verb} {len(names):,} source{'s' * (len(names) != 1)}:")
    _list(names, lambda text: write(sys.stderr, f"{text}\n"))
    if not sys.stdin.isatty():
        raise InputError(f"nothing was {verb}d. To {verb} what is listed here, run it again with --yes.")
    if not typer.confirm(f"{verb.capitalize()} {'it' if len(names) == 1 else 'them'}?", err=True):
        raise typer.Exit(fail(f"nothing was {verb}d."))


def _list(names: list[str], tell: Callable[[str], object]) -> None:
    for name in names[:SHOWN]:
        tell(f"  {line(name)}")
    if len(names) > SHOWN:
        tell(f"  and {len(names) - SHOWN:,} more")
