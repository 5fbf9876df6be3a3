"""`rag check`, `rebuild`, `delete`, `purge`, `export`, `import`: the index as a thing to look after."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rag.config import PipelineConfig
    from rag.index.folder import Index

SHOWN = 20

PipelineOption = Annotated[str | None, typer.Option(help="A shipped pipeline's name or a .yaml file.")]
IndexOption = Annotated[str | None, typer.Option(help="Folder that holds .rag (default: nearest upward).")]
WaitOption = Annotated[bool, typer.Option("--wait", help="Wait while another process writes this index.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Patterns = Annotated[list[str], typer.Argument(help="Files, folders, or patterns of their names.", metavar="PATH...")]


def check(
    deep: Annotated[bool, typer.Option("--deep", help="Compare every row, chunk and vector as well.")] = False,
    mend: Annotated[bool, typer.Option("--repair", help="Mend what is found (implies --deep).")] = False,
    pipeline: PipelineOption = None,
    index: IndexOption = None,
    wait: WaitOption = False,
    json: JsonOption = False,
) -> None:
    """Check that the index is what it was when it was last written.

    Exit code 6: something is damaged. --repair derives the vector index from the manifest, damaged rows of the manifest
    from the rows that are sound, and only what is left from the files; nothing else is read or embedded again.

    Examples:

      rag check

      rag check --deep --json

      rag check --repair
    """
    from rag.cli.terminal import line, progress_bars, say, say_json, waiting
    from rag.config import build
    from rag.errors import ConfigError, CorruptError
    from rag.maintain.check import check as look
    from rag.maintain.repair import Repair, repair

    place, config = _place(index, pipeline)
    if mend:
        with progress_bars() as bars:
            done = repair(place, config, wait=waiting if wait else None, progress=bars)
    else:
        try:
            store = build(config).store
        except ConfigError as error:
            store = None
            say(f"the pipeline cannot be built, so the engine's own answers are not compared: {line(str(error))}")
        done = Repair(look(place, store, deep=deep, wait=waiting if wait else None))
        done.left = done.found
    sound = not done.left and not done.lost
    if json:
        parts = {"found": done.found, "left": done.left}
        lists = {name: [{"part": f.part, "what": f.what} for f in found] for name, found in parts.items()}
        files = {"read_again": done.read, "cut_again": done.cut, "lost": done.lost}
        say_json({"sound": sound, **lists, **files, "embedded": done.embedded})
    else:
        for finding in done.found[:SHOWN]:
            say(f"{finding.part}: {line(finding.what)}")
        if len(done.found) > SHOWN:
            say(f"and {len(done.found) - SHOWN} more; --json lists all")
        if mend and done.found:
            again = f"{len(done.read)} files read again, {len(done.cut)} chunked again, {done.embedded} chunks embedded"
            say(f"repaired: {again}" if sound else f"{again}; not mended:")
            for finding in done.left:
                say(f"  {finding.part}: {line(finding.what)}")
            for name in done.lost:
                say(f"  lost: {line(name)}")
        if sound and not done.found:
            say(f"{place.path}: sound")
    if not sound:
        raise typer.Exit(CorruptError.exit_code)


def rebuild(pipeline: PipelineOption = None, index: IndexOption = None, wait: WaitOption = False) -> None:
    """Derive the vector index anew from the manifest. No file is read, nothing is embedded.

    Also brings an index of an older version up to date. Other models or settings take `rag ingest --rebuild`.

    Example: rag rebuild
    """
    from rag.cli.terminal import say, waiting
    from rag.config import build
    from rag.index.folder import check_fingerprints
    from rag.ingest.run import finished

    place, config = _place(index, pipeline)
    place.must_exist()
    stages = build(config)
    with place.writing(wait=waiting if wait else None) as manifest:
        finished(manifest.facts())
        check_fingerprints(manifest.facts(), stages.fingerprints, kinds=("embed", "sparse"))
        place.publish(manifest, stages.store, fresh=True)
        counts = manifest.counts()
    say(f"{counts['chunks']:,} chunks of {counts['sources']:,} sources")


def delete(
    paths: Patterns,
    pipeline: PipelineOption = None,
    index: IndexOption = None,
    wait: WaitOption = False,
    json: JsonOption = False,
) -> None:
    """Take files out of the index. They stay out until one is named itself: `rag ingest FILE`.

    The text is not found any more, but not yet gone from every file of the index: that is `rag purge`.

    Examples:

      rag delete drafts/

      rag delete "*.log" notes/old.md
    """
    _remove(paths, pipeline, index, wait, json, purge=False)


def purge(
    paths: Patterns,
    pipeline: PipelineOption = None,
    index: IndexOption = None,
    wait: WaitOption = False,
    json: JsonOption = False,
) -> None:
    """Take files out of the index and their text out of every file of it.

    Manifest and vector index are written anew. Exit code 5: another process still reads an older version.

    Example: rag purge contracts/private.pdf
    """
    _remove(paths, pipeline, index, wait, json, purge=True)


def export(
    file: Annotated[Path, typer.Argument(help="The archive to write.", metavar="FILE")], index: IndexOption = None
) -> None:
    """Write the whole index into one portable file, checksummed, with text and vectors.

    Example: rag export notes.rag.zip
    """
    from rag.cli.terminal import line, say
    from rag.index.folder import Index
    from rag.maintain.archive import export_index

    counts = export_index(Index.at(index), file)
    size = file.stat().st_size / 1e6
    say(f"{line(str(file))}: {counts['chunks']:,} chunks of {counts['sources']:,} sources, {size:,.1f} MB")


def import_(
    file: Annotated[Path, typer.Argument(help="An archive that `rag export` wrote.", metavar="FILE")],
    pipeline: PipelineOption = None,
    index: IndexOption = None,
) -> None:
    """Make an index from an export. Every byte is compared with its hash; nothing is read or embedded again.

    Exit code 4: the pipeline is not the one it was made with; 6: the file is damaged.

    Example: rag import notes.rag.zip --index ./notes
    """
    from rag.cli.terminal import say
    from rag.config import load, presets
    from rag.errors import InputError
    from rag.index.folder import FOLDER, Index
    from rag.maintain.archive import import_index, pipeline_of

    name = pipeline or pipeline_of(file)
    if pipeline is None and name not in presets():  # a path of another machine is nothing to read here
        raise InputError(f"{file}: was made with the pipeline {name}; give that file with --pipeline.")
    place = Index.at(index) if index else Index(Path.cwd() / FOLDER)
    counts = import_index(place, load(name), file)
    say(f"{counts['chunks']:,} chunks of {counts['sources']:,} sources")


def _remove(paths: list[str], pipeline: str | None, index: str | None, wait: bool, json: bool, *, purge: bool) -> None:
    from rag.cli.terminal import line, say, say_json, waiting
    from rag.maintain.remove import delete as remove

    place, config = _place(index, pipeline)
    removed = remove(place, config, paths, purge=purge, wait=waiting if wait else None)
    if json:
        say_json({"removed": removed.names, "kept_out": removed.kept_out, "copies": removed.copies})
        return
    n, kept = len(removed.names), len(removed.kept_out)
    say(f"{n:,} source{'s' * (n != 1)} {'purged' if purge else 'deleted'} from the index")
    if kept:
        say(f"{kept:,} still on disk and left out from now on; `rag ingest FILE` takes one back")
    for name in removed.copies[:SHOWN]:
        say(f"  the same text is also in {line(name)}")


def _place(index: str | None, pipeline: str | None) -> tuple[Index, PipelineConfig]:
    """The index and its pipeline; from the vector index where the manifest does not say, or the default."""
    from rag.config import load
    from rag.errors import CorruptError
    from rag.index.folder import Index

    place = Index.at(index)
    try:
        name = pipeline or place.pipeline()
    except CorruptError:
        try:
            with place.reading() as live:
                name = live.facts.get("pipeline")
        except CorruptError:
            name = None
    return place, load(name or "default")
