"""The door of OpenAI-compatible chat front ends: each index is a model, and citations are annotations.

The last message is the question, those before it are its conversation. What is not about that (temperature, tools,
system messages) changes nothing: the answer is the documents'. Behind the answer stand its sources with their URLs,
for front ends that show no annotations.
"""

import asyncio
import json
import re
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any

from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from rag.pipeline import Event
from rag.serve.completion_request import CompletionRequest
from rag.serve.doors import Door, read_body
from rag.serve.replies import Refusal, document_url, explain
from rag.serve.rest import base_of, pools_of
from rag.serve.stream import PING, last_event, unless_gone
from rag.types import Answer

_MARKER = re.compile(r"\[(\d+)\]")
NOTHING = "The documents do not say it."


async def complete(request: Request) -> Response:
    body = await read_body(request, CompletionRequest)
    index, _, pipeline = body.model.partition("/")
    pools, within = pools_of(request), request.state.principal.within
    if index not in pools.indexes or (pipeline and pipeline not in await asyncio.to_thread(pools.pipelines, index)):
        raise Refusal(404, f"There is no model {body.model[:100]!r}.", "GET /v1/models lists them.")
    pool = pools.pool(index, pipeline or None)
    events = pool.stream_async(body.question, within=within, turns=body.turns)
    head = {"id": f"chatcmpl-{uuid.uuid4().hex}", "created": int(time.time()), "model": body.model}
    base = base_of(request)
    if body.stream:
        first = await unless_gone(request, anext(events))
        usage = bool(body.stream_options and body.stream_options.include_usage)
        return EventSourceResponse(
            _chunks(first, events, head, base, index, usage=usage, full=within is None), ping=PING, sep="\n"
        )
    last, _ = await unless_gone(request, last_event(events))
    content, annotations = _compose(last.data, base, index)
    message = {"role": "assistant", "content": content, "refusal": None, "annotations": annotations}
    choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
    return JSONResponse({**head, "object": "chat.completion", "choices": [choice], "usage": _usage(last.data)})


async def _chunks(
    first: Event, events: AsyncGenerator[Event], head: dict[str, Any], base: str, index: str, *, usage: bool, full: bool
) -> AsyncIterator[ServerSentEvent]:
    """The chunks of a stream; annotations come with the last one that says something."""

    def chunk(delta: dict[str, Any], reason: str | None = None) -> ServerSentEvent:
        choices = [{"index": 0, "delta": delta, "finish_reason": reason, "logprobs": None}]
        return _sent({**head, "object": "chat.completion.chunk", "choices": choices})

    said = ""
    try:
        async with aclosing(events):
            yield chunk({"role": "assistant", "content": ""})
            event = first
            while event.kind != "answer":
                if event.kind == "text":
                    said += event.data
                    yield chunk({"content": event.data})
                event = await anext(events)
        content, annotations = _compose(event.data, base, index)
        yield chunk({"content": content.removeprefix(said), "annotations": annotations})
        yield chunk({}, "stop")
        if usage:
            yield _sent({**head, "object": "chat.completion.chunk", "choices": [], "usage": _usage(event.data)})
    except Exception as error:
        yield _sent(explain(error, full=full)[1])
    yield ServerSentEvent("[DONE]")


def _sent(data: Any) -> ServerSentEvent:
    return ServerSentEvent(json.dumps(data))


def _compose(answer: Answer, base: str, index: str) -> tuple[str, list[dict[str, Any]]]:
    """What is said, and an annotation for each marker in it."""
    documents = {hit.chunk.id: hit.chunk for hit in answer.hits}
    if not answer.text:
        closest = "".join(f"\n- {hit.chunk.address()}" for hit in answer.hits[:3])
        return f"{NOTHING}{' Closest to the question:' + closest if closest else ''}", []
    places: dict[int, tuple[str, str]] = {}
    for one in answer.citations:
        url = document_url(base, index, documents[one.chunk_id].doc_id, start=one.start, end=one.end)
        places.setdefault(one.marker, (one.address, url))
    sources = "".join(f"\n[{marker}] {address}: {url}" for marker, (address, url) in sorted(places.items()))
    annotations = [
        {
            "type": "url_citation",
            "url_citation": {"start_index": found.start(), "end_index": found.end(), "title": title, "url": url},
        }
        for found in _MARKER.finditer(answer.text)
        for title, url in [places.get(int(found[1]), ("", ""))]
        if url
    ]
    return f"{answer.text}\n\nSources:{sources}", annotations


def _usage(answer: Answer) -> dict[str, int]:
    """Tokens of the language model, where there is one."""
    prompt, completion = (int(answer.usage.get(name, 0)) for name in ("prompt_tokens", "completion_tokens"))
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


async def models(request: Request) -> Response:
    """Each index, and each index with a pipeline that a question may name."""
    pools = pools_of(request)
    names = [
        name + end
        for name in pools.indexes
        for end in ("", *(f"/{pipeline}" for pipeline in await asyncio.to_thread(pools.pipelines, name)))
    ]
    return JSONResponse(
        {
            "object": "list",
            "data": [{"id": name, "object": "model", "created": 0, "owned_by": "raghop"} for name in names],
        }
    )


DOORS = (
    Door("POST", "/v1/chat/completions", complete, "As OpenAI's chat completions.", CompletionRequest),
    Door("GET", "/v1/models", models, "The models of /v1/chat/completions: indexes."),
)
