"""The Qdrant client: the store's contract against its in-memory engine, and what a server's refusals become."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, ClassVar

import pytest

from rag.errors import ConfigError, MismatchError, StoreError
from rag.stages import LocalStore, Store
from rag.store.qdrant import QdrantStore
from rag.store.qdrant_collections import INDEXES
from rag.testing import StoreConformance, make_chunks, make_vectors
from rag.types import Embeddings, Query


class TestInMemory(StoreConformance):
    @pytest.fixture
    def store(self) -> Store:
        return QdrantStore(in_memory=True, dim=self.dim)


class Server(BaseHTTPRequestHandler):
    """Answers like a server that refuses, or one that holds vectors of 16 columns."""

    status = 200
    schema: ClassVar[dict[str, Any]] = {}
    calls: ClassVar[list[str]] = []
    keys: ClassVar[list[str | None]] = []

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        self.calls.append(f"{self.command} {self.path} {len(body)}")
        self.keys.append(self.headers.get("api-key"))
        result: object = {"exists": True}
        if self.path == "/collections/rag":
            params = {"vectors": {"dense": {"size": 16, "distance": "Dot"}}}
            hnsw = {"m": 16, "ef_construct": 100, "full_scan_threshold": 10000}
            optimizer = {
                "deleted_threshold": 0.2,
                "vacuum_min_vector_number": 1,
                "default_segment_number": 0,
                "flush_interval_sec": 5,
            }
            config = {"params": params, "hnsw_config": hnsw, "optimizer_config": optimizer}
            result = {
                "status": "green",
                "optimizer_status": "ok",
                "segments_count": 1,
                "config": config,
                "payload_schema": self.schema,
            }
        elif self.path.endswith("/points/count"):
            result = {"count": 0}
        elif self.path.endswith("/points/query/batch"):
            result = []
        elif self.path.endswith(("/points?wait=true", "/index?wait=true", "/points/delete?wait=true")):
            result = {"operation_id": 1, "status": "completed"}
        data = json.dumps({"result": result, "status": "ok", "time": 0.0}).encode()
        if self.path == "/":
            data = json.dumps({"title": "qdrant", "version": "1.19.0"}).encode()
        self.send_response(self.status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PUT = answer

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[tuple[str, type[Server]]]:
    """The URL of a server on this machine, and the handler that decides its answers."""
    handler = type("Handler", (Server,), {"calls": [], "keys": []})
    with HTTPServer(("127.0.0.1", 0), handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{httpd.server_port}", handler
        httpd.shutdown()
        thread.join()


@pytest.mark.parametrize(("status", "advice"), [(401, "api_key_env"), (404, "rag ingest"), (500, "500")])
def test_a_refusal_says_what_to_do(server: tuple[str, type[Server]], status: int, advice: str) -> None:
    url, handler = server
    handler.status = status
    with pytest.raises(StoreError, match=advice) as caught:
        QdrantStore(url=url, dim=16, sparse=False, retries=0).ids()
    assert url in str(caught.value)


def test_a_server_out_of_reach_is_named() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(StoreError, match=f"{url}.*running"):
            QdrantStore(url=url, dim=8, retries=0).ids()


@pytest.mark.parametrize("url", ["ftp://localhost", "http://a b", "http://localhost:99999"])
def test_a_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="`url`"):
        QdrantStore(url=url, dim=8).ids()


def test_a_silent_server_times_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        with pytest.raises(StoreError, match="timeout"):
            QdrantStore(url=f"http://127.0.0.1:{silent.getsockname()[1]}", dim=8, timeout=1, retries=0).ids()


def test_a_collection_of_other_vectors_is_a_mismatch(server: tuple[str, type[Server]]) -> None:
    with pytest.raises(MismatchError, match="'dense': 16"):
        QdrantStore(url=server[0], dim=8, sparse=False).ids()


def test_large_batches_go_in_requests_a_server_takes(
    server: tuple[str, type[Server]], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, handler = server
    monkeypatch.setattr("rag.store.qdrant.REQUEST", 300)
    store = QdrantStore(url=url, dim=16, sparse=False)
    store.write(make_chunks(), Embeddings(dense=make_vectors(8, 16)))
    assert sum(call.startswith("PUT") for call in handler.calls) > 3
    store.close()


def test_fewer_answers_than_searches_are_an_error(server: tuple[str, type[Server]]) -> None:
    store = QdrantStore(url=server[0], dim=16, sparse=False)
    with pytest.raises(StoreError, match="answered 0 of 1 searches"):
        store.search([Query("q", dense=make_vectors(1, 16)[0])], k=3, using="dense")


def test_indexes_that_are_there_are_not_made_again(server: tuple[str, type[Server]]) -> None:
    url, handler = server
    complete: dict[str, Any] = {key: {"data_type": kind, "points": 0} for key, kind in INDEXES.items()}
    for schema in ({}, complete):
        handler.schema, handler.calls[:] = schema, []
        QdrantStore(url=url, dim=16, sparse=False).delete([make_chunks()[0].id])
        assert any("/index?" in call for call in handler.calls) is not bool(schema)


def test_the_key_comes_from_the_environment(server: tuple[str, type[Server]], monkeypatch: pytest.MonkeyPatch) -> None:
    url, handler = server
    with pytest.raises(ConfigError, match="MY_QDRANT_KEY"):
        QdrantStore(url=url, api_key_env="MY_QDRANT_KEY").ids()
    monkeypatch.setenv("MY_QDRANT_KEY", "s3cret")
    handler.status = 403
    with pytest.warns(UserWarning, match="insecure"), pytest.raises(StoreError) as caught:
        QdrantStore(url=url, api_key_env="MY_QDRANT_KEY").ids()
    assert set(handler.keys) == {"s3cret"} and "s3cret" not in str(caught.value)


def test_a_proxy_of_the_environment_gets_nothing_unless_asked_for(
    server: tuple[str, type[Server]], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, handler = server
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, url)
    monkeypatch.setenv("NO_PROXY", "")
    with pytest.raises(StoreError, match="out of reach"):
        QdrantStore(url="http://127.0.0.1:9", retries=0).ids()
    assert not handler.calls


def test_a_url_with_a_password_is_refused_unseen() -> None:
    with pytest.raises(ConfigError, match="credentials") as caught:
        QdrantStore(url="http://me:hunter2@db:6333")
    assert "hunter2" not in str(caught.value)


def test_readonly_creates_and_writes_nothing() -> None:
    store = QdrantStore(in_memory=True, dim=8, sparse=False, readonly=True)
    with pytest.raises(StoreError, match="reading only"):
        store.write(make_chunks(), Embeddings(dense=make_vectors(8, 8)))
    with pytest.raises(StoreError, match="rag ingest"):
        store.ids()


def test_it_does_not_say_that_it_is_local() -> None:
    assert isinstance(QdrantStore(), Store) and not isinstance(QdrantStore(), LocalStore)
