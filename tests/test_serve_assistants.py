"""MCP by the SDK's own client, over stdio and HTTP: an assistant searches, reads, follows references and cites."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import anyio
import httpx
import pytest
from mcp import Client, MCPError, StdioServerParameters

from rag.serve.app import make_app
from rag.serve.settings import settings_of
from tests.serving import served

QUESTION = "Where is the head office of the maker of the router in building 4?"
Connect = Callable[[], Any]


@pytest.fixture(scope="module")
def url(folder: Path) -> Iterator[str]:
    with served(make_app(settings_of({"indexes": {"notes": str(folder)}}))) as url:
        yield url


@pytest.fixture(params=["http", "stdio"])
def connect(request: pytest.FixtureRequest, folder: Path) -> Connect:
    """A client of either transport."""

    def open() -> Client:
        if request.param == "http":
            return Client(f"{request.getfixturevalue('url')}/mcp")
        command = ["-m", "rag", "mcp", "--index", f"notes={folder}"]
        return Client(StdioServerParameters(command=sys.executable, args=command))

    if request.param == "http":
        request.getfixturevalue("url")
    return open


def test_an_assistant_searches_reads_and_cites(connect: Connect) -> None:
    async def talk() -> None:
        async with connect() as client:
            tools = {tool.name: tool for tool in (await client.list_tools()).tools}
            assert list(tools) == ["ask", "search", "fetch", "hops", "list_documents"]
            assert all(tool.annotations.read_only_hint and len(tool.description) > 100 for tool in tools.values())
            assert "ask" in client.instructions

            found = await client.call_tool("search", {"query": "router in building 4"})
            results = found.structured_content["results"]
            assert json.loads(found.content[0].text) == found.structured_content
            assert all(one["id"] and one["title"] and one["url"] for one in results)
            assert "Lumen K2" in results[0]["text"]

            read = (await client.call_tool("fetch", {"id": results[0]["id"]})).structured_content
            assert read["text"].startswith("# Network") and read["url"] and read["metadata"]["next"] is None

            led = await client.call_tool("hops", {"ids": [results[0]["id"]], "question": QUESTION})
            assert any("Halvorsen" in one["text"] for one in led.structured_content["results"])
            assert results[0]["id"] not in [one["id"] for one in led.structured_content["results"]]

            answer = (await client.call_tool("ask", {"question": QUESTION})).structured_content
            assert answer["level"] in ("answer", "evidence")
            for citation in answer["citations"]:
                whole = (await client.call_tool("fetch", {"id": citation["id"]})).structured_content["text"]
                assert citation["quote"] in whole and citation["url"]

    anyio.run(talk)


def test_documents_are_resources(connect: Connect) -> None:
    async def talk() -> None:
        async with connect() as client:
            listed = (await client.call_tool("list_documents", {"limit": 3})).structured_content
            rest = (await client.call_tool("list_documents", {"after": listed["next"]})).structured_content
            assert len(listed["documents"] + rest["documents"]) == 4 and rest["next"] is None
            resources = (await client.list_resources()).resources
            assert [one.name for one in resources] == [one["source"] for one in listed["documents"] + rest["documents"]]
            text = (await client.read_resource(resources[0].uri)).contents[0].text
            assert text.startswith("The canteen")
            with pytest.raises(MCPError):
                await client.read_resource("raghop://notes/none")
            with pytest.raises(MCPError):
                await client.read_resource("file:///etc/passwd")

    anyio.run(talk)


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("delete", {}),
        ("ask", {}),
        ("ask", {"question": ""}),
        ("ask", {"question": "x" * 100_000}),
        ("ask", {"question": ["x"]}),
        ("search", {"query": "x", "limit": 1}),
        ("search", {"query": "x", "k": 10**9}),
        ("hops", {"ids": ["x"] * 1000, "question": "x"}),
        ("fetch", {"id": "x" * 10_000}),
    ],
)
def test_arguments_that_a_tool_does_not_take_are_errors_of_the_protocol(
    url: str, tool: str, arguments: dict[str, Any]
) -> None:
    async def talk() -> None:
        async with Client(f"{url}/mcp") as client:
            with pytest.raises(MCPError) as caught:
                await client.call_tool(tool, arguments)
            assert caught.value.error.code == -32602
            assert len(str(caught.value)) < 2000

    anyio.run(talk)


def test_what_is_not_there_is_a_result_that_says_so(url: str) -> None:
    async def talk() -> None:
        async with Client(f"{url}/mcp") as client:
            for tool, arguments in (
                ("fetch", {"id": "../../etc/passwd"}),
                ("search", {"query": "x", "index": "other"}),
                ("ask", {"question": " "}),
            ):
                result = await client.call_tool(tool, arguments)
                assert result.is_error and "input_error" in str(result.content)
            none = await client.call_tool("hops", {"ids": ["none"], "question": "x"})
            assert none.structured_content == {"results": []}

    anyio.run(talk)


def test_urls_lead_to_what_was_found(url: str) -> None:
    async def talk() -> None:
        async with Client(f"{url}/mcp") as client:
            results = (await client.call_tool("search", {"query": "router"})).structured_content["results"]
        for one in results:
            assert httpx.get(one["url"]).raise_for_status().json()["source"] in unquote(one["title"])

    anyio.run(talk)


def test_what_is_no_message_is_refused(url: str) -> None:
    for body in (b"", b"{", b"[]", b'{"jsonrpc": "2.0"}', b"\xff\xfe", b'"' + b"x" * 5_000_000 + b'"'):
        reply = httpx.post(
            f"{url}/mcp",
            content=body,
            headers={"Content-Type": "application/json", "Accept": "application/json, text/event-stream"},
        )
        assert 400 <= reply.status_code < 500
