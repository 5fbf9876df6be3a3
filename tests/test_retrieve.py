"""The plain retriever, over both kinds of vectors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from rag.retrieve.search import SearchRetriever
from rag.stages import Retriever, component
from rag.store.edge import EdgeStore
from rag.testing import RetrieverConformance, make_chain, make_chunks
from rag.types import Chunked, Embeddings, Spans, Sparse


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
