"""`rag export` and `rag import`: an index as one file."""

from pathlib import Path
from typing import Annotated

from typer import Argument

from rag.cli.options import IndexOption, PipelineOption, TrustOption
from rag.cli.terminal import line, say


def export(
    file: Annotated[Path, Argument(help="The archive to write.", metavar="FILE")],
    index: IndexOption = None,
    trust: TrustOption = False,
) -> None:
    """Write the whole index into one portable file. It holds text and vectors, with checksums.

    Example: rag export notes.rag.zip
    """
    from rag.index.folder import Index
    from rag.maintain.archive import export_index

    counts = export_index(Index.at(index, trust=trust), file)
    size = file.stat().st_size / 1e6
    say(f"{line(str(file))}: {counts['chunks']:,} chunks of {counts['sources']:,} sources, {size:,.1f} MB")


def import_(
    file: Annotated[Path, Argument(help="An archive that `rag export` wrote.", metavar="FILE")],
    pipeline: PipelineOption = None,
    index: IndexOption = None,
) -> None:
    """Make an index from an export. Every byte is compared with its hash; nothing is read or embedded again.

    Exit code 4: the pipeline is not the one it was made with; 6: the file is damaged.

    Example: rag import notes.rag.zip --index ./notes
    """
    from rag.config import from_facts, load
    from rag.index.folder import Index
    from rag.index.nearest import FOLDER
    from rag.maintain.archive import import_index, read_facts

    config = load(pipeline) if pipeline else from_facts(read_facts(file), str(file))
    target = Index.at(index) if index else Index(Path.cwd() / FOLDER)
    counts = import_index(target, config, file)
    say(f"{counts['chunks']:,} chunks of {counts['sources']:,} sources")
