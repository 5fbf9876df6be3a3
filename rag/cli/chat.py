"""`rag chat`: questions one after the other, each answered from the documents, in a conversation that is kept."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

from typer import Option

from rag.cli.options import (
    CountOption,
    IndexOption,
    LlmModelOption,
    LlmOption,
    PipelineOption,
    SourceOption,
    TrustOption,
    WhereOption,
    open_pipeline,
)
from rag.cli.terminal import fail, line, paint, say, tell_unfinished
from rag.cli.where import make_filter
from rag.errors import RagError

if TYPE_CHECKING:
    from rag.conversation import Conversation
    from rag.types import Answer, Filter

LEAVE = {"/exit", "/quit"}


def chat(
    pipeline: PipelineOption = None,
    index: IndexOption = None,
    llm: LlmOption = None,
    model: LlmModelOption = None,
    resume: Annotated[str, Option(metavar="NAME", help="The conversation to go on with.")] = "default",
    new: Annotated[bool, Option("--new", help="Forget what was said in it, and begin anew.")] = False,
    k: CountOption = None,
    source: SourceOption = None,
    where: WhereOption = None,
    trust: TrustOption = False,
    json: Annotated[bool, Option("--json", help="Print each answer as a line of JSON.")] = False,
) -> None:
    """Ask questions that follow from each other. The conversation is kept in the index and goes on next time.

    A follow-up like "Where is its head office?" is completed from what was said, and shown as it was understood. Every
    answer comes from the documents, with its citations. Type /new to forget the conversation, /exit or Ctrl-D to leave,
    Ctrl-C to stop an answer. Lines of a pipe are questions, too.

    \b
    Examples:
      rag chat
      rag chat --resume routers --llm http://localhost:11434/v1 --model qwen3
      cat questions.txt | rag chat --new --json
    """
    from rag.cli.show import suggest_model
    from rag.conversation import Conversation

    typing = sys.stdin.isatty()
    with open_pipeline(pipeline, index, llm, model, trust=trust) as pipe, Conversation(pipe, resume) as talk:
        filter = make_filter(pipe.index, source, where)
        if not talk.is_kept:
            fail("this index cannot be written, so the conversation ends with the command")
        tell_unfinished(pipe.index)
        if new:
            talk.forget()
        if typing and not json and (turns := talk.turns):
            say(paint(f"{len(turns)} turns so far; the last: {line(turns[-1]['question'])}", "dim"))
        told = json  # once is enough
        for question in _questions(prompt=typing and not json):
            if question == "/new":
                talk.forget()
                continue
            try:
                answer = _turn(talk, question, k, filter, json=json)
                told = told or suggest_model(answer, pipe.stages.generator)
            except KeyboardInterrupt:
                if not typing:
                    raise
                say("\nstopped.")
            except RagError as error:
                if not typing:
                    raise
                fail(error)


def _questions(*, prompt: bool) -> Iterator[str]:
    """What is typed or piped in, line by line, until its end, /exit, or Ctrl-C at the prompt."""

    if sys.stdin.isatty():
        with suppress(ImportError):
            import readline  # noqa: F401  # arrows and history in input()
    while True:
        try:
            typed = input("> " if prompt else "").strip()
        except EOFError:
            return
        except KeyboardInterrupt:
            if not prompt:
                raise
            say()
            return
        if typed in LEAVE:
            return
        if typed:
            yield typed


def _turn(talk: Conversation, question: str, k: int | None, filter: Filter | None, *, json: bool) -> Answer:
    from json import dumps

    from rag.answer.data import answer_data
    from rag.cli.show import follow, show

    begin = time.monotonic()
    answer = follow(talk.stream(question, k=k, filter=filter), question, silent=json)
    if json:
        data = answer_data(answer, time.monotonic() - begin)
        say(dumps({**data, "question": question, "asked": answer.question}, default=str))
    else:
        show(answer)
    return answer
