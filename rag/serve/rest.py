"""Questions over HTTP: ask, search, and what there is to ask."""

import asyncio
import time
from contextlib import closing
from pathlib import Path
from typing import Annotated

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

import rag
from rag.config import load
from rag.errors import IndexMissing, RagError
from rag.index.visible import count_documents
from rag.ingest.unfinished import describe_unfinished
from rag.llm.rewrite import Turn
from rag.pool import Pool
from rag.serve.audit import note_documents
from rag.serve.doors import Body, Door, read_body
from rag.serve.pools import Pools
from rag.serve.replies import answer_reply, hits_reply
from rag.serve.stream import EVENTS, last_event, stream_answer, unless_gone
from rag.serve.where import Condition, make_filter
from rag.types import Filter

LONGEST = 4000  # characters of a question
Text = Annotated[str, Field(min_length=1, max_length=LONGEST)]
Name = Annotated[str, Field(max_length=200)]
Count = Annotated[int, Field(ge=1, le=1000)]


class TurnBody(Body):
    """What was asked before, and what was answered."""

    question: Text
    answer: Annotated[str, Field(max_length=20_000)] = ""


class SearchRequest(Body):
    """`where`: fields with a value or several; `source`: patterns of file names."""

    query: Text
    index: Name | None = None
    pipeline: Name | None = None
    k: Count | None = None
    where: Annotated[dict[str, Condition], Field(max_length=100)] = Field({})
    source: Annotated[list[Name], Field(max_length=100)] = Field([])


class AskRequest(Body):
    """As a search; `history` is what was said before, oldest first."""

    question: Text
    index: Name | None = None
    pipeline: Name | None = None
    k: Count | None = None
    where: Annotated[dict[str, Condition], Field(max_length=100)] = Field({})
    source: Annotated[list[Name], Field(max_length=100)] = Field([])
    history: Annotated[list[TurnBody], Field(max_length=50)] = Field([])

    @property
    def turns(self) -> list[Turn]:
        """The history as conversations have it."""
        return [
            {"question": turn.question, "asked": turn.question, "text": turn.answer, "short": turn.answer}
            for turn in self.history
        ]


def pools_of(request: Request) -> Pools:
    """The pools of the server."""
    pools: Pools = request.app.state.pools
    return pools


def base_of(request: Request) -> str:
    """How this user reaches the server, for URLs."""
    return pools_of(request).settings.url.rstrip("/") or str(request.base_url).rstrip("/")


async def find_filter(request: Request, pool: Pool, body: SearchRequest | AskRequest) -> Filter | None:
    """The filter that a request asks for."""
    if not body.where and not body.source:
        return None
    within = request.state.principal.within
    return await pool.run_async(lambda pipeline: make_filter(pool.index, body.where, body.source, within))


async def ask(request: Request) -> Response:
    body = await read_body(request, AskRequest)
    pools, within = pools_of(request), request.state.principal.within
    index, _ = pools.index(body.index)
    pool = pools.pool(index, body.pipeline)
    filter = await find_filter(request, pool, body)
    began = time.monotonic()
    events = pool.stream_async(body.question, k=body.k, filter=filter, within=within, turns=body.turns)
    if EVENTS in request.headers.get("accept", ""):
        first = await unless_gone(request, anext(events))
        return await stream_answer(first, events, base=base_of(request), index=index, full=within is None)
    event, asked = await unless_gone(request, last_event(events))
    note_documents(request, (hit.chunk.doc_id for hit in event.data.hits))
    reply = answer_reply(event.data, time.monotonic() - began, base=base_of(request), index=index)
    return JSONResponse({**reply, "question": body.question, "asked": asked or body.question})


async def search(request: Request) -> Response:
    body = await read_body(request, SearchRequest)
    pools, within = pools_of(request), request.state.principal.within
    index, _ = pools.index(body.index)
    pool = pools.pool(index, body.pipeline)
    filter = await find_filter(request, pool, body)
    hits = await unless_gone(request, pool.search_async(body.query, k=body.k, filter=filter, within=within))
    note_documents(request, (hit.chunk.doc_id for hit in hits))
    return JSONResponse(hits_reply(hits, body.query, base=base_of(request), index=index))


async def indexes(request: Request) -> Response:
    return JSONResponse({"indexes": list(pools_of(request).indexes)})


async def status(request: Request) -> Response:
    """What is indexed, as far as its user may see it."""
    pools, within = pools_of(request), request.state.principal.within
    name, index = pools.index(request.query_params.get("index"))
    pool = pools.pool(name)
    with closing(index.read_manifest()) as manifest:
        counts = count_documents(manifest, within)
        pipeline = (
            Path(manifest.facts().get("pipeline", "")).name or None
        )  # where a file is, is the operator's business
    about = {"index": name, "pipeline": pipeline, **counts, "version": rag.__version__}
    if within is None:  # what else is told, changes with documents that others may not see
        about |= {"generation": pool.generation, "waiting": pool.pending, "problem": pool.problem}
        about["unfinished"] = describe_unfinished(index, place=False)
    return JSONResponse(about)


async def pipelines(request: Request) -> Response:
    """The pipelines that a question to an index may name, with what each is for."""
    name, _ = pools_of(request).index(request.query_params.get("index"))
    named = await asyncio.to_thread(pools_of(request).pipelines, name)
    return JSONResponse(
        {
            "pipelines": [
                {"name": name, "description": load(place).settings.description} for name, place in named.items()
            ]
        }
    )


async def health(request: Request) -> Response:
    return JSONResponse({"status": "ok"})


async def ready(request: Request) -> Response:
    """Whether every index can be asked; one that does not exist yet can be filled."""
    problems = {}
    for name in pools_of(request).indexes:
        try:
            await asyncio.to_thread(pools_of(request).pool(name).warm)
        except IndexMissing:
            pass
        except RagError as error:
            problems[name] = type(error).__name__
    return JSONResponse(
        {"status": "not ready" if problems else "ready", "problems": problems}, 503 if problems else 200
    )


DOORS = (
    Door("POST", "/v1/ask", ask, "Answer a question with checked citations.", AskRequest),
    Door("POST", "/v1/search", search, "The passages that an answer would be made from.", SearchRequest),
    Door("GET", "/v1/indexes", indexes, "The names of the indexes."),
    Door("GET", "/v1/status", status, "What is indexed; ?index=NAME."),
    Door("GET", "/v1/pipelines", pipelines, "The pipelines that a question may name; ?index=NAME."),
    Door("GET", "/health", health, "Whether the server runs.", role=None),
    Door("GET", "/ready", ready, "Whether every index can be asked.", role=None),
)
