"""What is noted of every request: a line in the log, figures, a span; and that none begins while the server stops."""

import re
import time
import uuid
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag.serve.logs import note
from rag.serve.metrics import Metrics
from rag.serve.replies import error_data
from rag.serve.spans import Spans

if TYPE_CHECKING:
    from rag.serve.pools import Pools

AGAIN = 5  # seconds after which to ask the next server
_ALWAYS = ("/health", "/metrics")  # answered while the server stops
_ID = re.compile(r"[\w.-]{1,64}", re.ASCII)


class Observe:
    """The outermost middleware. A request has an id, its own X-Request-ID or a new one, which the response carries."""

    def __init__(self, app: ASGIApp, *, pools: "Pools", metrics: Metrics, spans: Spans | None) -> None:
        self._app, self._pools, self._metrics, self._spans = app, pools, metrics, spans

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        began, headers, drain = time.monotonic(), Headers(scope=scope), self._pools.drain
        given = headers.get("x-request-id", "")
        id, status = given if _ID.fullmatch(given) else uuid.uuid4().hex, 500

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["x-request-id"] = id
            await send(message)

        refused = drain.stopping and scope["path"] not in _ALWAYS
        with ExitStack() as stack:
            told = stack.enter_context(self._spans.request(scope["method"], headers)) if self._spans else {}
            if not refused and scope["method"] != "GET":  # streams of events are GET
                stack.enter_context(drain.hold())
            try:
                await (_refusal() if refused else self._app)(scope, receive, noted)
            finally:
                told |= {"door": _door(scope), "status": status}
                self._note(scope, told["door"], status, time.monotonic() - began, id)

    def _note(self, scope: Scope, door: str, status: int, seconds: float, id: str) -> None:
        self._metrics.count_request(scope["method"], door, status, seconds)
        about: dict[str, Any] = {"method": scope["method"], "path": scope["path"], "status": status}
        user = getattr(scope.get("state", {}).get("principal"), "name", "")
        note("request", **about, seconds=round(seconds, 3), id=id, user=user)


def _door(scope: Scope) -> str:
    """The path of a door as its table has it; "-" for none."""
    routes = getattr(scope.get("app"), "routes", [])
    endpoint = scope.get("endpoint")
    return next((route.path for route in routes if endpoint and route.endpoint is endpoint), "-")


def _refusal() -> JSONResponse:
    body = error_data("stopping", "The server is stopping.", f"Ask again in {AGAIN} seconds.")
    return JSONResponse(body, 503, {"Retry-After": str(AGAIN), "Connection": "close"})
