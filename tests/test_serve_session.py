"""What an assistant and the server say to each other, as it was recorded, and what ends when it goes away.

The record is tests/golden/mcp-session.json; RAGHOP_RECORD=1 writes it anew. Both transports must say the same.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx
import jsonschema
import pytest
from mcp import Client, StdioServerParameters
from mcp_types.methods import CLIENT_REQUESTS, validate_server_result

from rag.pipeline import Event, Pipeline
from rag.serve.app import make_app
from rag.serve.settings import settings_of
from tests.serving import served

GOLDEN = Path(__file__).parent / "golden" / "mcp-session.json"
URL = "http://127.0.0.1:8765"
VERSION = "2025-11-25"
QUESTION = "Where is the head office of the maker of the router in building 4?"
Send = Callable[[str, dict[str, Any]], dict[str, Any]]


@contextmanager
def over_http(folder: Path) -> Iterator[Send]:
    with served(make_app(settings_of({"indexes": {"notes": str(folder)}, "url": URL}))) as url:

        def send(method: str, params: dict[str, Any]) -> dict[str, Any]:
            message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
            headers = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": VERSION}
            lines = httpx.post(f"{url}/mcp", json=message, headers=headers, timeout=60).text.splitlines()
            data = [line.removeprefix("data: ") for line in lines if line.startswith(("data: {", "{"))]
            result: dict[str, Any] = json.loads(data[-1])["result"]
            return result

        yield send


@contextmanager
def over_stdio(folder: Path) -> Iterator[Send]:
    settings = folder / "assistant.toml"
    settings.write_text(f'url = "{URL}"\n[indexes]\nnotes = "."\n')
    command = [sys.executable, "-m", "rag", "mcp", str(settings)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin and process.stdout
        talk, hear = process.stdin, process.stdout

        def write(message: dict[str, Any]) -> None:
            print(json.dumps({"jsonrpc": "2.0", **message}), file=talk, flush=True)

        def send(method: str, params: dict[str, Any]) -> dict[str, Any]:
            write({"id": 1, "method": method, "params": params})
            result: dict[str, Any] = json.loads(hear.readline())["result"]
            if method == "initialize":
                write({"method": "notifications/initialized"})
            return result

        yield send
        talk.close()


def talk(send: Send) -> list[dict[str, Any]]:
    """Search, fetch, cite: what was asked and what was said."""
    said = []

    def exchange(method: str, **params: Any) -> dict[str, Any]:
        CLIENT_REQUESTS[method, VERSION].model_validate({"method": method, "params": params, "jsonrpc": "2.0", "id": 1})
        result = send(method, params)
        validate_server_result(method, VERSION, result)
        said.append({"method": method, "params": params, "result": result})
        return result

    about = {"protocolVersion": VERSION, "capabilities": {}, "clientInfo": {"name": "recorder", "version": "1"}}
    exchange("initialize", **about)
    tools = {tool["name"]: tool for tool in exchange("tools/list")["tools"]}

    def call(name: str, **arguments: Any) -> dict[str, Any]:
        jsonschema.validate(arguments, tools[name]["inputSchema"])
        data: dict[str, Any] = exchange("tools/call", name=name, arguments=arguments)["structuredContent"]
        jsonschema.validate(data, tools[name]["outputSchema"])
        return data

    found = call("search", query="router in building 4", k=2)["results"]
    read = call("fetch", id=found[0]["id"])
    cited = call("ask", question=QUESTION)["citations"]
    assert found[0]["text"] in read["text"] and any(one["quote"] in read["text"] for one in cited)
    exchange("resources/list")
    return said


@pytest.mark.parametrize("transport", [over_http, over_stdio])
def test_a_session_is_as_it_was_recorded(folder: Path, transport: Callable[[Path], Any]) -> None:
    with transport(folder) as send:
        said = talk(send)
    said[0]["result"]["serverInfo"].pop("version")
    for one in said:  # a float's last digits are the processor's
        one["result"] = json.loads(json.dumps(one["result"]), parse_float=lambda text: round(float(text), 3))
        for content in one["result"].get("content", ()):
            assert json.loads(content.pop("text"))  # the same as structuredContent
    if os.environ.get("RAGHOP_RECORD") == "1":
        GOLDEN.write_text(json.dumps(said, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    assert said == json.loads(GOLDEN.read_text(encoding="utf-8"))


def test_the_schemas_of_tools_are_json_schema(folder: Path) -> None:
    recorded = json.loads(GOLDEN.read_text(encoding="utf-8"))
    for tool in recorded[1]["result"]["tools"]:
        for name in ("inputSchema", "outputSchema"):
            jsonschema.Draft202012Validator.check_schema(tool[name])
            assert tool[name]["type"] == "object"
        assert all("description" in one or "$ref" in one for one in tool["inputSchema"]["properties"].values())


SLOW = """
import sys
from pathlib import Path
from tests.test_serve_session import go_on
from rag.pipeline import Pipeline
Pipeline.stream = go_on(Path(sys.argv[2]))
sys.argv[1:] = ["mcp", "--index", f"notes={sys.argv[1]}"]
from rag.cli import main
main()
"""


def go_on(folder: Path) -> Callable[..., Iterator[Event]]:
    """A stream of steps without end; its begin and its end leave files in the folder."""

    def stream(self: Pipeline, question: str, **options: Any) -> Iterator[Event]:
        (folder / "began").touch()
        try:
            while True:
                self.stages.check()
                time.sleep(0.01)
                yield Event("step", {"step": "retrieve"})
        finally:
            (folder / "ended").touch()

    return stream


async def give_up(client: Client, folder: Path) -> None:
    async def appears(name: str) -> None:
        with anyio.fail_after(120):
            while not (folder / name).exists():
                await anyio.sleep(0.02)

    async with client:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.call_tool, "ask", {"question": QUESTION})
            await appears("began")
            tasks.cancel_scope.cancel()
        await appears("ended")
        assert (await client.call_tool("list_documents", {})).structured_content["documents"]


def test_a_question_that_is_given_up_over_stdio_ends(folder: Path, tmp_path: Path) -> None:
    command = ["-c", SLOW, str(folder), str(tmp_path)]
    cwd = Path(__file__).parent.parent
    anyio.run(give_up, Client(StdioServerParameters(command=sys.executable, args=command, cwd=cwd)), tmp_path)


def test_a_question_that_is_given_up_over_http_ends(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Pipeline, "stream", go_on(tmp_path))
    with served(make_app(settings_of({"indexes": {"notes": str(folder)}}))) as url:
        anyio.run(give_up, Client(f"{url}/mcp"), tmp_path)
