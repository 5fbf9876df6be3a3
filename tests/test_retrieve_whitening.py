"""Whitening on the question's side: equal to the definition on both sides, fit on the index, hops left alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest

from rag.embed.hashing import HashingEmbedder
from rag.retrieve import whitening
from rag.retrieve.search import SearchRetriever
from rag.retrieve.whitening import fit, sample
from rag.stages import Retriever
from rag.store.edge import EdgeStore
from rag.testing import RetrieverConformance, make_chain, make_chunks
from rag.types import Chunk, Embeddings, Query, Vectors

DIM = 6


def spread(n: int, seed: int = 0) -> Vectors:
    """Vectors that differ much in the first columns and little in the last, around something that is not zero."""
    random = np.random.default_rng(seed)
    return (random.normal(size=(n, DIM)) * np.geomspace(3, 0.03, DIM) + 1).astype(np.float32)


def store(path: Path, vectors: Vectors, k: int = 0) -> EdgeStore:
    ids = [str(UUID(int=i + 1 + k)) for i in range(len(vectors))]
    made = EdgeStore(path=str(path), dim=vectors.shape[1], sparse=False)
    made.write([Chunk(id, "d", id, 0, len(id), "s") for id in ids], Embeddings(vectors))
    made.flush()
    return made


def by_definition(vectors: Vectors, queries: Vectors, power: float) -> np.ndarray[Any, Any]:
    """Both sides multiplied by the inverse root of the shrunk covariance; what depends on the query alone left out."""
    n = len(vectors)
    mean, covariance = vectors.mean(axis=0), np.cov(vectors.astype(np.float64), rowvar=False)
    covariance = (n * covariance + DIM * np.trace(covariance) / DIM * np.eye(DIM)) / (n + DIM)
    u, s, _ = np.linalg.svd(covariance)
    root = u @ np.diag(s ** (-power / 2)) @ u.T
    scores: np.ndarray[Any, Any] = ((queries - mean) @ root) @ ((vectors - mean) @ root).T
    return scores


@pytest.mark.parametrize("power", [0.25, 0.5, 1.0])
def test_the_order_is_that_of_both_sides_whitened(tmp_path: Path, power: float) -> None:
    vectors, queries = spread(50), spread(8, seed=1)
    search = SearchRetriever(
        embedder=HashingEmbedder(width=DIM), store=store(tmp_path / "i", vectors), by="dense", whiten=power
    )
    hits = search.retrieve([Query("q", dense=query) for query in queries], k=50)
    expected = by_definition(vectors, queries, power)
    for found, scores in zip(hits, expected, strict=True):
        assert [UUID(hit.chunk.id).int - 1 for hit in found] == np.argsort(-scores).tolist()
    plain = replace(search, whiten=0.0).retrieve([Query("q", dense=query) for query in queries], k=50)
    assert [[h.chunk.id for h in one] for one in plain] != [[h.chunk.id for h in one] for one in hits]
    for hit in hits[0]:
        assert hit.vector is not None and np.array_equal(hit.vector, vectors[UUID(hit.chunk.id).int - 1])  # as given


def test_hops_and_queries_without_dense_vectors_stay_as_they_are(tmp_path: Path) -> None:
    vectors = spread(20)
    search = SearchRetriever(
        embedder=HashingEmbedder(width=DIM), store=store(tmp_path / "i", vectors), by="dense", whiten=1.0
    )
    hop = Query("q", dense=vectors[3], hop=1)
    assert search._whiten(hop) is hop
    bare = Query("q")
    assert search._whiten(bare) is bare


def test_few_or_equal_chunks_change_nothing_or_little(tmp_path: Path) -> None:
    query = Query("q", dense=np.ones(DIM, np.float32))
    for n, vectors in enumerate((spread(1), np.ones((5, DIM), np.float32))):
        search = SearchRetriever(
            embedder=HashingEmbedder(width=DIM), store=store(tmp_path / f"{n}", vectors), by="dense", whiten=1.0
        )
        assert search._whiten(query) is query
    two = fit(list(spread(2)), 1.0)
    assert two is not None and np.linalg.cond(two.matrix) < 10  # not a singular covariance's inverse


def test_the_sample_is_spread_over_the_index_and_always_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(whitening, "SAMPLE", 8)
    made = store(tmp_path / "i", spread(21))
    first = sample(made)
    assert first == sample(made) and len(first) == 7
    assert [UUID(id).int for id in first] == [1, 4, 7, 10, 13, 16, 19]


class TestSearch(RetrieverConformance):
    @pytest.fixture(params=["dense", "hybrid"])
    def retriever(self, request: pytest.FixtureRequest, tmp_path: Path) -> Retriever:
        embedder = HashingEmbedder()
        made = EdgeStore(path=str(tmp_path / "index"), dim=embedder.dim, sparse=False)
        made.write(make_chunks(), embedder.embed_chunks(make_chain()))
        return SearchRetriever(embedder=embedder, store=made, by=request.param, whiten=0.5)
