"""How a question found what it found: the hop tree, and where a document or passage was lost."""

import time
from typing import Annotated

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from rag.explain import explanation_data, tree_data
from rag.serve.doors import Body, Door, read_body
from rag.serve.rest import Count, Name, SearchRequest, Text, find_filter, pools_of


class ExplainRequest(Body):
    """What was looked for: a file by its name, a pattern or a document's id; or a passage by its id or words of it."""

    question: Text
    source: Annotated[str, Field(max_length=1000)] = ""
    passage: Annotated[str, Field(max_length=2000)] = ""
    index: Name | None = None
    pipeline: Name | None = None
    k: Count | None = None


async def explain(request: Request) -> Response:
    body = await read_body(request, ExplainRequest)
    pool, within = pools_of(request).pool(body.index, body.pipeline), request.state.principal.within
    began = time.monotonic()
    found = await pool.run_async(
        lambda pipeline: pipeline.explain(
            body.question, source=body.source, passage=body.passage, k=body.k, within=within
        )
    )
    return JSONResponse(explanation_data(found, time.monotonic() - began))


async def tree(request: Request) -> Response:
    """The passages that are read and those that led to them."""
    body = await read_body(request, SearchRequest)
    pool, within = pools_of(request).pool(body.index, body.pipeline), request.state.principal.within
    filter = await find_filter(request, pool, body)
    hits, found = await pool.run_async(
        lambda pipeline: pipeline.explore(body.query, k=body.k, filter=filter, within=within)
    )
    return JSONResponse(tree_data(body.query, hits, found))


DOORS = (
    Door("POST", "/v1/explain", explain, "Where a document or passage stands at each stage.", ExplainRequest),
    Door("POST", "/v1/tree", tree, "The hop tree: what led to what, and by which keys.", SearchRequest),
)
