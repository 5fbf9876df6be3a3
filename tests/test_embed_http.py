"""The embedder by HTTP against a real server that behaves, and misbehaves, by script."""

from __future__ import annotations

import base64
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rag.config import load
from rag.embed.hashing import HashingEmbedder
from rag.embed.http import PROBE, HttpEmbedder
from rag.errors import ConfigError, EndpointError, MismatchError
from rag.index.folder import Index
from rag.ingest.report import Report
from rag.ingest.run import ingest
from rag.pipeline import Pipeline
from rag.testing import EmbedderConformance
from tests.scripted import Handler, Script, Server, hurry, raw, reply, serving, status

HASHING = HashingEmbedder(width=16)


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(good) as server:
        yield server


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for localhost that nobody vouches for, with its key."""
    x509 = pytest.importorskip("cryptography.x509")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(1))
    signed = made.add_extension(names, critical=False).sign(key, hashes.SHA256())
    pem = serialization.Encoding.PEM
    (tmp_path / "server.pem").write_bytes(
        signed.public_bytes(pem)
        + key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return tmp_path / "server.pem"


@pytest.fixture
def tls(server: Server, certificate: Path) -> str:
    """The address of the same server, which speaks TLS now."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    return f"https://localhost:{server.server_port}/v1"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)


def vectors(texts: Sequence[str]) -> list[list[float]]:
    dense = HASHING.embed_queries(texts).dense
    assert dense is not None
    return [[3 * value for value in row] for row in dense.tolist()]


def good(handler: Handler) -> None:
    """OpenAI's reply with its rows in another order, or that of text-embeddings-inference."""
    if handler.path.endswith("/embed"):
        return reply(vectors(handler.body["inputs"]))(handler)
    rows = [{"index": n, "embedding": row} for n, row in enumerate(vectors(handler.body["input"]))]
    reply({"data": rows[::-1]})(handler)


def make(server: Server, **options: Any) -> HttpEmbedder:
    return HttpEmbedder(base_url=server.url, dim=16, model="tiny", **options)


class TestConformance(EmbedderConformance):
    @pytest.fixture
    def embedder(self, server: Server) -> HttpEmbedder:
        return make(server)


@pytest.mark.parametrize("api", ["openai", "tei"])
def test_vectors_come_in_order_at_length_one(server: Server, api: Any) -> None:
    texts = [f"text number {n}" for n in range(70)]
    dense, expected = make(server, api=api).embed_queries(texts).dense, HASHING.embed_queries(texts).dense
    assert dense is not None and expected is not None and np.allclose(dense, expected, atol=1e-6)
    assert len(server.seen) == 3 and "Authorization" not in server.seen[0].headers
    assert server.seen[0].path == ("/v1/embed" if api == "tei" else "/v1/embeddings")


def test_vectors_in_base64_are_read(server: Server) -> None:
    text = base64.b64encode(np.arange(16, dtype="<f4").tobytes()).decode()
    server.scripts = [reply({"data": [{"embedding": text}]})]
    dense = make(server).embed_queries(["a"]).dense
    assert dense is not None and dense[0, 15] == pytest.approx(15 / np.linalg.norm(np.arange(16)))


def test_prefixes_shape_what_is_asked_and_the_fingerprint(server: Server) -> None:
    plain, other = make(server), make(server, document_prefix="passage: ", query_prefix="query: ")
    other.embed_queries(["who?"])
    assert server.seen[0].body["input"] == ["query: who?"]
    assert plain.fingerprint != other.fingerprint
    assert plain.fingerprint == HttpEmbedder(base_url="http://elsewhere/v1", dim=16, model="tiny").fingerprint
    assert plain.fingerprint != make(server, revision="2").fingerprint


def cut(handler: Handler) -> None:
    handler.begin(200, "application/json", Content_Length="1000")
    handler.write(b'{"data": [')


@pytest.mark.parametrize("fault", [status(429, Retry_After="0"), status(503), status(408), status(529), cut])
def test_what_passes_is_tried_again(server: Server, fault: Script) -> None:
    server.scripts = [fault, fault, good]
    assert len(make(server).embed_queries(["a"])) == 1
    assert len(server.seen) == 3


def test_a_server_that_stays_away_is_named_with_what_to_do(server: Server) -> None:
    server.scripts = [status(503, "loading")]
    with pytest.raises(EndpointError, match=r"embed: http://127.* answered HTTP 503. loading"):
        make(server, retries=1).embed_queries(["a"])
    with pytest.raises(EndpointError, match=r"out of reach.*Is the server running"):
        HttpEmbedder(base_url="http://127.0.0.1:9/v1", dim=16, retries=0).embed_queries(["a"])


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (302, "write the address that it means into `base_url`"),
        (400, "Lower `batch`"),
        (401, "OPENAI_API_KEY"),
        (403, "may not use"),
        (404, "base_url"),
        (413, "Lower `batch`"),
        (422, "Lower `batch`"),
        (501, "Its own log says why"),
    ],
)
def test_what_does_not_pass_is_not_tried_again(server: Server, code: int, words: str) -> None:
    server.scripts = [status(code)]
    with pytest.raises(EndpointError, match=words):
        make(server).embed_queries(["a"])
    assert len(server.seen) == 1


def test_the_key_is_sent_and_never_shown(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "sk-secret")
    server.scripts = [status(401, "sk-secret is wrong")]
    embedder = make(server, api_key_env="MY_KEY")
    with pytest.raises(EndpointError) as caught:
        embedder.embed_queries(["a"])
    assert server.seen[0].headers["Authorization"] == "Bearer sk-secret"
    assert "sk-secret" not in f"{caught.value} {embedder!r}" and "***" in str(caught.value)
    monkeypatch.setenv("MY_KEY", "ключ")
    with pytest.raises(ConfigError, match="MY_KEY holds characters no key has"):
        embedder.embed_queries(["a"])


@pytest.mark.parametrize("url", ["http://me:pw@host/v1", "http://host/v1?key=1", "ftp://host", "host"])
def test_an_address_that_is_none_or_holds_a_secret_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="base_url"):
        HttpEmbedder(base_url=url, dim=16)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"data": [{"embedding": [1.0] * 15}]}, "have 15 numbers, `dim` says 16.*set `dim: 15`"),
        ({"data": [{"embedding": [1.0] * 16}] * 2}, "2 vectors for 1 texts"),
        ({"data": [{"index": 3, "embedding": [1.0] * 16}]}, "for each index"),
        ({"data": [{"embedding": ["x"] * 16}]}, "no lists of as many numbers"),
        ({"data": [{"embedding": [1e400] * 16}]}, "not finite"),
        ({"data": None}, "for each index"),
        ([1], "for each index"),
    ],
)
def test_a_reply_that_cannot_be_used_is_named(server: Server, data: Any, words: str) -> None:
    server.scripts = [reply(data)]
    with pytest.raises(EndpointError, match=words):
        make(server).embed_queries(["a"])
    assert len(server.seen) == 1


def test_a_server_that_refuses_the_fixed_text_is_named(server: Server) -> None:
    server.scripts = [status(413, "at most 0 texts")]
    with pytest.raises(EndpointError, match=r"embed: http://127.* answered HTTP 413. at most 0 texts. .*Lower `batch`"):
        make(server).probe()


def test_an_address_with_https_of_a_server_without_is_named(server: Server) -> None:
    embedder = HttpEmbedder(base_url=server.url.replace("http://", "https://"), dim=16, retries=0)
    with pytest.raises(EndpointError, match="write http:// in `base_url`"):
        embedder.probe()


def test_a_certificate_is_trusted_when_it_is_named(
    tls: str, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(EndpointError, match="SSL_CERT_FILE and set `trust_env: true`"):
        HttpEmbedder(base_url=tls, dim=16, retries=0).probe()
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    monkeypatch.setenv("NO_PROXY", "localhost")
    assert len(HttpEmbedder(base_url=tls, dim=16, retries=0, trust_env=True).probe()) == 16
    with pytest.raises(EndpointError, match="does it speak https"):
        HttpEmbedder(base_url=tls.replace("https://", "http://"), dim=16, retries=0).probe()


def test_what_is_no_json_is_named(server: Server) -> None:
    server.scripts = [raw(b"<html>", "text/html")]
    with pytest.raises(EndpointError, match="no JSON"):
        make(server).embed_queries(["a"])


def test_a_redirect_is_not_followed(server: Server) -> None:
    server.scripts = [raw(b"", code=307, Location="http://127.0.0.1:9/")]
    with pytest.raises(EndpointError, match="HTTP 307"):
        make(server).embed_queries(["a"])


def test_a_call_ends_by_its_time(server: Server) -> None:
    def trickle(handler: Handler) -> None:
        handler.begin(200, "application/json")
        for _ in range(100):
            handler.write(b" ")
            if handler.server.over.wait(0.05):
                return

    server.scripts = [trickle]
    with pytest.raises(EndpointError, match=r"longer than 0.3 s in all: set a longer `timeout`"):
        make(server, timeout=0.3).embed_queries(["a"])


def test_requests_keep_their_distance(server: Server) -> None:
    embedder = make(server, per_minute=1200, batch=1)
    began = time.monotonic()
    embedder.embed_queries(list("abcdef"))
    assert len(server.seen) == 6 and time.monotonic() - began >= 5 * 0.05 - 0.01


def write_pipeline(folder: Path, server: Server, more: str = "") -> Path:
    text = (folder / "tiny.yaml").read_text()
    embed = f"embed: {{use: http, base_url: '{server.url}', dim: 16, model: tiny{more}}}"
    path = folder / "http.yaml"
    path.write_text(text.replace("embed: {use: hashing}", embed))
    return path


def run(folder: Path, path: Path, **options: Any) -> Report:
    return ingest(Index.at(folder), load(str(path)), [str(folder / "docs")], **options)


def altered(change: Callable[[list[float]], list[float]]) -> Script:
    def play(handler: Handler) -> None:
        reply({"data": [{"embedding": change(row)} for row in vectors(handler.body["input"])]})(handler)

    return play


def test_a_model_that_changed_is_noticed_before_the_index_is_used(notes: Path, server: Server) -> None:
    path = write_pipeline(notes, server)
    assert run(notes, path).count("added") == 4
    server.scripts = [altered(lambda row: [value * (1 + 1e-5 * (n % 3)) for n, value in enumerate(row)])]
    assert run(notes, path).count("unchanged") == 4  # the noise of other hardware
    with Pipeline.load(str(path), index=notes) as pipeline:
        assert pipeline.search("Which router is in building 4?")
    server.scripts = [altered(lambda row: row[::-1])]
    for use in (lambda: run(notes, path), lambda: Pipeline.load(str(path), index=notes).stages):
        with pytest.raises(MismatchError, match=r"not the one.*`embed.revision`"):
            use()
    report = run(notes, write_pipeline(notes, server, ", revision: '2'"), rebuild=True)
    assert report.embedded == 4 and any(request.body["input"] == [PROBE] for request in server.seen)
    assert run(notes, path.with_name("http.yaml")).count("unchanged") == 4


def test_a_text_that_the_server_refuses_fails_alone(notes: Path, server: Server) -> None:
    def picky(handler: Handler) -> None:
        if any("Soup" in text for text in handler.body["input"]):
            return status(400, "too long")(handler)
        good(handler)

    server.scripts = [picky]
    with pytest.raises(EndpointError, match=r"embed: http://127.* answered HTTP 400. too long. .*Lower `batch`"):
        make(server).embed_queries(["Soup"])
    report = run(notes, write_pipeline(notes, server))
    assert report.count("added") == 3
    [failed] = [file for file in report.files if file.status == "failed"]
    assert failed.source == "docs/canteen.txt" and "HTTP 400. too long" in failed.reason


def test_an_index_alone_asks_no_server(notes: Path, server: Server) -> None:
    run(notes, write_pipeline(notes, server))
    seen = len(server.seen)
    with pytest.raises(ConfigError, match=r"a server \(embed: http\).*--pipeline"):
        _ = Pipeline.load(index=notes).stages
    assert len(server.seen) == seen


def test_chunks_are_counted_against_what_the_model_reads(server: Server) -> None:
    embedder = make(server, max_tokens=16)
    assert embedder.longest == 14
    assert embedder.count_unread(["abcd " * 14, "abcd " * 15, "internationalisation"]) == [0, 1, 0]
