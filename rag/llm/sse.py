"""What a chat-completions endpoint sends, from bytes to pieces of text: an event stream, or one JSON object.

Events are read line by line and lines are decoded whole, so a character cut between two blocks is no matter; comments
and other fields than `data:` are skipped. Everything an endpoint can get wrong is a ValueError that says what came.
What it does not do: HTTP; events whose data spans several lines (no endpoint sends them).
Formats: the WHATWG HTML standard, section 9.2 (event streams); OpenAI's chat completions.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

MOST_CALLS = 64  # of tools in one reply
LARGEST = 1_000_000  # bytes of a line or an object; a server that never ends one must not fill the memory


@dataclass(slots=True)
class ToolCall:
    """A tool that the model calls: the call's `id`, the tool's name and its arguments, which should be JSON."""

    id: str = ""
    name: str = ""
    arguments: str = ""


def pieces(content_type: str, blocks: Iterable[bytes], calls: list[ToolCall] | None = None) -> Iterator[str]:
    """The answer's text, piece by piece, without the empty ones; what it calls is added to `calls`.

    Raises ValueError, also for an answer cut short, and for a tool call where there is no `calls`.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in _FORMATS:
        raise ValueError(f"content type {kind!r} is neither an event stream nor JSON")
    reason = ""
    for event in _FORMATS[kind](blocks):
        if "error" in event:
            raise ValueError(f"it failed: {error_message(event)}")
        for choice in _field(event, "choices", list)[:1]:
            message = _field(choice, "delta", dict) or _field(choice, "message", dict)
            called = _field(message, "tool_calls", list)
            if called and calls is not None:
                _add_calls(calls, called)
            elif called or message.get("function_call"):
                raise ValueError("it calls a tool, though none was offered; try another model")
            reason = _field(choice, "finish_reason", str) or reason
            if content := _field(message, "content", str):
                yield content
        reason = reason or ("stop" if event is DONE else "")
    if not reason:
        raise ValueError("it breaks off in the middle")


def error_message(payload: dict[str, Any]) -> str:
    """The message of an error object, on one line, at most 300 characters."""
    error = payload.get("error", payload)
    message = error.get("message", error) if isinstance(error, dict) else error
    return " ".join(str(message).split())[:300]


def parse(data: bytes) -> dict[str, Any]:
    """One JSON object. Raises ValueError showing the start of what it is not."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise ValueError(f"not a JSON object: {_start(data)}")
    return found


def read_body(blocks: Iterable[bytes]) -> bytes:
    """The blocks as one. Raises ValueError where they are too many."""
    body = b""
    for block in blocks:
        body += block
        if len(body) > LARGEST:
            raise ValueError(f"more than {LARGEST:,} bytes")
    return body


DONE: dict[str, Any] = {}


def _events(blocks: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """The object of each `data:` line; `[DONE]` gives DONE and ends it."""
    for line in _lines(blocks):
        name, _, value = line.partition(b":")
        if name.strip() == b"data":
            if value.strip() == b"[DONE]":
                yield DONE
                return
            yield parse(value)
        elif name.strip() not in (b"", b"event", b"id", b"retry"):
            raise ValueError(f"not an event stream: {_start(line)}")


def _lines(blocks: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for block in blocks:
        *lines, rest = (rest + block).split(b"\n")
        yield from lines
        if len(rest) > LARGEST:
            raise ValueError(f"a line of more than {LARGEST:,} bytes")
    yield rest


def _object(blocks: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    yield parse(read_body(blocks))


def _add_calls(calls: list[ToolCall], parts: list[Any]) -> None:
    """Parts of calls as a stream has them: each names its call by `index`, and a call's arguments come in pieces."""
    for number, part in enumerate(parts):
        index = part.get("index", number) if isinstance(part, dict) else -1
        if type(index) is not int or not 0 <= index <= len(calls) < MOST_CALLS:
            raise ValueError(f"it calls tools in a way that cannot be read: {_start(json.dumps(part).encode())}")
        if index == len(calls):
            calls.append(ToolCall())
        function = _field(part, "function", dict)
        calls[index].id = calls[index].id or _field(part, "id", str)
        calls[index].name = calls[index].name or _field(function, "name", str)
        calls[index].arguments += _field(function, "arguments", str)


_FORMATS = {"text/event-stream": _events, "application/json": _object}


def _field(holder: Any, name: str, kind: type[Any]) -> Any:
    """A field that may be missing or null, else must be of its kind."""
    value = holder.get(name) if isinstance(holder, dict) else holder
    if value is None:
        return kind()
    if not isinstance(value, kind):
        raise ValueError(f"{name} is not a {kind.__name__}: {_start(json.dumps(value).encode())}")
    return value


def _start(data: bytes) -> str:
    return repr(data.strip()[:80].decode("utf-8", "replace"))
