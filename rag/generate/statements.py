"""An answer in JSON, for servers that hold a model to a schema: statements, each with the passages it rests on.

The reply becomes sentences with markers, which are verified like any other. A reply that is no such JSON stays as it
is: a server may not know the schema.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from rag.llm.prompts import answer_task, read_reply

_EXAMPLE = '{"statements": [{"text": "Its architect was born in Oslo.", "passages": [1, 3]}]}'
TASK = answer_task(
    f"Write them as JSON, each with the numbers of the passages it rests on, like this: {_EXAMPLE}",
    '{"statements": []}',
    "Answer from the passages above, in JSON:",
)
_STATEMENT = {
    "type": "object",
    "properties": {"text": {"type": "string"}, "passages": {"type": "array", "items": {"type": "integer"}}},
    "required": ["text", "passages"],
    "additionalProperties": False,
}
_SCHEMA = {
    "type": "object",
    "properties": {"statements": {"type": "array", "items": _STATEMENT}},
    "required": ["statements"],
    "additionalProperties": False,
}
FORMAT: dict[str, Any] = {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": _SCHEMA}}


def read(pieces: Iterable[str]) -> Iterator[str]:
    """A reply in JSON as a generator may stream it, when it is whole."""
    return read_reply([add_markers("".join(read_reply(pieces)))])


def add_markers(reply: str) -> str:
    """The statements of a reply as lines that end in their markers; a reply that holds none in JSON, as it is."""
    try:
        data = json.loads(reply[reply.index("{") : reply.rindex("}") + 1])  # some models fence it
        statements = [(str(one["text"]).strip(), one["passages"]) for one in data["statements"]]
    except (ValueError, KeyError, TypeError):
        return reply
    return "\n".join(text + _markers(passages) for text, passages in statements if text)


def _markers(passages: Any) -> str:
    numbers = [n for n in passages if type(n) is int] if isinstance(passages, list) else []
    return " " * bool(numbers) + "".join(f"[{n}]" for n in numbers)
