"""Qdrant Edge: the store's contract, opening, and what is refused in words."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest

from rag.errors import CorruptError, MismatchError, SpaceError, StoreError
from rag.stages import LocalStore, Store
from rag.store import edge_config
from rag.store.edge import EdgeStore
from rag.testing import StoreConformance, make_chunks, make_vectors
from rag.types import Embeddings, Filter, Query, Sparse


class TestEdge(StoreConformance):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        return EdgeStore(path=str(tmp_path / "index"), dim=self.dim)


class TestQuantized(StoreConformance):
    @pytest.fixture(params=["int8", "turbo", "binary", "product"])
    def store(self, tmp_path: Path, request: pytest.FixtureRequest) -> Store:
        return EdgeStore(path=str(tmp_path / "index"), dim=self.dim, quantize=request.param)


@pytest.fixture
def shard(tmp_path: Path) -> Path:
    """A flushed and closed folder with eight chunks."""
    store = EdgeStore(path=str(tmp_path / "index"), dim=8, sparse=False)
    store.write(make_chunks(), Embeddings(dense=make_vectors(8, 8)))
    store.flush()
    store.close()
    return tmp_path / "index"


def test_what_was_flushed_is_there_when_opened_again(shard: Path) -> None:
    assert EdgeStore(path=str(shard), dim=8, sparse=False, readonly=True).ids() == {chunk.id for chunk in make_chunks()}


def test_another_process_reads_while_this_one_has_the_folder_open(shard: Path) -> None:
    store = EdgeStore(path=str(shard), dim=8, sparse=False)
    assert len(store.ids()) == 8
    store_ids = "EdgeStore(path=sys.argv[1], dim=8, sparse=False).ids()"
    code = f"import sys; from rag.store.edge import EdgeStore; print(len({store_ids}))"
    command = [sys.executable, "-c", code, str(shard)]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "8\n"
    assert len(store.ids()) == 8


def test_reading_changes_no_file(shard: Path) -> None:
    before = {path: path.read_bytes() for path in shard.rglob("*") if path.is_file()}
    store = EdgeStore(path=str(shard), dim=8, sparse=False, readonly=True)
    store.search([Query("q", dense=make_vectors(1, 8)[0])], k=3, using="dense")
    store.close()
    assert {path: path.read_bytes() for path in shard.rglob("*") if path.is_file()} == before


def test_readonly_neither_creates_nor_writes(shard: Path, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="rag ingest"):
        EdgeStore(path=str(tmp_path / "absent"), dim=8, readonly=True).ids()
    assert not (tmp_path / "absent").exists()
    store = EdgeStore(path=str(shard), dim=8, sparse=False, readonly=True)
    with pytest.raises(StoreError, match="reading only"):
        store.write(make_chunks(), Embeddings(dense=make_vectors(8, 8)))
    with pytest.raises(StoreError, match="reading only"):
        store.delete([make_chunks()[0].id])
    assert len(store.ids()) == 8


@pytest.mark.parametrize("kind", ["int8", "turbo", "product"])
def test_short_copies_find_what_full_vectors_score(kind: Any, tmp_path: Path) -> None:
    rows, many = make_vectors(400, 64), [replace(make_chunks()[0], id=str(UUID(int=i + 1))) for i in range(400)]
    store = EdgeStore(path=str(tmp_path / "index"), dim=64, sparse=False, quantize=kind)
    store.write(many, Embeddings(dense=rows))
    store.flush()
    assert [*(tmp_path / "index").rglob("quantized.*")]
    scores = rows @ rows[0]
    [hits] = store.search([Query("q", dense=rows[0])], k=10, using="dense", vectors=True)
    best = [many[i].id for i in np.argsort(-scores)[:10]]
    assert len({hit.chunk.id for hit in hits} & {*best}) >= 9
    assert [hit.score for hit in hits] == pytest.approx([scores[UUID(hit.chunk.id).int - 1] for hit in hits], abs=1e-6)
    assert hits[0].vector is not None and np.array_equal(hits[0].vector, rows[0])
    store.close()
    others: set[Any] = {"none", "int8", "turbo", "binary", "product"} - {kind}
    for other in others:
        with pytest.raises(MismatchError, match=f"quantize: {other}; run `rag rebuild`"):
            EdgeStore(path=str(tmp_path / "index"), dim=64, sparse=False, quantize=other).ids()


@pytest.mark.parametrize(("options", "rare"), [({}, True), ({"idf": False}, False)])
def test_words_that_few_chunks_have_count_more(tmp_path: Path, options: dict[str, Any], rare: bool) -> None:
    store, chunks = EdgeStore(path=str(tmp_path / "index"), **options), make_chunks()
    words = [Sparse(np.array([1 + (n == 7)]), np.ones(1, np.float32)) for n in range(8)]
    store.write(chunks, Embeddings(sparse=words))
    store.flush()
    question = Query("q", sparse=Sparse(np.array([1, 2]), np.array([1, 0.9], np.float32)))
    [[hit]] = store.search([question], k=1, using="sparse")
    assert (hit.chunk == chunks[7]) is rare


@pytest.fixture
def histories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[EdgeStore, EdgeStore]]:
    """A store written and deleted from in eight rounds, its segments closed, and an open one of what is left."""
    monkeypatch.setattr(edge_config, "CLOSE_AT", 1)
    chance, n = np.random.default_rng(0), 900
    many = [replace(make_chunks()[0], id=str(UUID(int=i + 1)), source=f"{i % 7}.txt") for i in range(n)]
    dense = make_vectors(n, 32)
    words = [Sparse(np.unique(chance.zipf(1.3, 20) % 300), np.ones(0, np.float32)) for _ in range(n)]
    sparse = [Sparse(one.indices, chance.random(len(one.indices)).astype(np.float32) + 0.1) for one in words]

    def write(store: EdgeStore, rows: Sequence[int]) -> None:
        store.write([many[i] for i in rows], Embeddings(dense=dense[rows], sparse=[sparse[i] for i in rows]))
        store.flush()

    closed, left = EdgeStore(path=str(tmp_path / "closed"), dim=32), set[int]()
    for _ in range(8):
        rows = [int(i) for i in chance.choice(n, 200, replace=False)]
        gone = [int(i) for i in chance.choice(sorted(left | {*rows}), 90, replace=False)]
        write(closed, rows)
        closed.delete([many[i].id for i in gone])
        closed.flush()
        left = (left | {*rows}) - {*gone}
    monkeypatch.undo()
    fresh = EdgeStore(path=str(tmp_path / "fresh"), dim=32)
    write(fresh, sorted(left))
    yield closed, fresh
    closed.close()
    fresh.close()


@pytest.mark.parametrize("using", ["dense", "sparse", "hybrid"])
@pytest.mark.parametrize("filter", [None, Filter(any_of={"source": ("1.txt", "4.txt")})])
def test_a_store_with_a_history_finds_what_a_fresh_one_finds(
    histories: tuple[EdgeStore, EdgeStore], using: str, filter: Filter | None
) -> None:
    closed, fresh = histories
    assert len([*Path(closed.path).glob("segments/*")]) > 1 == len([*Path(fresh.path).glob("segments/*")])
    assert closed.ids() == fresh.ids() and closed.count() == fresh.count() == len(fresh.ids())
    chance = np.random.default_rng(1)
    for vector in make_vectors(20, 32):
        words = Sparse(np.unique(chance.zipf(1.3, 6) % 300), np.ones(0, np.float32))
        query = Query("q", dense=vector, sparse=replace(words, values=np.ones(len(words.indices), np.float32)))
        [[*one], [*other]] = (
            store.search([replace(query, filter=filter)], k=10, using=using)[0] for store in (closed, fresh)
        )
        assert [hit.chunk for hit in one] == [hit.chunk for hit in other]
        assert [hit.score for hit in one] == pytest.approx([hit.score for hit in other], rel=1e-5)


def test_reading_a_closed_segment_changes_no_file(histories: tuple[EdgeStore, EdgeStore]) -> None:
    folder = Path(histories[0].path)
    histories[0].close()
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    store = EdgeStore(path=str(folder), dim=32, readonly=True)
    store.search([Query("q", dense=make_vectors(1, 32)[0])], k=3, using="dense")
    store.close()
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_other_vectors_are_a_mismatch(shard: Path) -> None:
    with pytest.raises(MismatchError, match="'dense': 8"):
        EdgeStore(path=str(shard), dim=16, sparse=False).ids()
    with pytest.raises(MismatchError, match="sparse"):
        EdgeStore(path=str(shard), dim=8).ids()


@pytest.mark.parametrize(
    "damage", ["edge_config.json", "segments/*/segment.json", "segments/*/payload_index/config.json"]
)
def test_a_damaged_folder_is_corrupt(shard: Path, damage: str) -> None:
    [file] = shard.glob(damage)
    file.write_bytes(file.read_bytes()[:7])
    with pytest.raises(CorruptError, match=str(shard)):
        EdgeStore(path=str(shard), dim=8, sparse=False).ids()


def test_a_panic_of_the_engine_is_an_error_like_any_other(shard: Path) -> None:
    [file] = shard.glob("segments/*/vector_storage-dense/vectors/status.dat")
    file.write_bytes(b"")
    with pytest.raises(CorruptError):
        EdgeStore(path=str(shard), dim=8, sparse=False).ids()


def test_a_lost_config_is_corrupt_and_not_made_up(shard: Path) -> None:
    (shard / "edge_config.json").unlink()
    with pytest.raises(CorruptError, match="rebuilt"):
        EdgeStore(path=str(shard), dim=8, sparse=False).ids()


def test_no_log_is_kept_that_would_lock_readers_out(shard: Path) -> None:
    assert json.loads((shard / "edge_config.json").read_text())["wal_enabled"] is False


def test_a_full_disk_is_refused_before_the_engine_meets_it(shard: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = EdgeStore(path=str(shard), dim=8, sparse=False)
    usage = shutil.disk_usage(shard)._replace(free=10 << 20)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(SpaceError, match="10 MB"):
        store.write(make_chunks(), Embeddings(dense=make_vectors(8, 8)))
    assert [hit.chunk for hit in store.fetch([chunk.id for chunk in make_chunks()])] == make_chunks()


def test_a_path_must_be_given() -> None:
    with pytest.raises(StoreError, match="`path`"):
        EdgeStore(dim=8).ids()


def test_it_says_that_it_is_local() -> None:
    assert isinstance(EdgeStore(), LocalStore)
