"""The audit log: who used which door when, and which documents they were shown. No text of documents or questions.

A line of JSON for each request, in ASCII, so that nothing in it can command a terminal. The file is its owner's; four
older ones of the same size are kept beside it.
"""

import json
import logging
import os
from collections.abc import Iterable
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from time import monotonic
from typing import Any

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag.index.entries import open_private
from rag.serve.access import Principal

SIZE, KEPT = 16 << 20, 4  # bytes of a file, older files
LONGEST = 200  # characters of a path
MOST = 100  # ids of documents in a line
QUIET = ("/health", "/ready", "/metrics", "/page/")


class _PrivateFile(RotatingFileHandler):
    def _open(self) -> Any:
        return open(self.baseFilename, "a", encoding="ascii", opener=open_private)


def open_log(path: Path) -> logging.Handler:
    """The log in this file, made with its folder where there is none. Raises OSError."""
    os.makedirs(path.parent, exist_ok=True)
    handler = _PrivateFile(path, maxBytes=SIZE, backupCount=KEPT)
    handler.setFormatter(logging.Formatter("%(message)s"))
    return handler


def note_documents(request: Request, ids: Iterable[str]) -> None:
    """Add documents to the line of this request."""
    request.state.shown = list(dict.fromkeys([*getattr(request.state, "shown", ()), *ids]))[:MOST]


class Audit:
    """Writes the line of every request but those that only look whether the server runs."""

    def __init__(self, app: ASGIApp, path: Path) -> None:
        self.app, self._log = app, open_log(path)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            try:
                await self.app(scope, receive, send)
            finally:
                self._log.close()
            return
        if scope["type"] != "http" or scope["path"].startswith(QUIET):
            await self.app(scope, receive, send)
            return
        began, status = monotonic(), 0

        async def watch(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await self.app(scope, receive, watch)
        finally:
            state = scope.get("state", {})
            principal: Principal | None = state.get("principal")
            row = {
                "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
                "who": principal.name if principal else None,
                "role": principal.role if principal else None,
                "address": (scope.get("client") or (None,))[0],
                "method": scope["method"][:10],
                "path": scope["path"][:LONGEST],
                "status": status or 499,  # the client went away first
                "seconds": round(monotonic() - began, 3),
                "documents": state.get("shown", []),
            }
            line = json.dumps(row)
            self._log.emit(logging.LogRecord("audit", logging.INFO, "", 0, "%s", (line,), None))
