"""A Qdrant server on this machine: the parts of its REST interface that raghop uses, on the embedded engine.

It is for tests of the client's side: the real `qdrant-client` asks it, and `faults` make it fail as servers do. It has
no cluster, no snapshots, no strict mode; what it answers is compared with the client's own local mode.
"""

from __future__ import annotations

import json
import re
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import qdrant_edge as engine

Fault = Callable[["Handler"], bool]  # called before a request is served; True: it has answered, or hung up
NOT_FOUND = 404
KINDS = {"keyword": engine.PayloadSchemaType.Keyword, "integer": engine.PayloadSchemaType.Integer}
MODIFIERS = {"idf": engine.Modifier.Idf}


class Refusal(Exception):
    """A status and what the server says."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(said)
        self.status = status


class Collection:
    """A shard with the configuration that it was made by."""

    def __init__(self, folder: str, body: Mapping[str, Any]) -> None:
        self.params = {key: body[key] for key in ("vectors", "sparse_vectors") if body.get(key)}
        self.body, self.indexes = body, dict[str, Any]()
        vectors = {}
        for name, one in body.get("vectors", {}).items():
            many = engine.MultiVectorConfig(engine.MultiVectorComparator.MaxSim)
            several = many if one.get("multivector_config") else None
            vectors[name] = engine.EdgeVectorParams(one["size"], engine.Distance.Dot, multivector_config=several)
        sparse = {
            name: engine.EdgeSparseVectorParams(modifier=MODIFIERS.get((one or {}).get("modifier") or ""))
            for name, one in body.get("sparse_vectors", {}).items()
        }
        self.shard = engine.EdgeShard.create(folder, engine.EdgeConfig(vectors=vectors, sparse_vectors=sparse))

    def describe(self) -> dict[str, Any]:
        hnsw = {"m": 16, "ef_construct": 100, "full_scan_threshold": 10000}
        optimizer = {"deleted_threshold": 0.2, "vacuum_min_vector_number": 1, "default_segment_number": 0}
        config = {
            "params": self.params,
            "hnsw_config": hnsw | (self.body.get("hnsw_config") or {}),
            "optimizer_config": optimizer | {"flush_interval_sec": 5},
        }
        told = {"status": "green", "optimizer_status": "ok", "segments_count": 1}
        return {**told, "config": config, "payload_schema": self.indexes}


class Handler(BaseHTTPRequestHandler):
    """Serves one request."""

    server: Server
    protocol_version = "HTTP/1.1"

    def serve(self) -> None:
        size = int(self.headers.get("content-length", 0))
        self.body: Any = json.loads(self.rfile.read(size) or b"{}")
        url = urlsplit(self.path)
        self.place, self.options = url.path, {key: values[0] for key, values in parse_qs(url.query).items()}
        self.call = f"{self.command} {re.sub(r'^/collections/(?!aliases$)[^/]+', '/C', self.place)}"
        with self.server.lock:
            self.server.seen.append(self)
            fault = next((f for calls, f in self.server.faults if calls in (self.call, "")), None)
            if fault and fault(self):
                return
            if self.place == "/":
                return self.reply(200, {"title": "qdrant", "version": self.server.version})
            try:
                status, result = 200, self.server.answer(self)
            except Refusal as error:
                return self.refuse(error.status, str(error))
        self.reply(status, {"result": result, "status": "ok", "time": 0.001})

    do_GET = do_POST = do_PUT = do_DELETE = serve

    def refuse(self, status: int, said: str = "told to", **headers: str) -> None:
        self.reply(status, {"status": {"error": said}, "time": 0.0}, **headers)

    def reply(self, status: int, data: Any, **headers: str) -> None:
        self.send(status, json.dumps(data).encode(), **headers)

    def send(self, status: int, text: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in ({"content-type": "application/json", "content-length": str(len(text))} | headers).items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    """`faults` are calls like "PUT /C/points", or "" for every one, with what happens to them."""

    daemon_threads = True

    def __init__(self, folder: str) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.folder, self.number, self.version = Path(folder), 0, "1.19.0"
        self.lock = threading.RLock()
        self.collections: dict[str, Collection] = {}
        self.aliases: dict[str, str] = {}
        self.faults: list[tuple[str, Fault]] = []
        self.seen: list[Handler] = []
        self.over = threading.Event()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """The client has gone."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def answer(self, asked: Handler) -> Any:
        """The result of a request. Raises Refusal."""
        for call, pattern, method in ROUTES:
            if call == asked.command and (match := re.fullmatch(pattern, asked.place)):
                return method(self, asked, *match.groups())
        raise Refusal(NOT_FOUND, f"no {asked.command} {asked.place} here")

    def find(self, name: str) -> Collection:
        name = self.aliases.get(name, name)
        if name not in self.collections:
            raise Refusal(NOT_FOUND, f"Not found: Collection `{name}` doesn't exist!")
        return self.collections[name]

    def exists(self, asked: Handler, name: str) -> Any:
        return {"exists": self.aliases.get(name, name) in self.collections}

    def get(self, asked: Handler, name: str) -> Any:
        return self.find(name).describe()

    def create(self, asked: Handler, name: str) -> Any:
        if name in self.collections or name in self.aliases:
            raise Refusal(409, f"Wrong input: Collection `{name}` already exists!")
        self.number += 1
        self.collections[name] = Collection(str(self.folder / str(self.number)), asked.body)
        return True

    def drop(self, asked: Handler, name: str) -> Any:
        if found := self.collections.pop(name, None):
            found.shard.close()
            self.aliases = {alias: to for alias, to in self.aliases.items() if to != name}
        return found is not None

    def index(self, asked: Handler, name: str) -> Any:
        collection, field, schema = self.find(name), asked.body["field_name"], asked.body["field_schema"]
        kind, params = (schema["type"], schema) if isinstance(schema, dict) else (schema, None)
        collection.indexes[field] = {"data_type": kind, "params": params, "points": 0}
        collection.shard.update(engine.UpdateOperation.create_field_index(field, KINDS[kind]))
        return completed()

    def upsert(self, asked: Handler, name: str) -> Any:
        points = [to_point(point) for point in asked.body["points"]]
        self.find(name).shard.update(engine.UpdateOperation.upsert_points(points))
        return completed()

    def delete(self, asked: Handler, name: str) -> Any:
        self.find(name).shard.update(engine.UpdateOperation.delete_points(asked.body["points"]))
        return completed()

    def retrieve(self, asked: Handler, name: str) -> Any:
        body = asked.body
        vectors = body.get("with_vector", False)
        records = self.find(name).shard.retrieve(body["ids"], body.get("with_payload", True), vectors)
        return [from_record(record) for record in records]

    def scroll(self, asked: Handler, name: str) -> Any:
        body = asked.body
        request = engine.ScrollRequest(
            body.get("offset"), body.get("limit", 10), filter=to_filter(body.get("filter")),
            with_payload=body.get("with_payload", True), with_vector=body.get("with_vector", False),
        )  # fmt: skip
        records, following = self.find(name).shard.scroll(request)
        return {"points": [from_record(r) for r in records], "next_page_offset": following and str(following)}

    def count(self, asked: Handler, name: str) -> Any:
        request = engine.CountRequest(True, to_filter(asked.body.get("filter")))
        return {"count": self.find(name).shard.count(request)}

    def query(self, asked: Handler, name: str) -> Any:
        requests = []
        for one in asked.body["searches"]:
            vector = one["query"]
            vector = vector.get("nearest", vector) if isinstance(vector, dict) else vector
            corpus = ((one.get("params") or {}).get("idf") or {}).get("corpus")
            idf = engine.SearchParams(idf=engine.IdfParams(to_filter(corpus))) if corpus else None
            nearest = engine.Query.Nearest(to_vector(vector), using=one["using"])
            chosen = to_filter(one.get("filter"))
            requests.append(engine.QueryRequest(one["limit"], query=nearest, filter=chosen, params=idf))
        answers = self.find(name).shard.query_batch(engine.QueryBatchRequest(requests))
        return [{"points": [{"id": str(p.id), "version": 0, "score": p.score} for p in points]} for points in answers]

    def list_aliases(self, asked: Handler) -> Any:
        return {"aliases": [{"alias_name": a, "collection_name": c} for a, c in self.aliases.items()]}

    def change_aliases(self, asked: Handler) -> Any:
        aliases = dict(self.aliases)
        for action in asked.body["actions"]:
            if "delete_alias" in action:
                aliases.pop(action["delete_alias"]["alias_name"], None)
            else:
                made = action["create_alias"]
                if made["collection_name"] not in self.collections:
                    raise Refusal(NOT_FOUND, f"Not found: Collection `{made['collection_name']}` doesn't exist!")
                if made["alias_name"] in self.collections:
                    raise Refusal(400, f"Wrong input: Collection `{made['alias_name']}` already exists!")
                aliases[made["alias_name"]] = made["collection_name"]
        self.aliases = aliases
        return True


ROUTES: list[tuple[str, str, Callable[..., Any]]] = [
    ("GET", "/aliases", Server.list_aliases),
    ("POST", "/collections/aliases", Server.change_aliases),
    ("GET", "/collections/([^/]+)/exists", Server.exists),
    ("GET", "/collections/([^/]+)", Server.get),
    ("PUT", "/collections/([^/]+)", Server.create),
    ("DELETE", "/collections/([^/]+)", Server.drop),
    ("PUT", "/collections/([^/]+)/index", Server.index),
    ("PUT", "/collections/([^/]+)/points", Server.upsert),
    ("POST", "/collections/([^/]+)/points/delete", Server.delete),
    ("POST", "/collections/([^/]+)/points/scroll", Server.scroll),
    ("POST", "/collections/([^/]+)/points/count", Server.count),
    ("POST", "/collections/([^/]+)/points/query/batch", Server.query),
    ("POST", "/collections/([^/]+)/points", Server.retrieve),
]


def completed() -> dict[str, Any]:
    return {"operation_id": 1, "status": "completed"}


def to_vector(value: Any) -> Any:
    return engine.SparseVector(value["indices"], value["values"]) if isinstance(value, dict) else value


def to_point(point: Mapping[str, Any]) -> Any:
    vectors = {name: to_vector(value) for name, value in point["vector"].items()}
    return engine.Point(point["id"], vectors, point.get("payload"))


def to_filter(given: Any) -> Any:
    """The engine's filter or condition of one in JSON."""
    if given is None:
        return None
    if "has_id" in given:
        return engine.HasIdCondition(set(given["has_id"]))
    if "nested" in given:
        return engine.NestedCondition(given["nested"]["key"], to_filter(given["nested"]["filter"]))
    if "range" in given:
        bounds = given["range"]
        return engine.FieldCondition(
            given["key"], range=engine.RangeFloat(gte=bounds.get("gte"), lte=bounds.get("lte"))
        )
    if "key" in given:
        return engine.FieldCondition(given["key"], match=engine.MatchAny(given["match"]["any"]))
    parts = {kind: [to_filter(one) for one in given.get(kind) or ()] for kind in ("must", "must_not", "should")}
    return engine.Filter(must=parts["must"], must_not=parts["must_not"], should=parts["should"] or None)


def from_record(record: Any) -> dict[str, Any]:
    data = {"id": str(record.id), "payload": record.payload}
    if record.vector:
        data["vector"] = {name: list(map(float, one)) for name, one in record.vector.items()}
    return data


@contextmanager
def serving() -> Iterator[Server]:
    """A server that runs until the block ends."""
    with tempfile.TemporaryDirectory() as folder, Server(folder) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.over.set()
            server.shutdown()
            thread.join()
            for collection in server.collections.values():
                collection.shard.close()
