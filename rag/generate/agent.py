"""A language model that looks things up while it answers: requests and tool calls in turn, until it answers.

Every call counts, also one that makes no sense; after the last one the model must answer. What it says beside a call is
no part of the answer, so a reply is held back until it is known to be one; after the last call it is streamed.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from rag.errors import GeneratorError
from rag.llm import tools
from rag.llm.prompts import Count, Metered, Task, build, read_reply
from rag.llm.sse import ToolCall
from rag.stages import Finder

Ask = Callable[[Sequence[Mapping[str, Any]], Mapping[str, Any], list[ToolCall]], Iterator[str]]
Read = Callable[[Iterable[str]], Iterator[str]]


def explore(
    question: str,
    finder: Finder,
    ask: Ask,
    *,
    calls: int,
    budget: int,
    count: Count,
    task: Task,
    read: Read = read_reply,
) -> Metered:
    """The answer in pieces, as `read` reads it; returns what it cost.

    `ask` sends messages with options and adds what the model calls to a list. Raises what it raises, and GeneratorError
    for a model that goes on calling.
    """
    prompt = build(question, finder.hits, budget=budget, count=count, task=task)
    messages: list[Mapping[str, Any]] = list(prompt.messages)
    usage = {"llm_calls": 0, "tool_calls": 0, "prompt_tokens": 0, "completion_tokens": 0}
    spent, left = prompt.tokens, calls
    while True:
        called: list[ToolCall] = []
        received: list[str] = []
        pieces = _note(ask(messages, _offer(left), called), received)
        if left:
            for _ in pieces:  # whether it is an answer shows at its end
                pass
            if not called:
                yield from read(received)
        else:
            yield from read(pieces)
        written = count("".join(received)) + sum(count(call.name + call.arguments) for call in called)
        usage["llm_calls"] += 1
        usage["prompt_tokens"] += spent
        usage["completion_tokens"] += written
        if not called:
            return usage
        if not left:
            raise GeneratorError(f"generate: the model calls tools beyond the {calls} that `search` allows.")
        spent += written
        results = []
        for number, call in enumerate(called):
            room = budget - spent
            result = tools.run(call, finder, prompt.mark, budget=room, count=count) if number < left else tools.USED_UP
            spent += count(result)
            results.append(result)
        usage["tool_calls"] += min(left, len(called))
        left = max(0, left - len(called))
        messages += tools.as_messages("".join(received), called, results)


def _offer(left: int) -> Mapping[str, Any]:
    """The tools stay in the request, for the calls in it speak of them, but the last reply may call none."""
    return {"tools": tools.TOOLS, "tool_choice": "auto" if left else "none"}


def _note(pieces: Iterable[str], received: list[str]) -> Iterator[str]:
    for piece in pieces:
        received.append(piece)
        yield piece
