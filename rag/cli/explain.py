"""`rag explain`: why a document or passage was found, or not."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from rag.cli.options import (
    CountOption,
    IndexOption,
    JsonOption,
    PipelineOption,
    TrustOption,
    WhereOption,
    open_pipeline,
)
from rag.cli.terminal import line, paint, say, say_json, tell_unfinished
from rag.cli.where import make_filter

if TYPE_CHECKING:
    from rag.explain import StageRank
    from rag.types import Hit


def explain(
    question: Annotated[str, Argument(help="The question that should have found it.")],
    source: Annotated[
        str, Option("--source", metavar="NAME", help="A file's name, a pattern or a document's id.")
    ] = "",
    passage: Annotated[str, Option("--passage", metavar="TEXT", help="A passage: words of it, or its id.")] = "",
    pipeline: PipelineOption = None,
    index: IndexOption = None,
    k: CountOption = None,
    where: WhereOption = None,
    concepts: Annotated[
        int,
        Option("--concepts", min=0, metavar="N", help="Titles and headings near to the question, and to the passage."),
    ] = 0,
    trust: TrustOption = False,
    json: JsonOption = False,
) -> None:
    """Show where a document or passage stands at each stage of a question, and what stands before it.

    \b
    Examples:
      rag explain "Who makes the router in building 4?" --source fleet-list.csv
      rag explain "When does the lease end?" --passage "ends on 30 June 2027"
      rag explain "When does the lease end?" --source lease.pdf --concepts 5
    """
    from rag.explain import explanation_data

    begin = time.monotonic()
    with open_pipeline(pipeline, index, trust=trust) as pipe:
        tell_unfinished(pipe.index)
        filter = make_filter(pipe.index, None, where)
        found = pipe.explain(question, source=source, passage=passage, k=k, filter=filter, concepts=concepts)
    if json:
        say_json(explanation_data(found, time.monotonic() - begin))
        return
    say(f"{paint(line(found.best.chunk.address()), 'bold')}{_notes(question, found.best)}\n{found.summary}\n")
    for rank in found.ranks:
        _show(question, rank)
    if found.concepts:
        say(f"\n{paint('cosine with titles and headings', 'bold')}\n  question  passage")
    for one in found.concepts:
        say(f"  {one.question:>8.2f} {one.passage:>8.2f}  {line(one.name)}")


def _show(question: str, rank: StageRank) -> None:
    name = f"hop {rank.hop}" if rank.stage == "hop" else rank.stage
    place = f"place {rank.place:,}" if rank.place else f"not among {rank.searched:,}"
    colour = "green" if rank.goes_on else "yellow"
    say(f"{paint(f'{name:<9}', 'bold')} {paint(place, colour)}, the first {rank.limit:,} go on")
    for number, hit in enumerate(rank.ahead, 1):
        say(f"  {number:>3}  {line(hit.chunk.address())}{_notes(question, hit)}")


def _notes(question: str, hit: Hit) -> str:
    """How near a passage is to the question, and by which words."""
    from rag.explain import shared_words

    words = ", ".join(shared_words(question, hit.chunk))
    parts = [f"cosine {hit.cosine:.2f}"] * (hit.cosine is not None) + [f"has {words}"] * bool(words)
    return paint(f"  ({line('; '.join(parts))})", "dim") if parts else ""
