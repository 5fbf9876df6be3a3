"""A real HTTP server on this machine that speaks chat completions as a test's script says, well or badly."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from rag.llm import post

SSE = "text/event-stream; charset=utf-8"
Script = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """Plays the server's next script; the last one is played again and again."""

    server: Server

    def do_POST(self) -> None:
        self.body: dict[str, Any] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.seen.append(self)
        scripts = self.server.scripts
        try:
            (scripts.pop(0) if len(scripts) > 1 else scripts[0])(self)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the client has gone, as it should
        self.close_connection = True

    def begin(self, status: int = 200, kind: str = SSE, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def say(self, *events: Any) -> None:
        for event in events:
            self.write(f"data: {event if isinstance(event, str) else json.dumps(event)}\n\n".encode())

    def write(self, data: bytes) -> None:
        self.wfile.write(data)
        self.wfile.flush()

    def hang(self) -> None:
        """Say nothing more until the test is over."""
        self.server.over.wait()

    def log_message(self, format: str, *args: Any) -> None:
        pass


class Server(ThreadingHTTPServer):
    """`scripts` are played in turn; `seen` are the requests that came."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.scripts: list[Script] = []
        self.seen: list[Handler] = []
        self.over = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


@contextmanager
def serving(*scripts: Script) -> Iterator[Server]:
    """A server that plays these and runs until the block ends."""
    with Server() as server:
        server.scripts = list(scripts)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.over.set()
            server.shutdown()
            thread.join()


def hurry(patch: pytest.MonkeyPatch) -> None:
    """Without keys of the environment, and with short pauses between tries."""
    for name in ("OPENAI_API_KEY", "COHERE_API_KEY"):
        patch.delenv(name, raising=False)
    patch.setattr(post, "FIRST_PAUSE", 0.01)


def reply(data: Any) -> Script:
    """JSON."""
    return raw(json.dumps(data).encode(), "application/json")


def delta(content: Any = None, reason: str | None = None, **more: Any) -> dict[str, Any]:
    """One event of a stream."""
    return {"choices": [{"delta": {"content": content, **more}, "finish_reason": reason}]}


def status(code: int, message: str = "no", **headers: str) -> Script:
    """An error with its message."""

    def play(handler: Handler) -> None:
        handler.begin(code, "application/json", **headers)
        handler.write(json.dumps({"error": {"message": message}}).encode())

    return play


def stream(*events: Any) -> Script:
    """Events, objects or text, and the end of the connection."""

    def play(handler: Handler) -> None:
        handler.begin()
        handler.say(*events)

    return play


def raw(body: bytes, kind: str = SSE, code: int = 200, **headers: str) -> Script:
    """These bytes as the body."""

    def play(handler: Handler) -> None:
        handler.begin(code, kind, **headers)
        handler.write(body)

    return play
