"""Running a server: what it logs, counts and traces holds no text; told to stop, it finishes, refuses and ends."""

from __future__ import annotations

import json
import logging
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import pytest
import yaml
from starlette.testclient import TestClient

from rag.config import load
from rag.errors import ConfigError, MissingExtra
from rag.index.folder import Index
from rag.ingest.run import ingest
from rag.serve import logs
from rag.serve.app import make_app
from rag.serve.running import LAST
from rag.serve.settings import settings_of
from rag.serve.spans import Spans

RAG = Path(sys.executable).parent / "rag"
QUESTION = "Where is the head office of the maker of the router in building 4?"


@pytest.fixture
def indexed(notes: Path) -> Path:
    ingest(Index.at(notes), load(str(notes / "tiny.yaml")), [str(notes / "docs")])
    return notes


@pytest.fixture
def served(indexed: Path) -> Iterator[TestClient]:
    with TestClient(
        make_app(settings_of({"indexes": {"notes": str(indexed)}})), raise_server_exceptions=False
    ) as client:
        yield client


def test_figures_count_requests_answers_and_steps(served: TestClient) -> None:
    level = served.post("/v1/ask", json={"question": QUESTION}).json()["level"]
    served.post("/v1/search", json={"query": "router"})
    served.post("/v1/ask", json={"question": QUESTION, "index": "none"})
    served.get("/v1/documents/no-such-document")
    served.get("/nowhere/at/all")
    text = served.get("/metrics").text
    for line in (
        'raghop_http_requests_total{door="/v1/ask",method="POST",status="200"} 1.0',
        'raghop_http_requests_total{door="/v1/ask",method="POST",status="400"} 1.0',
        'raghop_http_requests_total{door="-",method="GET",status="404"} 1.0',
        'raghop_http_request_duration_seconds_count{door="/v1/search",method="POST"} 1.0',
        f'raghop_answers_total{{index="notes",level="{level}"}} 1.0',
        'raghop_step_duration_seconds_count{index="notes",step="retrieve"} 2.0',
        'raghop_step_duration_seconds_count{index="notes",step="verify"} 1.0',
        'raghop_questions_pending{index="notes",pipeline=""} 0.0',
    ):
        assert line in text, text
    assert "no-such-document" not in text and "nowhere" not in text and "router" not in text


def test_the_log_has_a_line_for_each_request_and_no_question(
    served: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "raghop"):
        reply = served.post("/v1/ask", json={"question": QUESTION}, headers={"X-Request-ID": "mine-1"})
        other = served.get(
            "/health", headers={"X-Request-ID": "not\tone \u001b[31m".encode("latin-1", "replace").decode("latin-1")}
        )
    fields = [record.fields for record in caplog.records if record.message == "request"]  # type: ignore[attr-defined]
    assert [(f["method"], f["path"], f["status"], f["user"]) for f in fields] == [
        ("POST", "/v1/ask", 200, "local"),
        ("GET", "/health", 200, "local"),
    ]
    assert fields[0]["id"] == reply.headers["x-request-id"] == "mine-1"
    assert fields[1]["id"] == other.headers["x-request-id"] != "not\tone"
    assert "router" not in json.dumps(fields)


@pytest.mark.parametrize("format", ["line", "json"])
def test_whatever_is_logged_stays_on_its_line(format: logs.Format, capsys: pytest.CaptureFixture[str]) -> None:
    before = {name: logging.getLogger(name).handlers for name in ("raghop", "uvicorn")}
    try:
        logs.set_up(format)
        logs.note("request\n2", path='/a\nerror b="c"\x1b[31m', seconds=0.5)
    finally:
        for name, handlers in before.items():
            logging.getLogger(name).handlers = handlers
    line = capsys.readouterr().err
    assert line.count("\n") == 1 and "\x1b" not in line
    if format == "json":
        data = json.loads(line)
        assert (data["message"], data["level"], data["seconds"]) == ("request\n2", "info", 0.5)
        assert data["path"] == '/a\nerror b="c"\x1b[31m' and data["time"].endswith("Z")
    else:
        assert r'path="/a\nerror b=\"c\"\u001b[31m" seconds=0.5' in line


def test_json_has_what_was_raised_on_the_same_line() -> None:
    try:
        raise ValueError("no such pump")
    except ValueError:
        record = logging.LogRecord("raghop", logging.ERROR, "", 0, "failed", None, sys.exc_info())
    line = logs.JsonFormatter().format(record)
    assert "\n" not in line and json.loads(line)["exception"].endswith("ValueError: no such pump")


def test_spans_follow_the_conventions_below_the_sender_s(indexed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    kept = InMemorySpanExporter()
    monkeypatch.setattr("rag.serve.app.Spans", lambda endpoint: Spans(endpoint, SimpleSpanProcessor(kept)))
    settings = settings_of({"indexes": {"notes": str(indexed)}, "traces": "http://127.0.0.1:9"})
    sender = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
    with TestClient(make_app(settings)) as client:
        client.post("/v1/ask", json={"question": QUESTION}, headers=sender)
        spans = {span.name: span for span in kept.get_finished_spans()}
    request, retrieval = spans["POST /v1/ask"], spans["retrieval"]
    assert request.parent and f"{request.parent.span_id:x}" == "b7ad6b7169203331"
    assert dict(request.attributes or {}) == {
        "http.request.method": "POST", "http.route": "/v1/ask", "http.response.status_code": 200,
    }  # fmt: skip
    assert dict(retrieval.attributes or {}) == {"gen_ai.operation.name": "retrieval", "gen_ai.data_source.id": "notes"}
    parents = {
        name: getattr(spans[name].parent, "span_id", 0) for name in ("retrieval", "retrieve", "generate", "verify")
    }
    own = [getattr(span.get_span_context(), "span_id", 0) for span in (request, retrieval)]
    assert parents == {"retrieval": own[0], "retrieve": own[1], "generate": own[0], "verify": own[0]}
    assert "router" not in "".join(span.to_json() for span in spans.values())


def test_spans_need_their_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(MissingExtra, match=r"raghop\[telemetry\]"):
        Spans("http://127.0.0.1:9")


def test_a_watched_folder_is_indexed_as_it_changes(indexed: Path, caplog: pytest.LogCaptureFixture) -> None:
    watched = {"folders": {"papers": str(indexed / "docs")}, "watch": {"notes": ("papers",)}}
    settings = settings_of({"indexes": {"notes": str(indexed)}, **watched})
    caplog.set_level(logging.INFO, "raghop")

    def hear(source: str) -> None:
        limit = time.monotonic() + 120
        while not any(getattr(record, "fields", {}).get("source") == source for record in caplog.records):
            assert time.monotonic() < limit
            time.sleep(0.05)

    with TestClient(make_app(settings)) as client:
        (indexed / "docs" / "early.md").write_text("The first quay is of wood.\n")
        hear("docs/early.md")
        (indexed / "docs" / "quay.md").write_text("The Zorblax quay is of stone.\n")
        hear("docs/quay.md")
        limit = time.monotonic() + 60
        while "Zorblax" not in client.post("/v1/search", json={"query": "Zorblax quay"}).text:
            assert time.monotonic() < limit
            time.sleep(0.05)


@pytest.mark.parametrize("watch", [{"note": ("papers",)}, {"notes": ("paper",)}])
def test_what_is_to_be_watched_is_checked_at_the_start(notes: Path, watch: dict[str, Any]) -> None:
    settings = settings_of({"indexes": {"notes": str(notes)}, "folders": {"papers": "docs"}, "watch": watch})
    with pytest.raises(ConfigError, match=r"watch.*Did you mean"):
        make_app(settings)


def test_the_containers_and_the_unit_give_it_the_time_it_takes_to_stop(tmp_path: Path) -> None:
    root = Path(__file__).parent.parent
    compose = yaml.safe_load((root / "compose.yaml").read_text())
    guide = (root / "docs" / "guides" / "operate.md").read_text()
    unit = re.search(r"TimeoutStopSec=(\d+)", guide)
    grace = settings_of({"indexes": {"notes": str(tmp_path)}}).grace + 2 * LAST
    assert unit and int(unit[1]) > grace and int(compose["services"]["raghop"]["stop_grace_period"].rstrip("s")) > grace
    assert {"serve", "--host"} <= set(json.loads(re.findall(r"^CMD (.*)$", (root / "Dockerfile").read_text(), re.M)[0]))
    assert compose["services"]["qdrant"]["profiles"] == ["qdrant"]


class Running:
    """`rag serve` of an installed command, and its connections."""

    def __init__(self, folder: Path, settings: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port = listener.getsockname()[1]
        (folder / "raghop.toml").write_text(f"port = {self.port}\nlog = 'json'\n{settings}\n[indexes]\nnotes = '.'\n")
        path = os.pathsep.join([str(folder), str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
        environment = {**os.environ, "PYTHONPATH": path, "HELD_IN": str(folder)}
        self.process = subprocess.Popen(
            [RAG, "serve", "raghop.toml"], cwd=folder, stderr=subprocess.PIPE, text=True, env=environment
        )
        limit = time.monotonic() + 120
        while True:
            try:
                if self.get("/health")[0] == 200:
                    break
            except OSError:
                assert time.monotonic() < limit and self.process.poll() is None
                time.sleep(0.05)

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *error: object) -> None:
        self.process.kill()
        self.process.communicate()

    def get(self, path: str) -> tuple[int, Any]:
        return self.send("GET", path)

    def send(self, method: str, path: str, data: Any = None) -> tuple[int, Any]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            body = None if data is None else json.dumps(data)
            connection.request(method, path, body, {"Content-Type": "application/json"})
            reply = connection.getresponse()
            self.headers = reply.headers
            return reply.status, json.loads(reply.read())
        finally:
            connection.close()


SLOW = '''
from pathlib import Path
import os, time
from rag.generate.extractive import ExtractiveGenerator
from rag.stages import component

@component
class Slow(ExtractiveGenerator):
    """Answers when it may."""
    def stream(self, question, hits):
        folder = Path(os.environ["HELD_IN"])
        (folder / "at").touch()
        while not (folder / "go").exists():
            time.sleep(0.01)
        yield from super().stream(question, hits)
'''


@pytest.fixture
def slow(indexed: Path) -> Path:
    """The index, and a pipeline whose answers wait for a file."""
    (indexed / "slow_stage.py").write_text(SLOW)
    (indexed / "slow-0.dist-info").mkdir()
    (indexed / "slow-0.dist-info" / "entry_points.txt").write_text("[rag.generate]\nslow = slow_stage:Slow\n")
    (indexed / "slow.yaml").write_text((indexed / "tiny.yaml").read_text().replace("use: extractive", "use: slow"))
    return indexed


def begin(server: Running, folder: Path) -> tuple[threading.Thread, list[Any]]:
    """A question that is being answered."""
    replies: list[Any] = []

    def ask() -> None:
        with suppress(OSError, HTTPException, ValueError):
            replies.append(server.send("POST", "/v1/ask", {"question": QUESTION}))

    asking = threading.Thread(target=ask)
    asking.start()
    limit = time.monotonic() + 120
    while not (folder / "at").exists():
        assert asking.is_alive() and time.monotonic() < limit, replies
        time.sleep(0.01)
    return asking, replies


def test_told_to_stop_it_finishes_what_runs_and_refuses_what_comes(slow: Path) -> None:
    with Running(slow, "pipeline = 'slow.yaml'\ngrace = 600") as server:
        asking, replies = begin(server, slow)
        server.process.send_signal(signal.SIGTERM)
        while (refused := server.get("/ready"))[0] == 200:
            time.sleep(0.05)
        assert refused[0] == 503 and refused[1]["error"]["code"] == "stopping"
        status, body = server.send("POST", "/v1/search", {"query": "router"})
        assert (status, server.headers["retry-after"]) == (503, "5") and "hint" in body["error"]
        assert server.get("/health")[0] == 200 and server.process.poll() is None and not replies
        (slow / "go").touch()
        asking.join(120)
        assert replies[0][0] == 200 and replies[0][1]["citations"]
        log = [json.loads(line) for line in server.process.stderr or [] if line.startswith("{")]
        assert server.process.wait(120) == 0
        assert {"stopping", "request"} <= {entry["message"] for entry in log}
        assert not (slow / ".rag" / "server.sock").exists()


def test_it_ends_in_time_whatever_runs(slow: Path) -> None:
    with Running(slow, "pipeline = 'slow.yaml'\ngrace = 0.2") as server:
        asking, _ = begin(server, slow)
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(60) in (0, 1)
        asking.join(60)
