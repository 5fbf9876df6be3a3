"""The OpenAI-compatible generator against a real HTTP server that behaves, and misbehaves, by script."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from rag.errors import ConfigError, GeneratorError
from rag.generate import openai
from rag.generate.openai import OpenAIGenerator
from rag.stages import Generator
from rag.types import Chunk, Hit
from tests.scripted import Handler, Script, Server, delta, raw, serving, status, stream

TEXT = "The bridge opened in 1932."
HITS = [Hit(Chunk("c1", "d1", TEXT, 0, len(TEXT), "bridge.txt", "The bridge"), 1.0)]


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as server:
        yield server


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setattr(openai, "FIRST_PAUSE", 0.01)


def good(handler: Handler) -> None:
    handler.begin()
    handler.say(delta(role="assistant"), delta("It opened"), delta(" in 1932 [1]."), delta(reason="stop"), "[DONE]")


def ask(server: Server, *scripts: Script, **options: Any) -> str:
    server.scripts = list(scripts)
    return "".join(OpenAIGenerator(base_url=server.url, model="tiny", **options).stream("When did it open?", HITS))


def test_streams_the_answer_and_sends_what_the_protocol_asks(server: Server) -> None:
    assert ask(server, good, max_tokens=99) == "It opened in 1932 [1]."
    (request,) = server.seen
    assert request.path == "/v1/chat/completions"
    assert "Authorization" not in request.headers
    assert request.body["model"] == "tiny" and request.body["stream"] is True and request.body["max_tokens"] == 99
    assert [message["role"] for message in request.body["messages"]] == ["system", "user"]
    assert TEXT in request.body["messages"][1]["content"]


def test_is_a_generator() -> None:
    assert isinstance(OpenAIGenerator(base_url="http://localhost/v1", model="m"), Generator)


def test_pieces_arrive_before_the_stream_ends(server: Server) -> None:
    told = threading.Event()

    def slow(handler: Handler) -> None:
        handler.begin()
        handler.say(delta("First. [1]"))
        assert told.wait(10)
        handler.say(delta(" Second. [1]", "stop"))

    server.scripts = [slow]
    pieces = OpenAIGenerator(base_url=server.url, model="m").stream("?", HITS)
    assert next(pieces) == "First. [1]"
    told.set()
    assert list(pieces) == [" Second. [1]"]


def test_closing_the_stream_early_hangs_up(server: Server) -> None:
    hung_up = threading.Event()

    def endless(handler: Handler) -> None:
        handler.begin()
        try:
            while True:
                handler.say(delta("word "))
        except OSError:
            hung_up.set()

    server.scripts = [endless]
    pieces = OpenAIGenerator(base_url=server.url, model="m").stream("?", HITS)
    next(pieces)
    pieces.close()
    assert hung_up.wait(10)


@pytest.mark.parametrize(
    "reply", ["INSUFFICIENT EVIDENCE", "  Insufficient evidence.\n", "<think>no</think>INSUFFICIENT EVIDENCE"]
)
def test_abstains_with_the_empty_text(server: Server, reply: str) -> None:
    pieces = [delta(reply[i : i + 4]) for i in range(0, len(reply), 4)]
    assert ask(server, stream(*pieces, delta(reason="stop"))) == ""


def test_a_character_cut_between_two_blocks_is_whole_again(server: Server) -> None:
    body = "data: " + json.dumps(delta("Tromsø 東京 [1]", "stop"), ensure_ascii=False) + "\n\n"

    def bytewise(handler: Handler) -> None:
        handler.begin()
        for byte in body.encode():
            handler.wfile.write(bytes([byte]))
            handler.wfile.flush()

    assert ask(server, bytewise) == "Tromsø 東京 [1]"


def test_reads_an_answer_that_does_not_come_as_a_stream(server: Server) -> None:
    reply = {"choices": [{"message": {"role": "assistant", "content": "In 1932 [1]."}, "finish_reason": "stop"}]}
    assert ask(server, raw(json.dumps(reply).encode(), "application/json")) == "In 1932 [1]."


def test_comments_and_other_fields_are_skipped(server: Server) -> None:
    body = f": ping\r\nevent: x\r\nid: 1\r\ndata: {json.dumps(delta('Yes [1].', 'stop'))}\r\n\r\ndata: [DONE]\r\n\r\n"
    assert ask(server, raw(body.encode())) == "Yes [1]."


@pytest.mark.parametrize("code", [429, 500, 503])
def test_tries_again_on_failures_that_pass(server: Server, code: int) -> None:
    assert ask(server, status(code), good) == "It opened in 1932 [1]."
    assert len(server.seen) == 2


def test_waits_as_long_as_the_server_asks(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    date = "Fri, 01 Jan 2100 00:00:00 GMT"
    assert ask(server, status(429, Retry_After="7"), status(429), good) == "It opened in 1932 [1]."
    assert pauses == [7.0, 0.02]
    for too_long in ("9999", date):
        with pytest.raises(GeneratorError, match="429"):
            ask(server, status(429, Retry_After=too_long), good)
    assert len(pauses) == 2


def test_gives_up_after_the_last_retry(server: Server) -> None:
    with pytest.raises(GeneratorError, match=r"model tiny.* answered HTTP 500\. overloaded"):
        ask(server, status(500, "overloaded"), retries=1)
    assert len(server.seen) == 2


def test_does_not_try_again_once_text_has_come(server: Server) -> None:
    with pytest.raises(GeneratorError, match="breaks off in the middle"):
        ask(server, stream(delta("It op")), good)
    assert len(server.seen) == 1


def test_a_closed_port_is_named(server: Server) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/v1"
        with pytest.raises(GeneratorError, match=f"{url} .*out of reach.*Is the server running"):
            list(OpenAIGenerator(base_url=url, model="m", retries=1).stream("?", HITS))


@pytest.mark.parametrize(
    ("script", "message"),
    [
        (status(400, "max_tokens is too large"), "HTTP 400. max_tokens is too large"),
        (status(404), "Check `base_url`"),
        (status(302, Location="http://127.0.0.1:1/elsewhere"), "HTTP 302"),
        (raw(b"<html>hello</html>", "text/html"), "content type 'text/html'"),
        (raw(b"<html>hello</html>"), "not an event stream: '<html>hello</html>'"),
        (raw(b"data: {broken\n\n"), "not a JSON object: '{broken'"),
        (raw(b"data: [1, 2]\n\n"), "not a JSON object"),
        (raw(b"[" * 100_000, "application/json"), "not a JSON object"),
        (raw(b"\xff\xfe\xfd"), "not an event stream"),
        (raw(b""), "breaks off"),
        (raw(b"{}", "application/json"), "breaks off"),
        (stream({"choices": {"a": 1}}), "choices is not a list"),
        (stream({"choices": ["text"]}), "delta is not a dict"),
        (stream(delta(["x"])), "content is not a str"),
        (stream({"error": {"message": "CUDA out of memory"}}), "CUDA out of memory"),
        (stream(delta("It "), {"error": "lost"}), "failed: lost"),
        (stream(delta(tool_calls=[{"function": {"name": "rm"}}])), "calls a tool"),
        (stream(delta(reason="stop"), "[DONE]"), "answered with nothing"),
        (stream(delta(" \n"), "[DONE]"), "answered with nothing"),
    ],
)
def test_an_unusable_answer_is_an_error_that_names_the_endpoint(server: Server, script: Script, message: str) -> None:
    with pytest.raises(GeneratorError) as caught:
        ask(server, script)
    assert message in str(caught.value)
    assert str(caught.value).startswith(f"{server.url} (model tiny) ")
    assert len(server.seen) == 1


def test_the_key_goes_to_the_endpoint_and_nowhere_else(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "sk-very-secret")
    generator = OpenAIGenerator(base_url=server.url, model="tiny", api_key_env="MY_KEY")
    server.scripts = [status(401, "Incorrect API key: sk-very-secret")]
    with pytest.raises(GeneratorError, match=r"HTTP 401\. Incorrect API key: \*\*\* Set the .* MY_KEY") as caught:
        list(generator.stream("?", HITS))
    assert server.seen[0].headers["Authorization"] == "Bearer sk-very-secret"
    assert "secret" not in repr(generator) + str(caught.value)


def test_a_proxy_of_the_environment_gets_nothing_unless_asked_for(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_KEY", "sk-very-secret")
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, server.url.removesuffix("/v1"))
    monkeypatch.setenv("NO_PROXY", "")
    generator = OpenAIGenerator(base_url="http://127.0.0.1:9/v1", model="tiny", api_key_env="MY_KEY", retries=0)
    with pytest.raises(GeneratorError, match="trust_env: true"):
        list(generator.stream("?", HITS))
    assert not server.seen
    server.scripts = [good]
    assert list(replace(generator, trust_env=True).stream("?", HITS)) and len(server.seen) == 1


@pytest.mark.parametrize("url", ["http://me:hunter2@llm/v1", "http://llm/v1?key=hunter2"])
def test_a_url_with_a_secret_is_refused_unseen(url: str) -> None:
    with pytest.raises(ConfigError, match="credentials") as caught:
        OpenAIGenerator(base_url=url, model="tiny")
    assert "hunter2" not in str(caught.value)


def test_a_key_that_no_header_can_carry_is_refused_unseen(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-se\ncret")
    with pytest.raises(ConfigError, match="OPENAI_API_KEY") as caught:
        ask(server, good)
    assert "cret" not in str(caught.value) and not server.seen


def test_silence_ends_the_call(server: Server) -> None:
    def silent(handler: Handler) -> None:
        handler.begin()
        handler.say(delta("It "))
        handler.hang()

    with pytest.raises(GeneratorError, match=r"sent nothing for 0\.1 s"):
        ask(server, silent, idle=0.1)


def test_an_endless_answer_of_nothing_ends_by_the_total_time(server: Server) -> None:
    def drip(handler: Handler) -> None:
        handler.begin()
        while True:
            handler.wfile.write(b": still here\n\n")
            handler.wfile.flush()

    with pytest.raises(GeneratorError, match=r"took longer than 0\.2 s"):
        ask(server, drip, timeout=0.2)


def test_an_endless_answer_of_text_ends_by_max_tokens(server: Server) -> None:
    def babble(handler: Handler) -> None:
        handler.begin()
        while True:
            handler.say(delta("babble "))

    assert 160 < len(ask(server, babble, max_tokens=10)) < 200


def test_an_endless_line_does_not_fill_the_memory(server: Server) -> None:
    def flood(handler: Handler) -> None:
        handler.begin()
        while True:
            handler.wfile.write(b"x" * 100_000)

    with pytest.raises(GeneratorError, match="a line of more than"):
        ask(server, flood)


@pytest.mark.parametrize(
    "url", ["localhost:11434/v1", "ftp://host/v1", "", "http://", "http://[::1", "http://u:p@host/v1"]
)
def test_a_base_url_that_cannot_be_is_refused_at_once(url: str) -> None:
    with pytest.raises(ConfigError, match="base_url") as caught:
        OpenAIGenerator(base_url=url, model="m")
    assert "u:p" not in str(caught.value)


def spelled(*statements: tuple[str, Any]) -> str:
    return json.dumps({"statements": [{"text": text, "passages": passages} for text, passages in statements]})


def replied(text: str) -> Script:
    return stream(delta(text[: len(text) // 2]), delta(text[len(text) // 2 :]), delta(reason="stop"), "[DONE]")


def test_statements_under_a_schema_become_sentences_with_markers(server: Server) -> None:
    said = spelled(("It opened in 1932.", [1]), ("It is old.", [1, 2]), (" ", [1]), ("It is red.", "1"))
    told = "It opened in 1932. [1]\nIt is old. [1][2]\nIt is red."
    assert ask(server, replied(said), structured=True) == told
    (request,) = server.seen
    form = request.body["response_format"]
    assert form["type"] == "json_schema" and form["json_schema"]["strict"] is True
    assert "JSON" in request.body["messages"][0]["content"]
    assert ask(server, replied(f"<think>hm</think>```json\n{said}\n```"), structured=True) == told


def test_a_server_without_schemas_is_asked_without(server: Server) -> None:
    said = replied(spelled(("It opened in 1932.", [1])))
    assert (
        ask(server, status(400, "response_format is not supported"), said, structured=True) == "It opened in 1932. [1]"
    )
    assert ["response_format" in request.body for request in server.seen] == [True, False]
    with pytest.raises(GeneratorError, match="HTTP 400"):
        ask(server, status(400, "no such model"), structured=True)


@pytest.mark.parametrize("text", ["It opened in 1932 [1].", '{"statements": "It opened [1]."}', '{"statements": [{'])
def test_a_reply_that_is_no_such_json_is_taken_as_it_is(server: Server, text: str) -> None:
    assert ask(server, replied(text), structured=True) == text


@pytest.mark.parametrize("text", ['{"statements": []}', "INSUFFICIENT EVIDENCE"])
def test_no_statements_are_no_answer(server: Server, text: str) -> None:
    assert ask(server, replied(text), structured=True) == ""
