"""`rag export` and `rag import`: an index as one file."""

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from rag.cli.options import IndexOption, PipelineOption, TrustOption
from rag.cli.terminal import line, say, tell_unfinished


def export(
    file: Annotated[Path, Argument(help="The archive to write.", metavar="FILE")],
    recipient: Annotated[
        list[str] | None,
        Option("--recipient", metavar="KEY", help="Encrypt it for this public key of age or SSH (repeatable)."),
    ] = None,
    index: IndexOption = None,
    trust: TrustOption = False,
) -> None:
    """Write the whole index into one portable file. It holds text and vectors, with checksums.

    With --recipient it is encrypted, in the format of age.

    \b
    Examples:
      rag export notes.rag.zip
      rag export notes.rag.age --recipient age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p
    """
    from rag.index.folder import Index
    from rag.maintain.archive import export_index

    target = Index.at(index, trust=trust)
    if recipient:
        from rag.maintain.encryption import export_encrypted

        counts = export_encrypted(target, file, recipient)
    else:
        counts = export_index(target, file)
    tell_unfinished(target)
    size = file.stat().st_size / 1e6
    say(f"{line(str(file))}: {counts['chunks']:,} chunks of {counts['sources']:,} sources, {size:,.1f} MB")


def import_(
    file: Annotated[Path, Argument(help="An archive that `rag export` wrote.", metavar="FILE")],
    identity: Annotated[
        Path | None, Option("--identity", metavar="FILE", help="The private key that an encrypted one is for.")
    ] = None,
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

    target = Index.at(index) if index else Index(Path.cwd() / FOLDER)
    with ExitStack() as stack:
        if identity:
            from rag.maintain.encryption import decrypt

            file = stack.enter_context(decrypt(file, identity))
        config = load(pipeline) if pipeline else from_facts(read_facts(file), str(file))
        counts = import_index(target, config, file)
    say(f"{counts['chunks']:,} chunks of {counts['sources']:,} sources")
