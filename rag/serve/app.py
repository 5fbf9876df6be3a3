"""The application: tables of doors and of middlewares, and what lives as long as the server."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from rag.errors import RagError
from rag.serve import completions, documents, jobs, rest
from rag.serve.access import KnowPrincipal
from rag.serve.assistants import http_side
from rag.serve.doors import Door, Guarded, describe
from rag.serve.jobs import Jobs
from rag.serve.pools import Pools
from rag.serve.replies import reply_error
from rag.serve.settings import ServerSettings

MIDDLEWARES = (Middleware(KnowPrincipal),)  # outermost first


async def openapi(request: Request) -> Response:
    """What all doors take."""
    return JSONResponse(describe(DOORS, url=rest.base_of(request)))


DOORS: tuple[Door, ...] = (
    *rest.DOORS,
    *documents.DOORS,
    *jobs.DOORS,
    *completions.DOORS,
    Door("GET", "/openapi.json", openapi, "This document.", role=None),
)


def make_app(settings: ServerSettings) -> Starlette:
    """The server as an ASGI application; `state.pools` are its pools. Raises ConfigError."""
    pools = Pools(settings)

    assistants = http_side(pools)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        try:
            async with assistants.run():
                yield
        finally:
            await app.state.jobs.close()
            pools.close()

    app = Starlette(
        routes=[*(door.route() for door in DOORS), Route("/mcp", Guarded(assistants.handle_request))],
        middleware=MIDDLEWARES,
        exception_handlers={HTTPException: reply_error, RagError: reply_error, Exception: reply_error},
        lifespan=lifespan,
    )
    app.state.pools = pools
    app.state.jobs = Jobs(pools)
    app.state.settings = settings
    return app
