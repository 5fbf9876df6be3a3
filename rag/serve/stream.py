"""An answer as server-sent events: steps and statements as they come, the whole answer last."""

import json
import time
from collections.abc import AsyncIterator
from typing import Any

from sse_starlette import EventSourceResponse, ServerSentEvent

from rag.pipeline import Event
from rag.serve.replies import answer_reply, explain

EVENTS = "text/event-stream"
PING = 15  # seconds without an event until a comment shows that the server is there


def event_data(event: Event) -> tuple[str, Any]:
    """The name and the data of an event that is not the answer."""
    name, data = {
        "step": ("step", {**event.data, "name": event.data["step"]} if event.kind == "step" else None),
        "text": ("statement", {"text": event.data}),
        "asked": ("asked", {"question": event.data}),
    }[event.kind]
    return name, data


async def stream_answer(events: AsyncIterator[Event], *, base: str, index: str) -> EventSourceResponse:
    """The response; what is wrong before the first event is an error of the request itself."""
    began = time.monotonic()
    first = await anext(events)

    async def send() -> AsyncIterator[ServerSentEvent]:
        try:
            yield _sent(*event_data(first))
            async for event in events:
                if event.kind == "answer":
                    seconds = time.monotonic() - began
                    yield _sent("answer", answer_reply(event.data, seconds, base=base, index=index))
                else:
                    yield _sent(*event_data(event))
        except Exception as error:
            yield _sent("error", explain(error)[1])

    return EventSourceResponse(send(), ping=PING)


def _sent(name: str, data: Any) -> ServerSentEvent:
    return ServerSentEvent(json.dumps(data, default=str), event=name)
