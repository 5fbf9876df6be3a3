"""`--llm auto`: what is found on this computer's ports, and which model is taken."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from rag.cli import app
from rag.cli.options import name_model
from rag.errors import ConfigError, GeneratorError
from rag.llm import local
from rag.llm.local import LocalServer, choose, find_servers
from tests.scripted import delta, serving, stream

Reply = Callable[[BaseHTTPRequestHandler], None]


@contextmanager
def listening(reply: Reply) -> Iterator[int]:
    """A server on this machine whose GETs are answered so; its port."""
    over = threading.Event()

    class Lister(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.server.seen.append((self.path, self.headers.get("Authorization")))  # type: ignore[attr-defined]
            self.over = over
            try:
                reply(self)
            except OSError:
                pass  # the client has gone

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Lister) as server:
        server.seen = []  # type: ignore[attr-defined]
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_port
            assert {seen[0] for seen in server.seen} <= {"/v1/models"}  # type: ignore[attr-defined]
            assert not any(seen[1] for seen in server.seen)  # type: ignore[attr-defined]
        finally:
            over.set()
            server.shutdown()
            thread.join()


def lists(*models: Any, code: int = 200) -> Reply:
    def play(handler: BaseHTTPRequestHandler) -> None:
        body = json.dumps({"object": "list", "data": [{"id": name} for name in models]}).encode()
        handler.send_response(code)
        handler.send_header("Content-Type", "application/json")
        handler.end_headers()
        handler.wfile.write(body)

    return play


def bytes_of(body: bytes) -> Reply:
    def play(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.0 200 OK\r\n\r\n" + body)

    return play


def drip(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.0 200 OK\r\n\r\n")
    while not handler.over.wait(0.02):  # type: ignore[attr-defined]
        handler.wfile.write(b" ")


def closed_port() -> int:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return int(unused.getsockname()[1])


def test_servers_are_found_in_the_order_of_their_ports() -> None:
    with listening(lists("qwen3:4b", "llama3")) as one, listening(lists("smol")) as two:
        found = find_servers({one: "Ollama", closed_port(): "vLLM", two: "llama.cpp"})
    assert found == [
        LocalServer("Ollama", f"http://127.0.0.1:{one}/v1", ("qwen3:4b", "llama3")),
        LocalServer("llama.cpp", f"http://127.0.0.1:{two}/v1", ("smol",)),
    ]


@pytest.mark.parametrize(
    "reply",
    [
        lists(),
        bytes_of(b"<html>another program</html>"),
        bytes_of(b'{"data": "none"}'),
        bytes_of(b'{"data": [1, {"id": 2}, {}]}'),
        bytes_of(b" " * 2_000_000),
        drip,
        lambda handler: handler.over.wait(5),
    ],
)
def test_what_lists_no_models_in_time_is_no_server(reply: Reply, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "PATIENCE", 0.2)
    with listening(reply) as port:
        assert find_servers({port: "Ollama"}) == []


def test_a_proxy_of_the_environment_hears_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with listening(lists("proxied")) as proxy, listening(lists("smol")) as port:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy}")
        monkeypatch.setenv("no_proxy", "")
        assert [server.models for server in find_servers({port: "vLLM"})] == [("smol",)]


OLLAMA = LocalServer("Ollama", "http://127.0.0.1:11434/v1", ("qwen3", "llama3"))
LLAMA = LocalServer("llama.cpp", "http://127.0.0.1:8080/v1", ("smol",))


def test_the_only_model_is_taken_and_a_named_one_from_the_first_server_that_has_it() -> None:
    assert choose([LLAMA], None) == (LLAMA, "smol")
    assert choose([OLLAMA, LLAMA], "smol") == (LLAMA, "smol")
    assert choose([OLLAMA, LocalServer("vLLM", "x", ("llama3",))], "llama3") == (OLLAMA, "llama3")


@pytest.mark.parametrize(("model", "words"), [(None, "3 models"), ("gpt", "no model 'gpt'")])
def test_where_the_choice_is_the_users_all_models_are_listed(model: str | None, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        choose([OLLAMA, LLAMA], model)
    assert words in str(caught.value) and "--model NAME" in str(caught.value)
    assert "\n  Ollama (http://127.0.0.1:11434/v1): qwen3, llama3\n  llama.cpp" in str(caught.value)


def test_without_a_server_the_error_says_how_to_start_one() -> None:
    with pytest.raises(GeneratorError, match=r"Ollama at 11434.*llama-server -m"):
        choose([], None)


def test_a_key_meant_for_another_service_stays_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    with listening(lists("smol")) as port:
        monkeypatch.setattr(local, "PORTS", {port: "llama.cpp"})
        stage = name_model("auto", None)
    assert stage == {
        "use": "openai", "base_url": f"http://127.0.0.1:{port}/v1", "model": "smol", "api_key_env": "LOCAL_LLM_API_KEY"
    }  # fmt: skip


def test_ask_takes_what_it_finds_and_says_so_and_an_abstention_without_a_model_names_it(
    notes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner = CliRunner()
    assert runner.invoke(app, ["ingest", "docs", "--pipeline", "tiny.yaml"]).exit_code == 0
    done = runner.invoke(app, ["ask", "Who sells XJ-913/2B pumps?"])
    assert done.exit_code == 7 and "--llm auto" in done.output
    asked = "Who sells XJ-913/2B pumps?\n" * 2
    assert runner.invoke(app, ["chat"], input=asked).output.count("--llm auto") == 1
    with serving() as server:
        server.scripts = [stream(delta("The Lumen K2 is made by Halvorsen Optik [1]."), delta(reason="stop"))]
        found = [LocalServer("vLLM", server.url, ("tiny",))]
        monkeypatch.setattr(local, "find_servers", lambda: found)
        done = runner.invoke(app, ["ask", "Who makes the Lumen K2?", "--llm", "auto"])
        assert done.exit_code == 0 and f"asking tiny (vLLM, {server.url})" in done.stderr
        assert done.stdout.startswith("The Lumen K2 is made by Halvorsen Optik. [1]")
        server.scripts = [stream(delta("INSUFFICIENT EVIDENCE"), delta(reason="stop"))]
        done = runner.invoke(app, ["ask", "Quando zarpa?", "--llm", "auto"])
        assert done.exit_code == 7 and "--llm auto" not in done.stdout
        assert server.seen[0].body["model"] == "tiny"
