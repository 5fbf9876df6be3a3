"""`rag check` and `rag rebuild`: is the index sound, and its vector index made again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import Option

from rag.cli.options import IndexOption, JsonOption, PipelineOption, TrustOption, WaitOption, open_index
from rag.cli.terminal import line, progress_bars, say, say_json, waiting
from rag.errors import ConfigError, CorruptError

if TYPE_CHECKING:
    from rag.maintain.repair import Repair

SHOWN = 20


def check(
    deep: Annotated[bool, Option("--deep", help="Compare every row, chunk and vector as well.")] = False,
    mend: Annotated[bool, Option("--repair", help="Repair what is damaged (implies --deep).")] = False,
    pipeline: PipelineOption = None,
    index: IndexOption = None,
    wait: WaitOption = False,
    trust: TrustOption = False,
    json: JsonOption = False,
) -> None:
    """Check that the index is what it was when it was last written.

    Exit code 6: something is damaged. --repair takes the vector index from the manifest, damaged rows of the manifest
    from the rows that are sound, and only what is left from the files; nothing else is read or embedded again.

    \b
    Examples:
      rag check
      rag check --deep --json
      rag check --repair
    """
    from rag.config import build
    from rag.maintain.check import check as find_damage
    from rag.maintain.repair import Repair, repair

    target, config = open_index(index, pipeline, trust=trust)
    tell = waiting if wait else None
    if mend:
        with progress_bars() as bars:
            result = repair(target, config, wait=tell, progress=bars)
    else:
        try:
            store = build(config).store
        except ConfigError as error:
            store = None
            say(f"the pipeline cannot be built, so the engine's own answers are not compared: {line(str(error))}")
        result = Repair(find_damage(target, store, deep=deep, wait=tell))
        result.remaining = result.found
    sound = not result.remaining and not result.lost
    if json:
        say_json(_as_json(result, sound=sound))
    else:
        _show(result, sound=sound, mend=mend)
        if not result.found and sound:
            say(f"{target.path}: sound")
    if not sound:
        raise typer.Exit(CorruptError.exit_code)


def _as_json(result: Repair, *, sound: bool) -> dict[str, Any]:
    found, left = ([{"part": one.part, "what": one.what} for one in some] for some in (result.found, result.remaining))
    return {
        "sound": sound,
        "found": found,
        "left": left,
        "read_again": result.reloaded,
        "cut_again": result.rechunked,
        "lost": result.lost,
        "embedded": result.embedded,
    }


def _show(result: Repair, *, sound: bool, mend: bool) -> None:

    for finding in result.found[:SHOWN]:
        say(f"{finding.part}: {line(finding.what)}")
    if len(result.found) > SHOWN:
        say(f"and {len(result.found) - SHOWN} more; --json lists all")
    if mend and result.found:
        work = f"{len(result.reloaded)} files read again, {len(result.rechunked)} chunked again"
        work += f", {result.embedded} chunks embedded"
        say(f"repaired: {work}" if sound else f"{work}; not repaired:")
        for finding in result.remaining:
            say(f"  {finding.part}: {line(finding.what)}")
        for name in result.lost:
            say(f"  lost: {line(name)}")


def rebuild(
    pipeline: PipelineOption = None, index: IndexOption = None, wait: WaitOption = False, trust: TrustOption = False
) -> None:
    """Make the vector index again from the manifest. No file is read, nothing is embedded.

    Also brings an index of an older version up to date. For another model or other settings: `rag ingest FOLDER
    --rebuild`.

    Example: rag rebuild
    """
    from rag.config import build
    from rag.index.facts import check_fingerprints, refuse_unfinished

    target, config = open_index(index, pipeline, trust=trust)
    target.must_exist()
    stages = build(config)
    with target.edit_manifest(wait=waiting if wait else None) as manifest:
        refuse_unfinished(manifest.facts())
        check_fingerprints(manifest.facts(), stages.fingerprints, kinds=("embed", "sparse"))
        target.publish(manifest, stages.store, fresh=True)
        counts = manifest.counts()
    say(f"{counts['chunks']:,} chunks of {counts['sources']:,} sources")
