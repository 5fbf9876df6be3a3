"""`rag ask` and `rag search`: questions in, cited answers or passages out."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Argument, Option

from rag.cli.options import (
    CountOption,
    IndexOption,
    JsonOption,
    LlmModelOption,
    LlmOption,
    PipelineOption,
    SourceOption,
    TrustOption,
    WhereAutoOption,
    open_pipeline,
)
from rag.cli.terminal import line, paint, say, say_json, tell_languages, tell_unfinished
from rag.cli.where import make_filter, tell_absent
from rag.cli.where_auto import derive
from rag.errors import EXIT_ABSTAINED

if TYPE_CHECKING:
    from rag.pipeline import Pipeline


def ask(
    question: Annotated[str, Argument(help="A question in your own words.")],
    pipeline: PipelineOption = None,
    index: IndexOption = None,
    llm: LlmOption = None,
    model: LlmModelOption = None,
    k: CountOption = None,
    source: SourceOption = None,
    where: WhereAutoOption = None,
    open: Annotated[bool, Option("--open", help="Show every quote with the text around it.")] = False,
    trace: Annotated[bool, Option("--trace", help="Show the hop tree and what each step did.")] = False,
    trust: TrustOption = False,
    server: Annotated[
        bool, Option("--no-server", help="Do it here, where a server of yours would answer.", show_default=False)
    ] = False,
    json: JsonOption = False,
) -> None:
    """Answer a question from your documents, with checked citations.

    Without --llm the answer is made of verbatim quotes, and no network is used. A short answer is given where it is
    sure enough; else the sentences that speak to the question are shown. Exit code 7: no passage speaks to it, and the
    closest ones are shown instead.

    \b
    Examples:
      rag ask "Which company makes the router in building 4?"
      rag ask "When does the contract end?" --source "contracts/*" --trace
      rag ask "Why did pump 3 fail?" --llm http://localhost:11434/v1 --model qwen3
      rag ask "Why did pump 3 fail?" --llm auto
    """
    begin = time.monotonic()
    with open_pipeline(pipeline, index, llm, model, trust=trust) as pipe:
        code = answer_question(
            pipe, question, k=k, source=source, where=where, open=open, trace=trace, json=json, begin=begin
        )
    if code:
        raise typer.Exit(code)


def answer_question(
    pipe: Pipeline,
    question: str,
    *,
    k: int | None,
    source: Sequence[str] | None,
    where: Sequence[str] | None,
    open: bool,
    trace: bool,
    json: bool,
    begin: float,
) -> int:
    """What `rag ask` does with an open pipeline: print the answer; the exit code. `begin` is when it began."""
    from rag.answer.data import answer_data
    from rag.cli.detail import show_context
    from rag.cli.show import follow, show, suggest_model

    filter = make_filter(pipe.index, source, derive(pipe, question, where))
    answer = follow(pipe.stream(question, k=k, filter=filter), question, silent=json)
    if not answer.hits:
        tell_absent(pipe.index, filter)
    unread = pipe.unread_languages(answer) if answer.level != "answer" else {}
    unfinished = tell_unfinished(pipe.index)
    if json:
        data = {**answer_data(answer, time.monotonic() - begin), "unfinished": unfinished}
        say_json({**data, "trace": list(answer.trace)} if trace else data)
    else:
        show(answer, trace=trace)
        suggest_model(answer, pipe.stages.generator)
        if open:
            show_context(answer, pipe.index)
    tell_languages(unread)
    return EXIT_ABSTAINED if answer.abstained else 0


def search(
    question: Annotated[str, Argument(help="A question or words.")],
    pipeline: PipelineOption = None,
    index: IndexOption = None,
    k: CountOption = None,
    source: SourceOption = None,
    where: WhereAutoOption = None,
    trust: TrustOption = False,
    json: JsonOption = False,
) -> None:
    """Show the passages an answer would be made from, best first.

    \b
    Examples:
      rag search "maintenance interval of the bow thruster" -k 5
      rag search "router" --source "*.pdf" --json
    """
    from rag.answer.data import hit_data
    from rag.cli.quotes import wrap
    from rag.cli.show import excerpt, focus_address

    with open_pipeline(pipeline, index, trust=trust) as pipe:
        filter = make_filter(pipe.index, source, derive(pipe, question, where))
        hits = pipe.search(question, k=k, filter=filter)
        if not hits:
            tell_absent(pipe.index, filter)
    unfinished = tell_unfinished(pipe.index)
    if json:
        say_json({"hits": [hit_data(hit, question) for hit in hits], "unfinished": unfinished})
        return
    for number, hit in enumerate(hits, 1):
        notes = [f"cosine {hit.cosine:.2f}"] * (hit.cosine is not None) + [f"hop {hit.hop}"] * bool(hit.hop)
        address = paint(line(focus_address(hit, question)), "bold")
        say(f"{number:>3}  {address}  {paint(', '.join(notes), 'dim')}".rstrip())
        say(wrap(excerpt(hit, question), "     ") + "\n")
    if not hits:
        say("nothing found")
