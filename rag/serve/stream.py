"""An answer as server-sent events: steps and statements as they come, the whole answer last."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable
from contextlib import aclosing
from typing import Any, TypeVar

from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.requests import Request

from rag.pipeline import Event
from rag.serve.replies import Refusal, answer_reply, explain

T = TypeVar("T")
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


async def unless_gone(request: Request, work: Awaitable[T]) -> T:
    """What the work gives. Where the client goes away, the work is cancelled, and Refusal raised for nobody."""

    async def leave() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    working, leaving = asyncio.ensure_future(work), asyncio.create_task(leave())
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise Refusal(499, "The client went away.")
    finally:
        working.cancel()
        leaving.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def last_event(events: AsyncIterator[Event]) -> tuple[Event, str]:
    """The last event, and the question as it stands alone; "" where it did from the start."""
    asked = ""
    async for event in events:
        asked = event.data if event.kind == "asked" else asked
    return event, asked


async def stream_answer(
    first: Event, events: AsyncGenerator[Event], *, base: str, index: str, full: bool
) -> EventSourceResponse:
    """The response. What is wrong before the `first` event is an error of the request; `full` as of `explain`."""
    began = time.monotonic()

    async def send() -> AsyncIterator[ServerSentEvent]:
        try:
            async with aclosing(events):
                yield _sent(*event_data(first))
                async for event in events:
                    if event.kind == "answer":
                        seconds = time.monotonic() - began
                        yield _sent("answer", answer_reply(event.data, seconds, base=base, index=index))
                    else:
                        yield _sent(*event_data(event))
        except Exception as error:
            yield _sent("error", explain(error, full=full)[1])

    return EventSourceResponse(send(), ping=PING)


def _sent(name: str, data: Any) -> ServerSentEvent:
    return ServerSentEvent(json.dumps(data, default=str), event=name)
