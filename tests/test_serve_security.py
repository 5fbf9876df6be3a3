"""The doors that stay shut: names, origins, sizes, paces, guesses, text that wants to be markup or a command."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import socket
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import uvicorn
from starlette.testclient import TestClient
from typer.testing import CliRunner

from rag.cli import app as command
from rag.errors import ConfigError, CorruptError, InputError, StoreError
from rag.pipeline import Pipeline
from rag.serve import access, limits
from rag.serve.access import ROLES, KnowPrincipal
from rag.serve.app import DOORS, make_app
from rag.serve.limits import LimitBodies, LimitRates
from rag.serve.patience import PatientProtocol
from rag.serve.replies import Refusal
from rag.serve.settings import settings_of
from rag.serve.tokens import TokenFile
from rag.serve.uploads import file_name
from tests.conftest import NOTES, TINY

SCRIPT = "<script>alert(1)</script>"
MARKUP = f'"><img src=x onerror=alert(1)>{SCRIPT}'
ESCAPE = "\x1b[31mred\x07"
SECRET = "Zqvault"
BASE = "http://127.0.0.1"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of notes, of one for hr, and of one whose name, title and text want to be markup."""
    folder = tmp_path_factory.mktemp("served")
    (folder / "docs").mkdir()
    for name, text in NOTES.items():
        (folder / "docs" / name).write_text(text)
    (folder / "docs" / "vault.md").write_text(f"---\naccess: hr\ncode: {SECRET}\n---\n# {SECRET}\n\n{SECRET} opens.\n")
    evil = f"---\ntitle: '{MARKUP}'\nnote: '{MARKUP}'\n---\nThe winch {MARKUP} lifts {ESCAPE} 750 kg.\n"
    (folder / "docs" / f"a{MARKUP.replace('/', '')}\r\nX-Evil: 1;.md").write_text(evil)
    (folder / "tiny.yaml").write_text(TINY)
    with Pipeline.load(str(folder / "tiny.yaml"), index=folder) as pipeline:
        pipeline.ingest([folder / "docs"])
    return folder


@pytest.fixture
def tokens(tmp_path: Path) -> TokenFile:
    return TokenFile(tmp_path / "tokens.json")


def serve(folder: Path, **settings: Any) -> TestClient:
    settings = {"indexes": {"notes": str(folder)}, **settings}
    return TestClient(make_app(settings_of(settings)), base_url=BASE, raise_server_exceptions=False)


@pytest.fixture(scope="module")
def client(folder: Path) -> Iterator[TestClient]:
    """A server without tokens, and its user."""
    with serve(folder) as client:
        yield client


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def error(reply: Any, status: int) -> dict[str, str]:
    """What a refusal says, in the one shape."""
    assert reply.status_code == status, reply.text
    body = reply.json()
    assert body.keys() == {"error"} and body["error"].keys() == {"code", "message", "hint"}
    return dict(body["error"])


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "localhost@evil.example", "192.168.1.2", "", "[::1"],
)
def test_a_name_that_others_may_lead_here_is_refused(client: TestClient, host: str) -> None:
    error(client.get("/v1/indexes", headers={"Host": host}), 421)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:8765", "LOCALHOST.", "[::1]:1"])
def test_the_servers_own_names_are_answered(client: TestClient, host: str) -> None:
    assert client.get("/v1/indexes", headers={"Host": host}).status_code == 200


def test_names_can_be_given(folder: Path) -> None:
    with serve(folder, hosts=["docs.example"], url="https://ask.example/") as client:
        for host in ("docs.example", "ask.example:443"):
            assert client.get("/health", headers={"Host": host}).status_code == 200
        assert client.get("/health", headers={"Host": "a.example", "Origin": "https://a.example"}).status_code == 421
        page = {"Host": "127.0.0.1:8765", "Origin": "https://ask.example"}
        assert client.get("/health", headers=page).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:3000"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors"},
    ],
)
def test_pages_of_other_sites_may_not_ask(client: TestClient, headers: dict[str, str]) -> None:
    for method, path in (("POST", "/v1/search"), ("GET", "/v1/documents"), ("POST", "/mcp"), ("OPTIONS", "/v1/ask")):
        reply = client.request(method, path, headers=headers)
        error(reply, 403)
        assert not [name for name in reply.headers if name.startswith("access-control")]


def test_its_own_page_and_programs_may_ask(client: TestClient) -> None:
    own: tuple[dict[str, str], ...] = ({}, {"Origin": BASE}, {"Sec-Fetch-Site": "same-origin", "Origin": BASE})
    for headers in own:
        reply = client.post("/v1/search", json={"query": "soup"}, headers=headers)
        assert reply.status_code == 200
        assert not [name for name in reply.headers if name.startswith("access-control")]
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert client.get("/", headers=link).status_code == 200


def test_what_is_too_large_is_refused(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "DRAIN", 0.05)
    body = b'{"query": "' + b"x" * limits.BODY + b'"}'

    def pieces() -> Iterator[bytes]:
        yield from (body[start : start + 65_536] for start in range(0, len(body), 65_536))

    for path in ("/v1/search", "/v1/ask", "/v1/chat/completions", "/v1/jobs"):
        assert error(client.post(path, content=body), 413)["code"] == "too_large"
        assert error(client.post(path, content=pieces()), 413)["code"] == "too_large"
    for length in ("-1", "1e3", "9" * 30):
        error(client.post("/v1/search", content=b"{}", headers={"Content-Length": length}), 413)


def test_an_upload_has_a_size(folder: Path) -> None:
    with serve(folder, max_upload_mb=1) as client:
        error(client.post("/v1/jobs", files={"files": ("a.md", b"x" * (1 << 20))}), 413)


MALFORMED = [
    b"{", b"[]", b"null", b'"question"', b'{"question": 1}', b'{"question": NaN}', b"\xff\xfe",
    b'{"question": "\\ud800"}',
    b'{"question": "a", "question": "b", "x": 1}', b"[" * 100_000, b'{"question": "a", "k": 1e999}',
    b'{"question": "a", "k": ' + b"9" * 5000 + b"}", b'{"question": ""}', b"\0", b'{"query": {}, "question": []}',
]  # fmt: skip


@pytest.mark.parametrize("body", MALFORMED)
def test_malformed_json_is_refused_in_the_one_shape(client: TestClient, body: bytes) -> None:
    for path in ("/v1/ask", "/v1/search", "/v1/explain", "/v1/tree", "/v1/jobs", "/v1/chat/completions"):
        reply = client.post(path, content=body, headers={"Content-Type": "application/json"})
        assert 400 <= reply.status_code < 500, (path, reply.text)
        assert "error" in reply.json()


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data; name=files"),
        ("multipart/form-data; boundary=x", b"--y\r\n\r\n--y--"),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="files"\r\n\r\nx\r\n--x--\r\n',
        ),
        ("multipart/form-data; boundary=" + "x" * 300, b"--x"),
        ("multipart/form-data; boundary=x", b""),
    ],
)
def test_malformed_forms_are_refused_in_the_one_shape(client: TestClient, kind: str, body: bytes) -> None:
    error(client.post("/v1/jobs", content=body, headers={"Content-Type": kind}), 400)


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd",
        "..\\..\\x.md",
        "/etc/cron.d/x",
        "a/../../b.md",
        ".access",
        ".rag",
        "pay.md.access",
        "..",
        "x\0.md",
    ],
)
def test_an_upload_never_leaves_its_folder(folder: Path, name: str) -> None:
    try:
        safe = file_name(name)
    except InputError:
        return
    assert "/" not in safe and "\\" not in safe and not safe.startswith(".") and not safe.endswith(".access")


def test_a_writer_of_some_groups_uploads_for_them_alone(folder: Path, tokens: TokenFile, tmp_path: Path) -> None:
    """Under the name of a hidden file, too: nothing is replaced, nothing says that it is there."""
    writer = bearer(tokens.make("ada", "writer", "sales"))
    with serve(folder, tokens=str(tokens.path), uploads=str(tmp_path / "up"), folders={"docs": str(folder)}) as client:
        reply = client.post("/v1/jobs", files={"files": ("vault.md", b"# Tar\n\nTar is black.")}, headers=writer)
        assert reply.status_code == 202
        assert (tmp_path / "up" / "notes" / "ada" / "vault.md").exists()
        assert (tmp_path / "up" / "notes" / "ada" / ".access").read_text() == "sales"
        error(client.post("/v1/jobs", json={"folder": "docs"}, headers=writer), 403)
        reader = bearer(tokens.make("eve", "reader", "sales"))
        error(client.post("/v1/jobs", files={"files": ("a.md", b"x")}, headers=reader), 403)
        error(client.get(reply.headers["location"], headers=bearer(tokens.make("bob", "writer", "sales"))), 404)


def test_text_that_wants_to_be_markup_stays_text(client: TestClient) -> None:
    replies = [
        client.post("/v1/ask", json={"question": f"What does the winch lift? {MARKUP}"}),
        client.post("/v1/search", json={"query": MARKUP}),
        client.post("/v1/explain", json={"question": MARKUP, "source": MARKUP}),
        client.get("/v1/documents"),
        client.get(f"/v1/documents/{SCRIPT}"),
        client.get("/v1/status", params={"index": SCRIPT}),
        client.post("/v1/search", json={"query": "x", "where": {MARKUP: 1}}),
        client.get(f"/{SCRIPT}"),
    ]
    assert any(SCRIPT in reply.text for reply in replies)
    for reply in replies:
        assert reply.headers["content-type"] == "application/json"
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in reply.headers["content-security-policy"]


def test_a_file_is_saved_and_never_shown_and_its_name_makes_no_header(client: TestClient) -> None:
    rows = client.get("/v1/documents").json()["documents"]
    evil = next(row for row in rows if "alert" in row["source"])
    for path in ("", "/text", "/file", "/view"):
        reply = client.get(f"/v1/documents/{evil['id']}{path}")
        assert reply.status_code == 200
        assert "x-evil" not in reply.headers
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert reply.headers["content-type"].split(";")[0] != "text/html"
    saved = client.get(f"/v1/documents/{evil['id']}/file").headers["content-disposition"]
    assert saved.startswith("attachment") and not re.search(r"[<>\r\n]", saved)


def test_every_reply_has_the_headers_that_keep_it_harmless(client: TestClient) -> None:
    for path in ("/", "/v1/indexes", "/v1/nothing", "/health", "/openapi.json", "/metrics"):
        headers = client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff" and headers["x-frame-options"] == "DENY"
        assert "'unsafe-inline'" not in headers["content-security-policy"]


def test_a_token_is_kept_by_its_digest_alone(tokens: TokenFile) -> None:
    token = tokens.make("ada", "writer", "hr, legal")
    kept = tokens.path.read_text()
    assert token not in kept and token.removeprefix("rag_") not in kept
    assert stat.S_IMODE(os.stat(tokens.path).st_mode) == 0o600
    found = TokenFile(tokens.path).find(token)
    assert found is not None and (found.name, found.role, found.groups) == ("ada", "writer", frozenset({"hr", "legal"}))
    assert tokens.find(token + "x") is None and tokens.find("") is None and tokens.find("rag_") is None
    for name, role, groups in (
        ("ada", "reader", None),
        ("", "reader", None),
        ("b", "king", None),
        ("b", "admin", "a"),
    ):
        with pytest.raises(InputError):
            tokens.make(name, role, groups)


@pytest.mark.parametrize(
    "row",
    [
        {"sha256": "0" * 63},
        {"sha256": "G" * 64},
        {"groups": "hr"},
        {"groups": [7]},
        {"role": "king"},
        {"role": None},
        {"made": ...},
        {"name": ...},
    ],
)
def test_a_file_of_other_rows_lets_nobody_in(tokens: TokenFile, row: dict[str, Any]) -> None:
    ada = tokens.make("ada", "reader", "hr")
    (sound,) = json.loads(tokens.path.read_text())
    assert TokenFile(tokens.path).find(ada)
    changed = {key: value for key, value in {**sound, **row}.items() if value is not ...}
    tokens.path.write_text(json.dumps([sound, changed]))
    for _ in range(2):
        with pytest.raises(CorruptError, match="holds no tokens"):
            tokens.find(ada)
    tokens.path.write_text(json.dumps([sound]))
    assert tokens.find(ada)
    tokens.path.unlink()
    assert tokens.find(ada) is None


def test_a_running_server_knows_tokens_as_they_come_and_go(folder: Path, tokens: TokenFile) -> None:
    with serve(folder, tokens=str(tokens.path)) as client:
        assert client.get("/v1/indexes").status_code == 200  # no token yet: whoever reaches it runs it
        ada = bearer(tokens.make("ada", "reader", None))
        error(client.get("/v1/indexes"), 401)
        assert client.get("/v1/indexes", headers=ada).status_code == 200
        tokens.revoke("ada")
        assert error(client.get("/v1/indexes", headers=ada), 401)["code"] == "not_known"
        error(client.get("/v1/indexes"), 401)  # also after the last one is gone
        tokens.path.write_text("{")
        assert client.get("/v1/indexes").status_code == 500
        assert client.get("/v1/indexes", headers=ada).status_code == 500
        with pytest.raises(CorruptError):
            tokens.read()


def test_the_command_makes_lists_and_revokes(folder: Path, tmp_path: Path) -> None:
    where = ["--file", str(tmp_path / "t.json")]
    run = CliRunner().invoke
    token = run(command, ["token", "make", "ada", "--role", "writer", "--groups", "hr", *where]).stdout.strip()
    assert token.startswith("rag_") and len(token) > 40
    listed = json.loads(run(command, ["token", "list", "--json", *where]).stdout)
    assert [(one["name"], one["role"], one["groups"]) for one in listed] == [("ada", "writer", ["hr"])]
    assert token not in run(command, ["token", "list", *where]).stdout
    assert run(command, ["token", "revoke", "ada", *where]).exit_code == 0
    assert json.loads((tmp_path / "t.json").read_text()) == []


def test_others_reach_no_server_without_tokens(folder: Path, tokens: TokenFile) -> None:
    for host in ("0.0.0.0", "192.168.1.2", "docs.example"):
        with pytest.raises(ConfigError, match="no tokens"):
            serve(folder, host=host, tokens=str(tokens.path))
    tokens.make("ada", "reader", None)
    with serve(folder, host="0.0.0.0", tokens=str(tokens.path)) as client:
        error(client.get("/v1/indexes", headers={"Host": "192.168.1.2:8765"}), 401)
        error(client.get("/v1/indexes", headers={"Host": "evil.example"}), 421)


def test_guesses_are_limited_by_address_and_right_tokens_go_on(
    tokens: TokenFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(access, "monotonic", lambda: now[0])
    ada, bob = tokens.make("ada", "reader", None), tokens.make("bob", "reader", None)
    known = KnowPrincipal(lambda *_: None, tokens)  # type: ignore[arg-type]

    def status(token: str, address: str = "a") -> int:
        try:
            return 200 if known.know(address, {b"authorization": f"Bearer {token}".encode()}) else 0
        except Refusal as refusal:
            assert refusal.status_code != 429 or int((refusal.headers or {})["Retry-After"]) > 0
            return refusal.status_code

    assert status(ada) == 200
    assert [status(f"rag_{n}") for n in range(access.GUESSES)] == [401] * access.GUESSES
    assert [status("rag_x"), status(bob), status(ada)] == [429, 429, 200]
    assert status(bob, "b") == 200
    now[0] += access.PAUSE + 1
    assert [status(bob), status("rag_x"), status(bob)] == [200, 401, 200]
    for n in range(access.ADDRESSES + 10):
        status("rag_x", f"address {n}")
    assert len(known._guessers) <= access.ADDRESSES


def test_the_owner_of_a_token_may_ask_so_often(folder: Path, tokens: TokenFile) -> None:
    ada, bob = bearer(tokens.make("ada", "reader", None)), bearer(tokens.make("bob", "reader", None))
    with serve(folder, tokens=str(tokens.path), rate=10) as client:
        assert client.get("/v1/indexes", headers=ada).status_code == 200
        refused = client.get("/v1/indexes", headers=ada)
        assert error(refused, 429)["code"] == "too_many" and int(refused.headers["retry-after"]) > 0
        assert client.get("/v1/indexes", headers=bob).status_code == 200


def test_a_rate_is_so_many_a_minute_and_a_tenth_of_that_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(limits, "monotonic", lambda: now[0])
    monkeypatch.setattr(limits, "PRINCIPALS", 3)
    rates = LimitRates(lambda *_: None, settings_of({"indexes": {"a": "."}, "rate": 30}))  # type: ignore[arg-type]

    def waits(count: int, name: str = "ada") -> list[float]:
        return [round(rates._take(name), 6) for _ in range(count)]

    assert waits(4) == [0, 0, 0, 2] and waits(4, "bob") == [0, 0, 0, 2]
    now[0] += 1.5
    assert waits(2) == [0.5, 0.5], "a refusal costs nothing"
    now[0] += 0.5
    assert waits(2) == [0, 2]
    now[0] += 1000
    assert waits(4) == [0, 0, 0, 2]
    for name in ("cleo", "dora", "ada", "eve"):
        waits(1, name)
    assert list(rates._left) == ["dora", "ada", "eve"], "who asked last is remembered"


def test_a_body_that_comes_too_slowly_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PATIENCE", 0.05)
    settings = settings_of({"indexes": {"a": "."}})

    async def read(scope: Any, receive: Any, send: Any) -> None:
        while (await receive())["more_body"]:
            pass

    async def trickle() -> dict[str, Any]:
        await asyncio.sleep(0.02)
        return {"type": "http.request", "body": b"x", "more_body": True}

    async def send(message: Any) -> None:
        raise AssertionError(message)

    scope = {"type": "http", "path": "/v1/ask", "headers": [(b"transfer-encoding", b"chunked")]}
    with pytest.raises(Refusal) as refusal:
        asyncio.run(LimitBodies(read, settings)(scope, trickle, send))
    assert refusal.value.status_code == 408


def test_a_head_that_comes_too_slowly_ends_the_connection(folder: Path) -> None:
    """Also that of a second request; others are answered meanwhile."""

    class Quick(PatientProtocol):
        head = 0.3

    app = make_app(settings_of({"indexes": {"notes": str(folder)}}))
    config = uvicorn.Config(app, port=0, http=Quick, log_level="error")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            threading.Event().wait(0.05)
        port = server.servers[0].sockets[0].getsockname()[1]
        whole = b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
        for first in (b"", b"GET /health HT", whole):
            with socket.create_connection(("127.0.0.1", port), timeout=30) as slow:
                slow.sendall(first)
                if first == whole:
                    assert b"200 OK" in slow.recv(65_536)
                    slow.sendall(b"GET /hea")
                with socket.create_connection(("127.0.0.1", port), timeout=30) as other:
                    other.sendall(whole)
                    assert b"200 OK" in other.recv(65_536)
                while slow.recv(65_536):  # until it is closed
                    pass
    finally:
        server.should_exit = True
        thread.join()


def test_the_audit_log_says_who_saw_what_and_no_text(folder: Path, tokens: TokenFile, tmp_path: Path) -> None:
    log = tmp_path / "logs" / "audit.jsonl"
    ada = bearer(tokens.make("ada", "reader", "hr"))
    with serve(folder, tokens=str(tokens.path), audit=str(log)) as client:
        found = client.post("/v1/search", json={"query": f"{SECRET} opens"}, headers=ada).json()
        client.get(f"/v1/documents/{quote(ESCAPE)}%0A", headers=ada)
        client.get("/health")
        client.get("/v1/indexes", headers=bearer("rag_wrong"))
    written = log.read_bytes()
    rows = [json.loads(line) for line in written.splitlines()]
    assert [(row["who"], row["status"]) for row in rows] == [("ada", 200), ("ada", 404), (None, 401)]
    assert found["hits"][0]["document"] in rows[0]["documents"]
    assert all(32 <= byte < 127 or byte == 10 for byte in written)
    assert SECRET.encode() not in written and b"rag_" not in written and b"opens" not in written
    assert stat.S_IMODE(os.stat(log).st_mode) == 0o600


def test_logs_of_the_server_command_no_terminal(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), serve(folder) as client:
        client.get(f"/v1/documents/{quote(ESCAPE)}", headers={"User-Agent": ESCAPE})
        client.post("/v1/search", json={"query": ESCAPE, "index": ESCAPE})
    told = [record.getMessage() for record in caplog.records if record.name.startswith(("rag", "uvicorn", "starlette"))]
    assert not any("\x1b" in line or "\x07" in line for line in told)


def test_errors_inside_name_nothing_to_those_who_may_not_see_all(
    folder: Path, tokens: TokenFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise StoreError(f"{SECRET}: the disk is gone")

    some, every = bearer(tokens.make("ada", "reader", "sales")), bearer(tokens.make("bob", "reader", None))
    with serve(folder, tokens=str(tokens.path)) as client:
        monkeypatch.setattr(Pipeline, "_input", fail)
        for path, body in (("/v1/search", {"query": "x"}), ("/v1/ask", {"question": "x"})):
            told = client.post(path, json=body, headers=some)
            assert error(told, 503)["code"] == "store_error" and SECRET not in told.text
            assert SECRET in client.post(path, json=body, headers=every).text


def test_a_hidden_document_and_one_that_is_not_there_get_the_same_reply(folder: Path, tokens: TokenFile) -> None:
    some, every = bearer(tokens.make("ada", "reader", "sales")), bearer(tokens.make("bob", "reader", None))
    with serve(folder, tokens=str(tokens.path)) as client:
        rows = client.get("/v1/documents", headers=every).json()["documents"]
        hidden = next(row["id"] for row in rows if row["source"] == "docs/vault.md")
        for end in ("", "/text", "/file", "/view", "/pages/1.png", "/pages/1/boxes"):
            paths = (f"/v1/documents/{hidden}{end}", f"/v1/documents/{'1' * 8}-1111-1111-1111-{'1' * 12}{end}")
            replies = [client.get(path, headers=some) for path in paths]
            assert error(replies[0], 404) == error(replies[1], 404)
            for reply in replies:
                del reply.headers["x-request-id"]
            assert replies[0].headers == replies[1].headers
            assert client.get(paths[0], headers=every).status_code in (200, 415)


def test_an_original_that_changed_is_given_to_nobody_who_may_not_see_all(folder: Path, tokens: TokenFile) -> None:
    """It may say by now that it is for others."""
    some, every = bearer(tokens.make("ada", "reader", "sales")), bearer(tokens.make("bob", "reader", None))
    canteen = folder / "docs" / "canteen.txt"
    with serve(folder, tokens=str(tokens.path)) as client:
        rows = client.get("/v1/documents", headers=some).json()["documents"]
        path = f"/v1/documents/{next(row['id'] for row in rows if row['source'].endswith('canteen.txt'))}/file"
        assert client.get(path, headers=some).text == canteen.read_text()
        canteen.write_text(f"{NOTES['canteen.txt']} {SECRET}")
        try:
            error(client.get(path, headers=some), 404)
            assert SECRET in client.get(path, headers=every).text
        finally:
            canteen.write_text(NOTES["canteen.txt"])


@pytest.mark.parametrize("asks", [True, False])
def test_what_openapi_says_of_tokens_is_what_every_route_does(folder: Path, tokens: TokenFile, asks: bool) -> None:
    known = {role: tokens.make(role, role, None) for role in ROLES} if asks else {}
    with serve(folder, tokens=str(tokens.path)) as client:
        described = client.get("/openapi.json").json()["paths"]
        said = {(m.upper(), path): one["security"] for path, entry in described.items() for m, one in entry.items()}
        assert len(said) == len(DOORS)
        said["POST", "/mcp"] = [{"token": ["reader"]}] if asks else []  # it describes itself
        routes = {re.sub(r":\w+}", "}", route.path) for route in client.app.routes}  # type: ignore[attr-defined]
        assert routes == {path for _, path in said}
        for (method, path), security in said.items():
            place = re.sub(r"{\w+}", "1", path)
            least = ROLES.index(security[0]["token"][0]) if security else 0
            for rank, role in enumerate(known):
                status = client.request(method, place, headers=bearer(known[role])).status_code
                assert (status == 403) == (rank < least) and status != 401, (role, method, path)
            for accept in ("application/json", "text/html"):
                reply = client.request(method, place, headers={"Accept": accept}, follow_redirects=False)
                goes_to_page = reply.status_code == 303 and accept == "text/html"
                assert (reply.status_code == 401) == bool(security) or goes_to_page, (accept, method, path)
