"""The plain retriever, over both kinds of vectors."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from rag.errors import ConfigError
from rag.retrieve.search import SearchRetriever
from rag.stages import Retriever, Store, component
from rag.store.edge import EdgeStore
from rag.store.qdrant import QdrantStore
from rag.testing import RetrieverConformance, make_chain, make_chunks
from rag.types import Chunked, Embeddings, Query, Spans, Sparse


@component
class Letters:
    """Embeds a text by its letters (dense) and its words (sparse): enough to tell texts apart."""

    dim: int = 26
    representations: frozenset[str] = frozenset({"dense", "sparse"})
    fingerprint: str = "letters"

    def token_spans(self, texts: Sequence[str]) -> list[Spans]:
        return [np.zeros((0, 2), np.int64) for _ in texts]

    def embed_chunks(self, batch: Sequence[Chunked]) -> Embeddings:
        return self.embed_queries([chunk.contextual for one in batch for chunk in one.chunks])

    def embed_queries(self, texts: Sequence[str]) -> Embeddings:
        dense = np.array([[text.lower().count(chr(97 + i)) for i in range(26)] for text in texts], np.float32)
        words = [sorted({sum(map(ord, word)) for word in text.lower().strip("?.").split()}) for text in texts]
        sparse = [Sparse(np.array(ids, np.int64), np.ones(len(ids), np.float32)) for ids in words]
        return Embeddings(dense / np.maximum(np.linalg.norm(dense, axis=1, keepdims=True), 1e-9), sparse)


class TestSearch(RetrieverConformance):
    @pytest.fixture(params=["dense", "sparse", "hybrid"])
    def retriever(self, request: pytest.FixtureRequest, tmp_path: Path) -> Retriever:
        store = EdgeStore(path=str(tmp_path / "index"), dim=26)
        store.write(make_chunks(), Letters().embed_chunks(make_chain()))
        return SearchRetriever(embedder=Letters(), store=store, by=request.param)


def test_hits_carry_vectors_for_later_stages(tmp_path: Path) -> None:
    store = EdgeStore(path=str(tmp_path / "index"), dim=26)
    vectors = Letters().embed_chunks(make_chain())
    store.write(make_chunks(), vectors)
    retriever = SearchRetriever(embedder=Letters(), store=store)
    [hits] = retriever.retrieve(retriever.prepare(["Dunmore River is number 3 of the chain"]), k=2)
    assert hits[0].chunk.title == "Dunmore River" and vectors.dense is not None
    np.testing.assert_array_equal(hits[0].vector, vectors.dense[3])


@pytest.mark.parametrize("engine", ["edge", "qdrant"])
def test_scores_keep_how_much_better_the_first_is(tmp_path: Path, engine: str) -> None:
    """One list knows the right chunk by far, in the other it is last: by rank it loses, by score it wins."""
    store: Store = (
        EdgeStore(path=str(tmp_path / "index"), dim=2) if engine == "edge" else QdrantStore(in_memory=True, dim=2)
    )
    chunks = make_chunks()[:5]
    angles = np.array([0.5, 0.0, 0.01, 0.02, 0.03])
    dense = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    values = [9.0, 1.2, 1.1, 1.0, 0.9]
    sparse = [Sparse(np.array([7], np.int64), np.array([value], np.float32)) for value in values]
    store.write(chunks, Embeddings(dense, sparse))
    store.flush()
    query = Query("q", dense=dense[1], sparse=Sparse(np.array([7], np.int64), np.ones(1, np.float32)))
    find = partial(SearchRetriever, embedder=Letters(), store=store)
    first = {fusion: find(fusion=fusion).retrieve([query], k=1)[0][0].chunk for fusion in ("rank", "scores", "auto")}
    assert first["rank"].id != chunks[0].id == first["scores"].id == first["auto"].id
    assert find(fusion="scores", dense=1.0).retrieve([query], k=1)[0][0].chunk.id == chunks[1].id


def test_weights_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    store = EdgeStore(path=str(tmp_path / "index"), dim=26)
    find = partial(SearchRetriever, embedder=Letters(), store=store)
    with pytest.raises(ConfigError, match=r"dense 0\.8 and tokens 0\.4 are more than 1 together"):
        find(fusion="scores", dense=0.8, tokens=0.4)
    with pytest.raises(ConfigError, match=r"retrieve\.tokens is a weight of `by: hybrid, fusion: scores`"):
        find(tokens=0.4)
    assert find(fusion="scores", tokens=0.2).needs == {"dense", "sparse", "tokens"}
