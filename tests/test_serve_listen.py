"""Where a server listens, what it cannot serve, and how it is ended."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.applications import Starlette
from typer.testing import CliRunner

from rag.cli import app
from rag.errors import ConfigError, InputError, RagError
from rag.serve.drain import Drain
from rag.serve.pools import Pools
from rag.serve.running import Server, listen
from rag.serve.settings import settings_of


def test_a_port_in_use_and_an_address_of_others_are_named_with_what_to_do() -> None:
    with listen("127.0.0.1", 0) as place:
        port = place.getsockname()[1]
        with pytest.raises(InputError, match=rf"127.0.0.1:{port}: .*in use.*--port"):
            listen("127.0.0.1", port)
    with pytest.raises(InputError, match=r"192\.0\.2\.1:8765"):
        listen("192.0.2.1", 8765)


def test_an_address_of_the_newer_protocol_is_taken() -> None:
    if not socket.has_dualstack_ipv6():
        pytest.skip("this machine has no IPv6")
    with listen("::1", 0) as place:
        assert place.family == socket.AF_INET6


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["none.toml"], "settings are a .toml or .yaml file"),
        (["."], "say `rag serve --index .`"),
        (["--index", "nothere"], "Name one that `rag ingest` was run in"),
        (["empty.toml"], "empty.toml: indexes: should have at least 1 item, not {}"),
    ],
)
def test_what_cannot_be_served_is_named_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], hint: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.toml").write_text("[indexes]\n")
    for command in ("serve", "mcp"):
        raised = CliRunner().invoke(app, [command, *words]).exception
        assert isinstance(raised, RagError) and raised.exit_code == 2 and hint in str(raised)


def test_a_second_signal_ends_it_at_once_and_logs_no_traces(caplog: pytest.LogCaptureFixture) -> None:
    drain, begun = Drain(), threading.Event()

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        begun.set()
        yield

    site = Starlette(lifespan=lifespan)
    site.state.pools = SimpleNamespace(drain=drain)
    with listen("127.0.0.1", 0) as place, drain.hold(), caplog.at_level(logging.INFO):
        server = Server(site, host="127.0.0.1", port=place.getsockname()[1], grace=3600)
        thread = threading.Thread(target=lambda: asyncio.run(server.serve([place])))
        thread.start()
        try:
            assert begun.wait(30)
            server.handle_exit(signal.SIGTERM, None)
            assert not server.should_exit
            server.handle_exit(signal.SIGINT, None)
            thread.join(30)
            assert not thread.is_alive()
        finally:
            server.should_exit = server.force_exit = True
            logging.getLogger("uvicorn.error").disabled = False
    [entry] = [record for record in caplog.records if record.getMessage() == "ended at once"]
    assert entry.__dict__["fields"] == {"unfinished": 1}
    assert "Traceback" not in caplog.text and "Cancelled" not in caplog.text


@pytest.mark.parametrize("given", [{"pipeline": "defualt"}, {"pipelines": ["fast", "defualt"]}])
def test_a_pipeline_that_is_not_there_is_named_before_anything_is_served(tmp_path: Path, given: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="Did you mean default"):
        Pools(settings_of({"indexes": {"notes": str(tmp_path)}, **given}))
