"""`rag ask` and `rag search`: questions in, cited answers or passages out."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rag.pipeline import Pipeline
    from rag.types import Answer, Filter, Hit

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
    from rag.cli.terminal import clean, say, say_json
    from rag.errors import EXIT_ABSTAINED

    started = time.monotonic()
    with _open(pipeline, index, llm, model) as opened:
        wanted = _filter(opened, source, where)
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
        data = _answer_json(answer, time.monotonic() - started)
        say_json({**data, "trace": list(answer.trace)} if trace else data)
    else:
        _show(answer, streamed=streamed, trace=trace)
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
    from rag.cli.terminal import line, paint, say, say_json

    with _open(pipeline, index, None, None) as opened:
        hits = opened.search(question, k=k, filter=_filter(opened, source, where))
    if json:
        say_json({"hits": [_hit_json(hit) for hit in hits]})
        return
    for number, hit in enumerate(hits, 1):
        say(f"{number:>3}  {paint(line(hit.chunk.address()), 'bold')}  {hit.score:.3f}  hop {hit.hop}")
        say(f"     {line(hit.chunk.text)[:300]}")
    if not hits:
        say("nothing found")


def _open(pipeline: str | None, index: str | None, llm: str | None, model: str | None) -> Pipeline:
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


def _filter(opened: Pipeline, patterns: Sequence[str] | None, where: Sequence[str] | None) -> Filter | None:
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


def _hit_json(hit: Hit) -> dict[str, Any]:
    return {
        "id": hit.chunk.id,
        "source": hit.chunk.source,
        "address": hit.chunk.address(),
        "score": round(float(hit.score), 6),
        "hop": hit.hop,
        "trail": list(hit.trail),
        "text": hit.chunk.text,
    }


def _answer_json(answer: Answer, seconds: float) -> dict[str, Any]:
    names = ("marker", "source", "address", "start", "end", "quote", "hop")
    return {
        "question": answer.question,
        "answer": answer.text,
        "short": answer.short,
        "confidence": None if answer.confidence is None else round(answer.confidence, 4),
        "abstained": answer.abstained,
        "missing": list(answer.missing),
        "statements": [
            {"text": s.text, "verdict": s.verdict, "citations": list(s.citations)} for s in answer.statements
        ],
        "citations": [{name: getattr(c, name) for name in names} for c in answer.citations],
        "hits": [_hit_json(hit) for hit in answer.hits],
        "seconds": round(seconds, 3),
    }


def _show(answer: Answer, *, streamed: bool, trace: bool) -> None:
    from rag.cli.terminal import clean, line, paint, say

    if answer.abstained:
        say(("\n\n" if streamed else "") + "The documents do not hold enough evidence to answer this.")
        if answer.missing and answer.hits:
            say(line(f"No passage found speaks of {', '.join(answer.missing)}."))
        elif answer.hits:
            say("The passages found speak of all that is asked about, but none of them clearly says the answer.")
        if answer.hits:
            say("Closest passages:")
        for hit in answer.hits[:3]:
            say(f"  {paint(line(hit.chunk.address()), 'bold')}: {line(hit.chunk.text)[:200]}")
    else:
        say("" if streamed else clean(answer.text))
        doubtful = [s for s in answer.statements if s.verdict != "supported"]
        for statement in doubtful:
            say(paint(f"  {statement.verdict}: ", "yellow") + line(statement.text))
        say()
        for c in answer.citations:
            say(f"  [{c.marker}] {paint(line(c.address), 'bold')}{f'  (hop {c.hop})' if c.hop else ''}")
            say(f'      "{line(c.quote)}"')
    if trace:
        _show_trace(answer)


def _show_trace(answer: Answer) -> None:
    from rag.cli.terminal import line, paint, say

    used = {hit.chunk.id for hit in answer.hits}
    under: dict[str | None, list[Hit]] = {}
    for hit in answer.hits:
        under.setdefault(next((i for i in reversed(hit.trail) if i in used), None), []).append(hit)

    def show(parent: str | None, depth: int) -> None:
        for hit in under.get(parent, []):
            say(f"  {'   ' * depth}hop {hit.hop}  {line(hit.chunk.address())}")
            show(hit.chunk.id, depth + 1)

    say(f"\n{paint('hop tree', 'bold')} of the passages used")
    show(None, 0)
    say(paint("steps", "bold"))
    for step in answer.trace:
        notes = ", ".join(f"{k} {v}" for k, v in step.items() if k not in {"step", "seconds"})
        say(f"  {step['step']:<9} {1000 * step['seconds']:7.1f} ms  {notes}")
