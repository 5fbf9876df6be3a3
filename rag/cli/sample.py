"""`rag sample`: passages that stand for all of an index."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from rag.cli.options import IndexOption, TrustOption
from rag.cli.terminal import line, say
from rag.errors import InputError


def sample(
    file: Annotated[Path, Argument(help="The text file to write, a passage a line.", metavar="FILE")],
    n: Annotated[int, Option("-n", min=1, max=100_000, metavar="N", help="How many passages.")] = 512,
    index: IndexOption = None,
    trust: TrustOption = False,
) -> None:
    """Write passages that stand for all of the index: central ones, spread over everything.

    It is what `embed: {use: two_stage, sample: FILE}` reads behind every text.

    Example: rag sample passages.txt -n 512
    """
    from rag.maintain.sample import choose_passages
    from rag.pipeline import Pipeline

    if file.exists():
        raise InputError(f"{file}: exists already; name a new file.")
    with Pipeline.load(None, index=index, trust=trust) as pipeline:
        passages = choose_passages(pipeline.stages.store, n)
    file.write_text("".join(f"{passage}\n" for passage in passages), encoding="utf-8")
    say(f"{line(str(file))}: {len(passages):,} passages")
