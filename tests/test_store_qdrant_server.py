"""The Qdrant door: the real client against a server on this machine, well and under injected faults."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rag.config import PipelineConfig, build, load
from rag.errors import CorruptError, MismatchError, RagError, StoreError
from rag.index import publish as publishing
from rag.index.folder import Index
from rag.index.manifest import Manifest
from rag.ingest.run import ingest
from rag.maintain.check import check
from rag.pipeline import Pipeline
from rag.stages import ServedStore, Store
from rag.store import qdrant_door
from rag.store.qdrant import QdrantStore
from rag.testing import StoreConformance, make_chunks, make_vectors
from rag.types import Embeddings, Filter, Query
from tests.qdrant_server import Fault, Handler, Server, serving


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as server:
        yield server


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(qdrant_door, "FIRST_PAUSE", 0.001)
    monkeypatch.setattr(publishing, "SETTLE", (0.0, 0.0, 0.0))


class TestConformance(StoreConformance):
    @pytest.fixture
    def store(self, server: Server) -> Store:
        return QdrantStore(url=server.url, dim=self.dim)


def with_store(folder: Path, server: Server, **options: Any) -> PipelineConfig:
    config = load(str(folder / "tiny.yaml"))
    return config.with_stage("store", {"use": "qdrant", "url": server.url, "timeout": 1, "retries": 2, **options})


def run(folder: Path, server: Server, **options: Any) -> None:
    ingest(Index.at(folder), with_store(folder, server), [str(folder / "docs")], **options)


def problems(folder: Path, server: Server, *, deep: bool = True) -> list[str]:
    store = build(with_store(folder, server)).store
    return [finding.what for finding in check(Index.at(folder), store, deep=deep)]


def calls(server: Server, name: str) -> int:
    return sum(request.call == name for request in server.seen)


def test_the_server_answers_as_the_clients_own_imitation_does(server: Server) -> None:
    chunks, dense = make_chunks(), make_vectors(8, 16)
    stores = [QdrantStore(url=server.url, dim=16, sparse=False), QdrantStore(in_memory=True, dim=16, sparse=False)]
    queries = [Query("", dense=one) for one in dense[:3]]
    queries += [replace(query, filter=Filter(none_of={"doc_id": (chunks[0].doc_id,)})) for query in queries]
    queries += [replace(query, filter=Filter(any_of={"id": (chunks[1].id, chunks[2].id)})) for query in queries[:1]]
    answers = []
    for store in stores:
        store.write(chunks, Embeddings(dense=dense))
        store.delete([chunks[3].id])
        found = store.search(queries, k=4, using="dense", vectors=True)
        answers.append([[(hit.chunk, round(hit.score, 5)) for hit in hits] for hits in found])
        assert store.count() == 7 and store.ids() == {chunk.id for chunk in chunks} - {chunks[3].id}
        store.close()
    assert answers[0] == answers[1]


def test_a_collection_is_made_as_the_options_say(server: Server) -> None:
    store = QdrantStore(
        url=server.url, dim=16, shards=3, replicas=2, write_consistency=2, read_consistency="majority", on_disk=True,
        quantize="int8", hnsw_links=32, hnsw_build=200, hnsw_search=64, tenants="access",
    )  # fmt: skip
    assert store.ids() == set()
    body = server.collections["rag"].body
    assert (body["shard_number"], body["replication_factor"], body["write_consistency_factor"]) == (3, 2, 2)
    assert body["hnsw_config"]["m"] == 32 and body["hnsw_config"]["ef_construct"] == 200
    dense = body["vectors"]["dense"]
    assert dense["on_disk"] and dense["quantization_config"]["scalar"]["type"] == "int8"
    indexes = server.collections["rag"].indexes
    assert indexes["access"]["params"]["is_tenant"] and not indexes["source"]["params"].get("is_tenant")
    ranged = {name: one["data_type"] for name, one in indexes.items() if "[]" in name}
    assert ranged == {"ordered[].name": "keyword", "ordered[].high": "integer", "ordered[].low": "integer"}
    store.search([Query("", dense=make_vectors(1, 16)[0])], k=2, using="dense")
    asked = next(request for request in server.seen if request.call.endswith("query/batch"))
    params = asked.body["searches"][0]["params"]
    assert params["hnsw_ef"] == 64 and params["quantization"]["rescore"] and asked.options["consistency"] == "majority"
    with pytest.raises(RagError, match="more than replicas"):
        QdrantStore(write_consistency=2)


def test_an_index_on_a_server_is_filled_beside_and_then_read_at_once(notes: Path, server: Server) -> None:
    run(notes, server)
    assert server.aliases == {"rag": "rag.1"} and set(server.collections) == {"rag.1"}
    assert not problems(notes, server) and not problems(notes, server, deep=False)
    with Pipeline(with_store(notes, server), Index.at(notes)) as pipeline:
        assert pipeline.search("Which router is in building 4?")
    writes = calls(server, "PUT /C/points")
    (notes / "docs" / "canteen.txt").write_text("The canteen is closed for good.\n")
    run(notes, server)  # a small difference is written in place
    assert server.aliases == {"rag": "rag.1"} and calls(server, "PUT /C/points") == writes + 1
    assert not problems(notes, server)
    run(notes, server, rebuild=True)
    assert server.aliases == {"rag": "rag.2"} and set(server.collections) == {"rag.2"}
    assert not problems(notes, server) and not (notes / ".rag" / "filling.txt").exists()


def test_readers_have_the_old_collection_until_the_new_one_is_verified(notes: Path, server: Server) -> None:
    run(notes, server)
    seen: list[str] = []

    def look(asked: Handler) -> bool:
        seen.append(f"{asked.place} {server.aliases['rag']}")
        return False

    server.faults = [("", look)]
    run(notes, server, rebuild=True)
    switched = next(n for n, one in enumerate(seen) if one.endswith(" rag.2"))
    assert any("/collections/rag.2/points/query/batch rag.1" in one for one in seen[:switched])
    assert not any("/points" in one for one in seen[switched:])


def test_a_killed_upload_goes_on_where_it_stopped(notes: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishing, "BATCH", 1)
    server.faults = [("PUT /C/points", after(2, status(401)))]
    with pytest.raises(StoreError, match="api_key_env"):
        run(notes, server)
    assert server.aliases == {} and server.collections["rag.1"].shard.info().points_count == 2
    with open(notes / ".rag" / "filling.txt", "a") as file:
        file.write("0b5bb1f4-half a li")
    server.faults, server.seen = [], []
    run(notes, server)
    assert calls(server, "PUT /C/points") == 2  # of four
    assert server.aliases == {"rag": "rag.1"} and not problems(notes, server)


def test_what_somebody_took_from_the_server_is_seen_and_put_back(notes: Path, server: Server) -> None:
    run(notes, server)
    store = QdrantStore(url=server.url, dim=256)
    store.delete([next(iter(store.ids()))])
    store.close()
    assert "holds 3 chunks, the manifest names 4" in problems(notes, server, deep=False)[0]
    assert problems(notes, server)
    run(notes, server)
    assert not problems(notes, server)
    server.drop(server.seen[-1], "rag.1")
    run(notes, server)
    assert server.aliases == {"rag": "rag.1"} and not problems(notes, server)


def test_a_collection_of_an_older_version_makes_room(notes: Path, server: Server) -> None:
    QdrantStore(url=server.url, dim=256).ids()
    assert set(server.collections) == {"rag"}
    run(notes, server, rebuild=True)
    assert set(server.collections) == {"rag.1"} and server.aliases == {"rag": "rag.1"}


def test_chunks_that_filters_would_not_find_are_refused_until_rag_rebuild(notes: Path, server: Server) -> None:
    run(notes, server)
    indexes = server.collections["rag.1"].indexes
    for name in ("fields", "ordered[].name"):
        indexes.pop(name)  # as a version had it that knew no such filters
    with Pipeline(with_store(notes, server), Index.at(notes)) as pipeline:
        with pytest.raises(MismatchError, match=r"(?s)earlier version.*fields, ordered\[\]\.name.*`rag rebuild` once"):
            pipeline.search("Which router is in building 4?")
    (notes / "docs" / "canteen.txt").write_text("The canteen is closed for good.\n")
    with pytest.raises(MismatchError, match="`rag rebuild` once"):
        run(notes, server)
    with Index.at(notes).edit_manifest() as manifest:
        Index.at(notes).publish(manifest, build(with_store(notes, server)).store, fresh=True)  # what the command does
    assert server.aliases == {"rag": "rag.2"} and not problems(notes, server)


def test_indexes_that_a_killed_writer_did_not_come_to_are_made_by_the_next(server: Server) -> None:
    server.faults = [("PUT /C/index", after(2, status(401)))]
    with pytest.raises(StoreError, match="api_key_env"):
        QdrantStore(url=server.url, dim=16).ids()
    server.faults = []
    assert len(server.collections["rag"].indexes) == 2
    assert QdrantStore(url=server.url, dim=16, readonly=True).ids() == set()  # there is nothing that could be missed
    assert QdrantStore(url=server.url, dim=16).ids() == set()
    assert len(server.collections["rag"].indexes) == 9


# What a server may do to a request. A fault of a number happens so often; without one, always.


def times(n: int, fault: Fault) -> Fault:
    left = [n]

    def play(asked: Handler) -> bool:
        left[0] -= 1
        return left[0] >= 0 and fault(asked)

    return play


def after(n: int, fault: Fault) -> Fault:
    left = [n]

    def play(asked: Handler) -> bool:
        left[0] -= 1
        return left[0] < 0 and fault(asked)

    return play


def status(code: int, **headers: str) -> Fault:
    def play(asked: Handler) -> bool:
        asked.refuse(code, **headers)
        return True

    return play


def hang_up(asked: Handler) -> bool:
    asked.close_connection = True
    asked.connection.close()
    return True


def done_and_hang_up(asked: Handler) -> bool:
    asked.server.answer(asked)
    return hang_up(asked)


def first_time(fault: Fault) -> Fault:
    seen: set[str] = set()

    def play(asked: Handler) -> bool:
        known, request = len(seen), f"{asked.call} {asked.body}"
        seen.add(request)
        return len(seen) > known and asked.place != "/" and fault(asked)

    return play


def half_done(then: Fault) -> Fault:
    def play(asked: Handler) -> bool:
        asked.body["points"] = asked.body["points"][::2]
        asked.server.answer(asked)
        return then(asked)

    return play


def slow(asked: Handler) -> bool:
    asked.server.over.wait(1.5)
    return hang_up(asked)


def done_and_slow(asked: Handler) -> bool:
    asked.server.answer(asked)
    return slow(asked)


def says(data: Any) -> Fault:
    def play(asked: Handler) -> bool:
        asked.reply(200, data)
        return True

    return play


def sends(text: bytes, **headers: str) -> Fault:
    def play(asked: Handler) -> bool:
        asked.send(200, text, **headers)
        asked.close_connection = True
        return True

    return play


def result(change: Callable[[Any], Any]) -> Fault:
    """What the server would say, changed."""

    def play(asked: Handler) -> bool:
        found = json.loads(json.dumps(asked.server.answer(asked)))
        asked.reply(200, {"result": change(found), "status": "ok", "time": 0.0})
        return True

    return play


def less(found: Any) -> Any:
    return {**found, "points": found["points"][:-1]}


def other(found: Any) -> Any:
    return [{**one, "vector": {"dense": [0.5] * 256}} for one in found]


def named(found: Any) -> Any:
    return [{**one, "payload": {**one["payload"], "text": "changed"}} for one in found]


UP, SCROLL, GET, QUERY = "PUT /C/points", "POST /C/points/scroll", "POST /C/points", "POST /C/points/query/batch"
ALIASES, CREATE, INDEX = "POST /collections/aliases", "PUT /C", "PUT /C/index"
QUEUED = {"result": {"operation_id": 1, "status": "acknowledged"}, "status": "ok", "time": 0.0}
LATE = {"result": {"operation_id": 1, "status": "wait_timeout"}, "status": "ok", "time": 0.0}
PASSING: dict[str, tuple[str, Fault]] = {  # the run succeeds
    "write: 429 with a time": (UP, times(2, status(429, Retry_After="0"))),
    "write: 429 without": (UP, times(1, status(429))),
    "write: 408": (UP, times(1, status(408))),
    "write: 500": (UP, times(2, status(500))),
    "write: 502": (UP, times(1, status(502))),
    "write: 503": (UP, times(2, status(503))),
    "write: 504": (UP, times(1, status(504))),
    "write: cut before": (UP, times(2, hang_up)),
    "write: cut after it was done": (UP, times(2, done_and_hang_up)),
    "write: half done, 500": (UP, times(1, half_done(status(500)))),
    "write: half done, cut": (UP, times(2, half_done(hang_up))),
    "write: slow": (UP, times(1, slow)),
    "write: done and slow": (UP, times(1, done_and_slow)),
    "write: in a queue": (UP, times(1, says(QUEUED))),
    "write: waited too long": (UP, times(2, says(LATE))),
    "write: no JSON": (UP, times(1, sends(b"<html>"))),
    "write: nothing": (UP, times(1, sends(b""))),
    "write: half a reply": (UP, times(1, sends(b'{"resu', content_length="4000"))),
    "read: stale ids": (SCROLL, after(1, times(1, result(less)))),
    "read: 503": (SCROLL, times(2, status(503))),
    "read: cut": (SCROLL, times(1, hang_up)),
    "sample: 500": (GET, times(1, status(500))),
    "sample: stale": (GET, times(1, result(lambda found: found[:-1]))),
    "sample: an old vector": (GET, times(2, result(other))),
    "search: 504": (QUERY, times(1, status(504))),
    "search: nothing found": (QUERY, times(1, result(lambda found: [{"points": []} for _ in found]))),
    "switch: 500": (ALIASES, times(1, status(500))),
    "switch: cut after it was done": (ALIASES, times(1, done_and_hang_up)),
    "switch: slow": (ALIASES, times(1, slow)),
    "aliases: 503": ("GET /aliases", times(2, status(503))),
    "create: cut after it was done": (CREATE, times(1, done_and_hang_up)),
    "create: 500": (CREATE, times(1, status(500))),
    "index: 503": (INDEX, times(2, status(503))),
    "index: cut after it was done": (INDEX, times(1, done_and_hang_up)),
    "any: each is cut once": ("", first_time(hang_up)),
    "any: each is cut once when it was done": ("", first_time(done_and_hang_up)),
}
LASTING: dict[str, tuple[str, Fault, str]] = {  # it ends with this; the next run, without the fault, succeeds
    "write: 400": (UP, status(400), "status 400.*told to"),
    "write: 401": (UP, status(401), "`api_key_env` names"),
    "write: 403": (UP, status(403), "the key does not allow this"),
    "write: 404": (UP, status(404), "no such collection: check `collection`"),
    "write: 413": (UP, status(413), "too large for this server"),
    "write: 500 for good": (UP, status(500), "status 500"),
    "write: half done for good": (UP, half_done(status(503)), "status 503"),
    "write: 429 for long": (UP, status(429, Retry_After="3600"), "try again later"),
    "write: done, never said": (UP, done_and_hang_up, "Is the server running"),
    "write: slow for good": (UP, slow, "is `timeout` enough"),
    "write: in a queue for good": (UP, says(QUEUED), "did not finish a write in time"),
    "write: said, not done": (UP, says({"result": {"operation_id": 1, "status": "completed"}}), "does not hold"),
    "read: stale for good": (SCROLL, result(less), "does not hold what the manifest says"),
    "sample: wrong vectors": (GET, result(other), "changed the vector"),
    "sample: wrong payload": (GET, result(named), "does not give back the chunks"),
    "search: fewer answers": (QUERY, result(lambda found: found[:0]), "answered 0 of"),
    "switch: refused": (ALIASES, status(403), "the key does not allow this"),
    "switch: said, not done": (ALIASES, says({"result": True, "status": "ok", "time": 0.0}), "is read there, not"),
    "create: refused": (CREATE, status(400), "status 400"),
    "any: gone": ("", hang_up, "Is the server running"),
}


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of four notes whose store forgets all."""
    folder = tmp_path_factory.mktemp("ready")
    shutil.copy(Path(__file__).parent / "tiny.yaml", folder)
    (folder / "docs").mkdir()
    for n in range(9):
        (folder / "docs" / f"{n}.txt").write_text(f"Lamp {n} hangs in hall {n * n}.\n")
    config = load(str(folder / "tiny.yaml")).with_stage("store", {"use": "qdrant", "in_memory": True})
    ingest(Index.at(folder), config, [str(folder / "docs")])
    (folder / ".rag" / "served.txt").unlink()
    return folder


def fill(folder: Path, server: Server) -> None:
    store = build(with_store(folder, server)).store
    with closing(Manifest.open(folder / ".rag" / "manifest.sqlite", readonly=True)) as manifest:
        publishing.publish(folder / ".rag", manifest, store, fresh=False)


def assert_whole(folder: Path, server: Server) -> None:
    """Nothing lost, nothing twice, nothing left over."""
    server.faults = []
    with closing(Manifest.open(folder / ".rag" / "manifest.sqlite", readonly=True)) as manifest:
        expected = set(manifest.chunk_ids())
        chunks, embeddings = manifest.chunks(sorted(expected))
    assert embeddings.dense is not None and set(server.collections) == {server.aliases["rag"]}
    with closing(QdrantStore(url=server.url, dim=256)) as store:
        assert store.ids() == expected and store.count() == len(expected) == 9
        hits = store.fetch([chunk.id for chunk in chunks], vectors=True)
    assert [hit.chunk for hit in hits] == chunks
    assert all((hit.vector == row).all() for hit, row in zip(hits, embeddings.dense, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("name", PASSING)
def test_a_fault_that_passes_costs_nothing(name: str, ready: Path, tmp_path: Path, server: Server) -> None:
    folder = Path(shutil.copytree(ready, tmp_path / "index"))
    server.faults = [PASSING[name]]
    fill(folder, server)
    assert_whole(folder, server)


@pytest.mark.slow
@pytest.mark.parametrize("name", LASTING)
def test_a_fault_that_lasts_says_what_to_do_and_loses_nothing(
    name: str, ready: Path, tmp_path: Path, server: Server
) -> None:
    folder = Path(shutil.copytree(ready, tmp_path / "index"))
    *fault, words = LASTING[name]
    server.faults = [tuple(fault)]  # type: ignore[list-item]
    with pytest.raises((StoreError, CorruptError), match=words):
        fill(folder, server)
    server.faults = []
    fill(folder, server)
    assert_whole(folder, server)


def test_there_are_more_than_forty_kinds_of_faults() -> None:
    assert len(PASSING) + len(LASTING) >= 40


def test_a_server_that_is_too_old_is_refused(server: Server) -> None:
    server.version = "1.17.2"
    with pytest.raises(MismatchError, match=r"version 1\.17\.2; raghop needs 1\.19 or newer"):
        QdrantStore(url=server.url, dim=8).ids()


def test_a_server_without_tls_is_not_taken_for_one_with_it(server: Server) -> None:
    with pytest.raises(StoreError, match=r"no safe connection.*http or https"):
        QdrantStore(url=server.url.replace("http:", "https:"), dim=8, retries=0).ids()


def test_the_store_offers_what_a_server_can_do() -> None:
    assert isinstance(QdrantStore(), ServedStore)
