"""What a chat-completions endpoint sends, from bytes to pieces of text: an event stream, or one JSON object.

Events are read line by line and lines are decoded whole, so a character cut between two blocks is no matter; comments
and other fields than `data:` are skipped. Everything an endpoint can get wrong is a ValueError that says what came.
What it does not do: HTTP; events whose data spans several lines (no endpoint sends them).
Formats: the WHATWG HTML standard, section 9.2 (event streams); OpenAI's chat completions.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any

LARGEST = 1_000_000  # bytes of a line or an object; a server that never ends one must not fill the memory


def pieces(content_type: str, blocks: Iterable[bytes]) -> Iterator[str]:
    """The answer's text, piece by piece, without the empty ones. Raises ValueError, also for an answer cut short."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in _FORMATS:
        raise ValueError(f"content type {kind!r} is neither an event stream nor JSON")
    reason = ""
    for event in _FORMATS[kind](blocks):
        if "error" in event:
            raise ValueError(f"it failed: {error_message(event)}")
        for choice in _field(event, "choices", list)[:1]:
            message = _field(choice, "delta", dict) or _field(choice, "message", dict)
            if message.get("tool_calls") or message.get("function_call"):
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
    body = b""
    for block in blocks:
        body += block
        if len(body) > LARGEST:
            raise ValueError(f"more than {LARGEST:,} bytes")
    yield parse(body)


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
