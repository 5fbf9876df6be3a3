"""`rag delete` and `rag purge`: files out of the index."""

from typing import Annotated

from typer import Argument

from rag.cli.options import IndexOption, JsonOption, PipelineOption, TrustOption, WaitOption, open_index
from rag.cli.terminal import line, say, say_json, waiting

SHOWN = 20

Patterns = Annotated[list[str], Argument(help="Files, folders, or patterns of their names.", metavar="PATH...")]


def delete(
    paths: Patterns,
    pipeline: PipelineOption = None,
    index: IndexOption = None,
    wait: WaitOption = False,
    trust: TrustOption = False,
    json: JsonOption = False,
) -> None:
    """Take files out of the index. `rag ingest FILE` takes one back; ingesting its folder does not.

    Their text is no longer found, but some files of the index still hold it. To erase it, use `rag purge`.

    \b
    Examples:
      rag delete drafts/
      rag delete "*.log" notes/old.md
    """
    _remove(paths, pipeline, index, wait=wait, trust=trust, json=json, purge=False)


def purge(
    paths: Patterns,
    pipeline: PipelineOption = None,
    index: IndexOption = None,
    wait: WaitOption = False,
    trust: TrustOption = False,
    json: JsonOption = False,
) -> None:
    """Take files out of the index, and erase their text from it.

    Manifest and vector index are written anew. Exit code 5: another process still reads an older version.

    Example: rag purge contracts/private.pdf
    """
    _remove(paths, pipeline, index, wait=wait, trust=trust, json=json, purge=True)


def _remove(
    paths: list[str], pipeline: str | None, index: str | None, *, wait: bool, trust: bool, json: bool, purge: bool
) -> None:
    from rag.maintain.remove import delete as remove

    target, config = open_index(index, pipeline, trust=trust)
    removed = remove(target, config, paths, purge=purge, wait=waiting if wait else None)
    if json:
        say_json(
            {"removed": removed.names, "kept_out": removed.excluded, "copies": removed.copies, "notes": removed.notes}
        )
        return
    n, kept = len(removed.names), len(removed.excluded)
    say(f"{n:,} source{'s' * (n != 1)} {'purged' if purge else 'deleted'} from the index")
    if kept:
        say(f"{kept:,} still on disk and left out from now on; `rag ingest FILE` takes one back")
    if removed.notes:
        say(f"{removed.notes:,} notes of language models removed from the cache, for they may hold the text")
    for name in removed.copies[:SHOWN]:
        say(f"  the same text is also in {line(name)}")
