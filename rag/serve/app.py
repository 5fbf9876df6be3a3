"""The application: tables of doors and of middlewares, and what lives as long as the server."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TypeAlias

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from rag.errors import ConfigError, RagError
from rag.index.folder import Index
from rag.serve import completions, documents, explain, jobs, metrics, pages, rest, static
from rag.serve.access import LOCAL, KnowPrincipal, is_local
from rag.serve.assistants import http_side
from rag.serve.audit import Audit
from rag.serve.doors import Door, Guarded, describe
from rag.serve.jobs import Jobs
from rag.serve.limits import CheckOrigin, LimitBodies, LimitRates
from rag.serve.observe import Observe
from rag.serve.pools import Pools
from rag.serve.replies import reply_error
from rag.serve.settings import ServerSettings
from rag.serve.spans import Spans
from rag.serve.tokens import NAME, TokenFile
from rag.serve.watching import find_roots, watch_folders

Companion: TypeAlias = Callable[[Pools], AbstractAsyncContextManager[object]]


def middlewares(settings: ServerSettings) -> list[Middleware]:
    """What every request goes through, outermost first. Raises ConfigError."""
    tokens = TokenFile(Path(settings.tokens or Index.at(next(iter(settings.indexes.values()))).path / NAME))
    if not is_local(settings.host) and not tokens.read():
        raise ConfigError(
            f"host: {settings.host}: others would reach this server, and there are no tokens in {tokens.path}. Make "
            "some by `rag token make NAME`, or leave the host out: then only this machine reaches it."
        )
    return [
        *([Middleware(Audit, Path(settings.audit))] if settings.audit else []),
        Middleware(LimitBodies, settings),
        Middleware(CheckOrigin, settings),
        Middleware(KnowPrincipal, tokens),
        Middleware(LimitRates, settings),
    ]


async def openapi(request: Request) -> Response:
    """What all doors take."""
    tokens = request.state.principal is not LOCAL
    return JSONResponse(describe(DOORS, url=rest.base_of(request), tokens=tokens))


DOORS: tuple[Door, ...] = (
    *static.DOORS,
    *rest.DOORS,
    *explain.DOORS,
    *pages.DOORS,  # their paths end behind an id, which may be any path
    *documents.DOORS,
    *jobs.DOORS,
    *completions.DOORS,
    *metrics.DOORS,
    Door("GET", "/openapi.json", openapi, "This document.", role=None),
)


def make_app(settings: ServerSettings, *companions: Companion) -> Starlette:
    """The server as an ASGI application; `state.pools` are its pools. Raises ConfigError.

    `companions` are entered with the pools when it starts, and left before those are closed.
    """
    pools = Pools(settings)
    find_roots(pools)  # raises
    assistants = http_side(pools)
    figures, spans = metrics.Metrics(pools), Spans(settings.traces) if settings.traces else None
    pools.listeners += [figures.count_question, *([spans.question] if spans else [])]
    observe = Middleware(Observe, pools=pools, metrics=figures, spans=spans)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        try:
            async with AsyncExitStack() as stack:
                await stack.enter_async_context(assistants.run())
                warming = asyncio.create_task(asyncio.to_thread(pools.warm))
                for companion in (watch_folders, *companions):
                    await stack.enter_async_context(companion(pools))
                yield
            await warming
        finally:
            await app.state.jobs.close()
            pools.close()
            if spans:
                spans.close()

    app = Starlette(
        routes=[*(door.route() for door in DOORS), Route("/mcp", Guarded(assistants.handle_request))],
        middleware=[observe, *middlewares(settings)],
        exception_handlers={HTTPException: reply_error, RagError: reply_error, Exception: reply_error},
        lifespan=lifespan,
    )
    app.state.pools = pools
    app.state.metrics = figures
    app.state.jobs = Jobs(pools)
    app.state.settings = settings
    return app
