"""Both engines give the same answers on the same random data."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest
from numpy.random import Generator

from rag.store import ranking
from rag.store.edge import EdgeStore
from rag.store.qdrant import QdrantStore
from rag.testing import make_vectors
from rag.types import Chunk, Embeddings, Filter, Hit, Query, Section, Sparse, Value

DIM, N = 6, 60
WORDS = ("red", "green", "blue", "ünïcode", "a.b", "")


def sparse(rng: Generator, most: int) -> Sparse:
    indices = np.unique(rng.integers(0, 12, rng.integers(0, most + 1)))
    return Sparse(indices, rng.uniform(0.5, 2, len(indices)).astype(np.float32))


def batch(rng: Generator, ids: list[str]) -> tuple[list[Chunk], Embeddings]:
    def word() -> str:
        return str(rng.choice(WORDS))

    made = []
    for id in ids:
        meta: dict[str, Value] = {
            "n": int(rng.integers(3)),
            "x": float(rng.integers(3)) / 2,
            "on": bool(rng.integers(2)),
            "a.b": word(),
        }
        sections = (Section(0, 3, "page", "page 1"),) * int(rng.integers(3))
        made.append(Chunk(id, word(), f"text {id}", 0, 41, word(), word(), word(), (word(), word()), sections, meta))
    tokens = [make_vectors(int(rng.integers(1, 5)), DIM, int(rng.integers(1000))) for _ in ids]
    return made, Embeddings(make_vectors(len(ids), DIM, int(rng.integers(1000))), [sparse(rng, 5) for _ in ids], tokens)


def some_filter(rng: Generator, ids: list[str], depth: int = 0) -> Filter:
    """Up to two conditions a side, over every kind of field."""
    fields: dict[str, tuple[Value, ...]] = {
        "id": tuple(ids[:40]),
        "doc_id": WORDS[:2],
        "source": (*WORDS[:4], "none"),
        "title": WORDS[1:5],
        "about": ("red", "blue"),
        "meta.n": (0, 1),
        "meta.x": (0.5, 1.0),
        "meta.on": (True,),
        "meta.a.b": ("a.b", "red", 7),
    }

    def pick() -> dict[str, tuple[Value, ...]]:
        return {str(name): fields[str(name)] for name in rng.choice(list(fields), rng.integers(0, 3), replace=False)}

    return Filter(pick(), pick(), some_filter(rng, ids, 1) if depth == 0 and rng.integers(2) else None)


def assert_same(ours: list[list[Hit]], theirs: list[list[Hit]]) -> None:
    for one, other in zip(ours, theirs, strict=True):
        assert [hit.chunk for hit in one] == [hit.chunk for hit in other]
        np.testing.assert_allclose([hit.score for hit in one], [hit.score for hit in other], atol=1e-5)


@pytest.mark.parametrize("seed", range(4))
def test_same_data_same_answers(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    ids = [str(UUID(bytes=rng.bytes(16))) for _ in range(N)]
    edge = EdgeStore(path=str(tmp_path / "index"), dim=DIM, tokens=True)
    qdrant = QdrantStore(in_memory=True, dim=DIM, tokens=True)
    twice = rng.permutation(ids)[:15].tolist()
    for part in (ids[:40], ids[40:], twice):  # the last one replaces chunks that are there
        made, embeddings = batch(rng, part)
        for store in (edge, qdrant):
            store.write(made, embeddings)
    gone = rng.permutation(ids)[:10].tolist()
    for store in (edge, qdrant):
        store.delete(gone)
        store.flush()
    assert edge.ids() == qdrant.ids() == set(ids) - set(gone)
    assert edge.fetch(ids) == qdrant.fetch(ids)
    for ours, theirs in zip(edge.fetch(ids, vectors=True), qdrant.fetch(ids, vectors=True), strict=True):
        np.testing.assert_array_equal(ours.vector, theirs.vector)
    queries = [
        Query(
            f"query {i}",
            dense=make_vectors(1, DIM, 5000 + 100 * seed + i)[0],
            sparse=sparse(rng, 4),
            tokens=make_vectors(3, DIM, i),
            filter=some_filter(rng, ids) if i % 4 else None,
        )
        for i in range(40)
    ]
    found = 0
    for using in ("dense", "sparse", "tokens", "hybrid"):
        for k in (1, 7):
            answer = edge.search(queries, k=k, using=using)
            assert_same(answer, qdrant.search(queries, k=k, using=using))
            found += sum(map(len, answer))
    assert found > 500


@pytest.mark.parametrize("deeper", [(8,), (4, 8), (512, 4096)])
@pytest.mark.parametrize("engine", ["edge", "qdrant"])
def test_equal_chunks_come_in_the_order_of_their_ids(
    tmp_path: Path, engine: str, deeper: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ranking, "DEEPER", deeper)
    monkeypatch.setattr(ranking, "PAGE", 16)
    store = (
        EdgeStore(path=str(tmp_path / "index"), dim=DIM) if engine == "edge" else QdrantStore(in_memory=True, dim=DIM)
    )
    rng, ones = np.random.default_rng(0), np.ones(1, np.float32)
    ids = [str(UUID(bytes=rng.bytes(16))) for _ in range(300)]
    best, same = ids[:3], ids[3:]  # three are better than all others, which are equal
    words = [Sparse(np.array([1, 2]), np.array([3, 1], np.float32))] * 3 + [Sparse(np.array([1]), ones)] * 297
    dense = np.tile(make_vectors(1, DIM), (300, 1))
    dense[3:] /= 2
    chunks = [Chunk(id, "d", "same", 0, 4, "odd" if int(id[-1], 16) % 2 else "even") for id in ids]
    store.write(chunks, Embeddings(dense, words))
    query = Query("q", dense=make_vectors(1, DIM)[0], sparse=Sparse(np.array([1]), ones))
    odd = [id for id in ids if int(id[-1], 16) % 2]
    for using in ("dense", "sparse", "hybrid"):
        [hits] = store.search([query], k=7, using=using)
        assert [hit.chunk.id for hit in hits] == sorted(best) + sorted(same)[:4], using
        [hits] = store.search([replace(query, filter=Filter(any_of={"source": ("odd",)}))], k=7, using=using)
        expected = sorted(set(best) & set(odd)) + sorted(set(same) & set(odd))
        assert [hit.chunk.id for hit in hits] == expected[:7], using
    [hits] = store.search([query], k=1000, using="hybrid")
    assert [hit.chunk.id for hit in hits] == sorted(best) + sorted(same)
