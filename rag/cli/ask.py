"""`rag ask` and `rag search`: questions in, cited answers or passages out."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rag.pipeline import Pipeline
    from rag.types import Answer, Filter

PipelineOption = Annotated[str | None, typer.Option(help="A shipped pipeline's name or a .yaml file.")]
IndexOption = Annotated[str | None, typer.Option(help="Folder that holds .rag (default: nearest upward).")]
CountOption = Annotated[int | None, typer.Option("--k", "-k", min=1, max=1000, help="How many passages.")]
SourceOption = Annotated[
    list[str] | None, typer.Option("--source", help="Only files that match this pattern (repeatable).")
]
WhereOption = Annotated[list[str] | None, typer.Option(help="Only documents with this field: NAME=VALUE.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def ask(
    question: Annotated[str, typer.Argument(help="A question in your own words.")],
    pipeline: PipelineOption = None,
    index: IndexOption = None,
    llm: Annotated[
        str | None,
        typer.Option(help="Let a language model write: an OpenAI-compatible URL, or a local model's folder."),
    ] = None,
    model: Annotated[str | None, typer.Option(help="The model to ask for at the --llm URL.")] = None,
    k: CountOption = None,
    source: SourceOption = None,
    where: WhereOption = None,
    open: Annotated[bool, typer.Option("--open", help="Show every quote in the text around it.")] = False,
    trace: Annotated[bool, typer.Option("--trace", help="Show the hop tree and what each step did.")] = False,
    json: JsonOption = False,
) -> None:
    """Answer a question from the indexed documents, with citations checked against the text.

    Without --llm the answer is made of verbatim quotes; no network is used. Exit code 7: the documents do not hold
    enough evidence, and the closest passages are shown instead.

    Examples:

      rag ask "Which company makes the router in building 4?"

      rag ask "When does the contract end?" --source "contracts/*" --trace

      rag ask "Why did pump 3 fail?" --llm http://localhost:11434/v1 --model qwen3
    """
    from rag.cli.show import answer_json, show, show_context
    from rag.cli.terminal import clean, say, say_json
    from rag.errors import EXIT_ABSTAINED

    started = time.monotonic()
    with opened_with(pipeline, index, llm, model) as opened:
        wanted = chosen(opened, source, where)
        answer: Answer | None = None
        streamed = False
        for event in opened.stream(question, k=k, filter=wanted):
            if event.kind == "token" and not json and not streamed and clean(event.data).strip():
                streamed = True
            if event.kind == "token" and not json:
                say(clean(event.data), end="")
            if event.kind == "answer":
                answer = event.data
    if answer is None:
        raise RuntimeError("the graph ended without an answer")
    if json:
        data = answer_json(answer, time.monotonic() - started)
        say_json({**data, "trace": list(answer.trace)} if trace else data)
    else:
        show(answer, streamed=streamed, trace=trace)
        if open:
            show_context(answer, opened.index)
    if answer.abstained:
        raise typer.Exit(EXIT_ABSTAINED)


def search(
    question: Annotated[str, typer.Argument(help="A question or words.")],
    pipeline: PipelineOption = None,
    index: IndexOption = None,
    k: CountOption = None,
    source: SourceOption = None,
    where: WhereOption = None,
    json: JsonOption = False,
) -> None:
    """Show the passages an answer would be made from, best first.

    Examples:

      rag search "maintenance interval of the bow thruster" -k 5

      rag search "router" --source "*.pdf" --json
    """
    from rag.cli.show import hit_json
    from rag.cli.terminal import line, paint, say, say_json

    with opened_with(pipeline, index, None, None) as opened:
        hits = opened.search(question, k=k, filter=chosen(opened, source, where))
    if json:
        say_json({"hits": [hit_json(hit) for hit in hits]})
        return
    for number, hit in enumerate(hits, 1):
        say(f"{number:>3}  {paint(line(hit.chunk.address()), 'bold')}  {hit.score:.3f}  hop {hit.hop}")
        say(f"     {line(hit.chunk.text)[:300]}")
    if not hits:
        say("nothing found")


def opened_with(pipeline: str | None, index: str | None, llm: str | None, model: str | None) -> Pipeline:
    """A pipeline on an index, a language model in the place of its generator where one is named."""
    from rag.pipeline import Pipeline

    opened = Pipeline.load(pipeline, index=index)
    if llm is None:
        return opened
    if llm.startswith(("http://", "https://")):
        if model is None:
            raise typer.BadParameter("an --llm URL needs --model NAME")
        stage = {"use": "openai", "base_url": llm, "model": model}
    else:
        stage = {"use": "transformers", "model": llm}
    return Pipeline(opened.config.with_stage("generate", stage), opened.index)


def chosen(opened: Pipeline, patterns: Sequence[str] | None, where: Sequence[str] | None) -> Filter | None:
    """The filter that --source and --where ask for. Raises InputError."""
    from contextlib import closing
    from fnmatch import fnmatch

    from rag.errors import InputError
    from rag.types import Filter, Value

    any_of: dict[str, tuple[Value, ...]] = {}
    if patterns:
        with closing(opened.index.read_manifest()) as manifest:
            names = tuple(n for n in manifest.sources() if any(fnmatch(n, p) for p in patterns))
        if not names:
            raise InputError(f"--source {' '.join(patterns)}: no indexed file matches; `rag status` lists them.")
        any_of["source"] = names
    for pair in where or ():
        name, found, value = pair.partition("=")
        if not found:
            raise InputError(f"--where {pair}: write NAME=VALUE.")
        any_of[f"meta.{name}"] = (value,)
    return Filter(any_of=any_of) if any_of else None
