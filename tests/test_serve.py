"""The server over HTTP: what its doors give, in which shape they refuse."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.testclient import TestClient

from benchmarks.serve import run
from rag.errors import ConfigError
from rag.serve.app import make_app
from rag.serve.settings import load_settings, settings_of
from tests.serving import served

QUESTION = "Where is the head office of the maker of the router in building 4?"


@pytest.fixture(scope="module")
def client(folder: Path) -> Iterator[TestClient]:
    with TestClient(make_app(settings_of({"indexes": {"notes": str(folder)}}))) as client:
        yield client


def test_an_answer_is_that_of_the_command_with_urls_that_lead_to_its_sources(client: TestClient) -> None:
    answer = client.post("/v1/ask", json={"question": QUESTION}).json()
    assert answer["level"] != "nothing" and answer["question"] == QUESTION
    for citation in answer["citations"]:
        text = client.get(f"/v1/documents/{citation['document']}/text").text
        assert text[citation["start"] : citation["end"]] == citation["quote"]
        shown = client.get(citation["url"].removeprefix("http://testserver")).json()
        assert shown["source"] == citation["source"] and citation["origin"] == shown["meta"].get("url", "")


def test_a_stream_has_steps_statements_and_the_same_answer(client: TestClient) -> None:
    asked = client.post("/v1/ask", json={"question": QUESTION}, headers={"Accept": "text/event-stream"})
    events = list(_events(asked.text))
    names = [name for name, _ in events]
    assert names[0] == "step" and names[-1] == "answer" and names.count("answer") == 1
    answer = events[-1][1]
    assert "".join(data["text"] for name, data in events if name == "statement") == answer["answer"]
    plain = client.post("/v1/ask", json={"question": QUESTION}).json()
    assert {key: answer[key] for key in answer if key not in ("seconds", "trace")} == {
        key: plain[key] for key in answer if key not in ("seconds", "trace")
    }


def _events(text: str) -> Iterator[tuple[str, Any]]:
    for block in text.replace("\r\n", "\n").split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
        if "event" in fields:
            yield fields["event"], json.loads(fields["data"])


def test_documents_are_listed_by_pages_and_given_out(client: TestClient, folder: Path) -> None:
    first = client.get("/v1/documents?limit=3").json()
    rest = client.get(f"/v1/documents?limit=3&after={first['next']}").json()
    listed = first["documents"] + rest["documents"]
    assert [d["source"] for d in listed] == sorted(f"docs/{p.name}" for p in (folder / "docs").iterdir())
    assert rest["next"] is None
    file = client.get(f"/v1/documents/{listed[0]['id']}/file")
    assert file.content == (folder / listed[0]["source"]).read_bytes()
    assert file.headers["content-disposition"].startswith("attachment")


def test_where_narrows_and_names_what_there_is(client: TestClient) -> None:
    found = client.post("/v1/search", json={"query": "router", "source": ["docs/lumen*"]}).json()["hits"]
    assert {hit["source"] for hit in found} == {"docs/lumen.md"}
    bounded = client.post("/v1/search", json={"query": "router", "where": {"language": {">=": 1}}})
    assert bounded.status_code == 200 and not bounded.json()["hits"]  # it is no number
    unordered = client.post("/v1/search", json={"query": "router", "where": {"language": {"<": "spring"}}})
    assert unordered.status_code == 400 and "bounds neither numbers nor dates" in unordered.text
    refused = client.post("/v1/search", json={"query": "router", "where": {"colour": "red"}})
    assert refused.status_code == 400 and refused.json()["error"]["code"] == "input_error"


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("POST", "/v1/ask", {}, 400, "bad_request"),
        ("POST", "/v1/ask", {"question": "x", "questoin": 1}, 400, "bad_request"),
        ("POST", "/v1/ask", {"question": " "}, 400, "input_error"),
        ("POST", "/v1/ask", {"question": "x" * 5000}, 400, "bad_request"),
        ("POST", "/v1/search", {"query": "x", "index": "other"}, 400, "input_error"),
        ("POST", "/v1/search", {"query": "x", "pipeline": "/etc/passwd"}, 400, "input_error"),
        ("GET", "/v1/documents/none", None, 404, "not_found"),
        ("GET", "/v1/nothing", None, 404, "not_found"),
        ("GET", "/v1/ask", None, 405, "not_allowed_method"),
    ],
)
def test_what_is_wrong_is_said_in_one_shape(
    client: TestClient, method: str, path: str, body: object, status: int, code: str
) -> None:
    reply = client.request(method, path, json=body)
    assert reply.status_code == status
    assert reply.json().keys() == {"error"} and reply.json()["error"].keys() == {"code", "message", "hint"}
    assert reply.json()["error"]["code"] == code and reply.json()["error"]["message"]


@pytest.mark.parametrize(
    ("method", "path", "body", "hint"),
    [
        ("GET", "/v1/nothing", None, "GET /openapi.json lists every address."),
        ("GET", "/v1/ask", None, "GET /openapi.json says how each address is asked."),
        ("POST", "/v1/ask", {"question": "Where?", "index": "zzzzzz"}, "There are: notes."),
        ("POST", "/v1/ask", {"question": "Where?", "index": "note"}, "Did you mean notes?"),
        ("POST", "/v1/search", {"query": "Where?", "pipeline": "zzzzzz"}, "There are: "),
    ],
)
def test_what_is_not_there_says_what_is(client: TestClient, method: str, path: str, body: object, hint: str) -> None:
    assert client.request(method, path, json=body).json()["error"]["hint"].startswith(hint)


def test_it_says_what_it_is_and_has(client: TestClient) -> None:
    assert client.get("/health").json() == {"status": "ok"}
    assert client.get("/ready").json()["status"] == "ready"
    assert client.get("/v1/indexes").json() == {"indexes": ["notes"]}
    assert client.get("/v1/status").json()["documents"] == 4
    described = client.get("/openapi.json").json()
    assert described["paths"]["/v1/ask"]["post"]["requestBody"]
    assert described["paths"]["/v1/documents/{id}/text"]["get"]["parameters"][0]["name"] == "id"


def test_settings_name_every_problem_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "server.yaml"
    file.write_text("indexes: {notes: ./notes}\nport: 99999\nprot: 1\n")
    with pytest.raises(ConfigError) as caught:
        load_settings(file)
    assert f"{file}:2: port" in str(caught.value) and "Did you mean port?" in str(caught.value)
    toml = tmp_path / "raghop.toml"
    toml.write_text('port = 9000\n[indexes]\nnotes = "notes"\n')
    settings = load_settings(toml)
    assert settings.port == 9000 and settings.indexes == {"notes": str(tmp_path / "notes")}


def test_who_goes_away_waits_no_longer(folder: Path) -> None:
    app = make_app(settings_of({"indexes": {"notes": str(folder)}, "workers": 1}))
    gate, pool = threading.Event(), app.state.pools.pool("notes")
    with served(app) as url:
        blocked = threading.Thread(target=pool.run, args=(lambda pipeline: gate.wait(60),))
        blocked.start()
        for path, body in (("ask", {"question": QUESTION}), ("search", {"query": QUESTION})):
            with pytest.raises(httpx.ReadTimeout):
                httpx.post(f"{url}/v1/{path}", json=body, timeout=httpx.Timeout(30, read=0.2))
        with pytest.raises(httpx.ReadTimeout):
            events = {"Accept": "text/event-stream"}
            httpx.post(
                f"{url}/v1/ask", json={"question": QUESTION}, headers=events, timeout=httpx.Timeout(30, read=0.2)
            )
        while pool.pending > 1:
            time.sleep(0.01)
        gate.set()
        blocked.join()


def test_more_than_may_wait_are_told_when_to_come_again(folder: Path) -> None:
    app = make_app(settings_of({"indexes": {"notes": str(folder)}, "workers": 1, "queue": 0}))
    gate, pool = threading.Event(), app.state.pools.pool("notes")
    with served(app) as url:
        blocked = threading.Thread(target=pool.run, args=(lambda pipeline: gate.wait(60),))
        blocked.start()
        refused = httpx.post(f"{url}/v1/search", json={"query": QUESTION})
        gate.set()
        blocked.join()
    assert refused.status_code == 503 and int(refused.headers["retry-after"]) >= 1
    assert refused.json()["error"]["code"] == "busy_error"


def test_a_few_clients_some_of_whom_leave_while_ingests_publish() -> None:
    load = run(clients=6, seconds=5, leaving=0.3, pause=0.5)
    assert not load.wrong
    assert load.answered and load.gone and load.published
