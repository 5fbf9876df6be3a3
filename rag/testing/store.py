"""Conformance of stores."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import NAMESPACE_URL, uuid5

import numpy as np
import pytest

from rag.errors import StoreError
from rag.stages import Store
from rag.testing.samples import make_chunks, make_vectors, ordered_ids
from rag.types import Embeddings, Filter, Query, Range, Sparse


class StoreConformance:
    """Fixture `store`: fresh and empty, for dense vectors of `dim` columns and sparse ones."""

    dim = 8
    filters: Sequence[tuple[Filter, set[int]]] = (
        (Filter({"title": ("Elm Bridge", "nobody"), "source": ("notes/4.md",)}), {4}),
        (Filter({"about": ("fir museum", "cedar town")}), {2, 5}),
        (Filter({"meta.number": (1, 6), "meta.even": (True,)}), {6}),
        (Filter({"meta.number": (1.0, "6", True), "meta.words": ("River", "Birch")}), {1}),
        (Filter({"meta.share": (3 / 7,)}, {"meta.WORDS": ("Museum",)}), {3}),
        (Filter({"id": (str(uuid5(NAMESPACE_URL, "doc1")), "unknown")}), {1}),
        (Filter({"doc_id": ()}), set()),
        (Filter({}, {"meta.even": (True,), "doc_id": ("doc1",)}), {3, 5, 7}),
        (Filter({}, {"meta.number": (0,)}, within=Filter({"meta.number": (0, 1)})), {1}),
        (Filter(ranges={"meta.Number": Range(least=2, below=5), "meta.share": Range(above=2 / 7)}), {3, 4}),
        (Filter(ranges={"meta.since": Range(above=2021, most="2023-05")}), {2, 3}),
        (Filter(ranges={"meta.even": Range(least=0)}), set()),
    )

    @pytest.fixture
    def filled(self, store: Store) -> Store:
        store.write(make_chunks(), Embeddings(make_vectors(8, self.dim), self.sparse))
        store.flush()
        return store

    @property
    def sparse(self) -> list[Sparse]:
        """Chunk i has the indices i and 100; chunk 0 has none."""
        return [Sparse(np.array([i, 100][: 2 * i], np.int64), np.ones(min(2, 2 * i), np.float32)) for i in range(8)]

    def test_search(self, filled: Store) -> None:
        dense, vectors = make_vectors(8, self.dim), make_vectors(3, self.dim, seed=1)
        queries = [Query(f"q{i}", dense=vector, hop=i, trail=("root",) * i) for i, vector in enumerate(vectors)]
        for i, found in enumerate(filled.search(queries, k=5, using="dense", vectors=True)):
            best = np.argsort(-(dense @ vectors[i]))[:5]
            assert ordered_ids(found) == [make_chunks()[row].id for row in best]
            assert all((hit.hop, hit.trail) == (i, ("root",) * i) for hit in found)
            np.testing.assert_array_equal([hit.vector for hit in found], dense[best])
        query = replace(queries[0], sparse=self.sparse[3])
        [found] = filled.search([query], k=3, using="sparse")
        equal = sorted(chunk.id for i, chunk in enumerate(make_chunks()) if i not in {0, 3})
        assert ordered_ids(found) == [make_chunks()[3].id, *equal[:2]]
        assert set(ordered_ids(filled.search([query], k=9, using="hybrid")[0])) == filled.ids()
        few = filled.search([replace(query, limit=2), query], k=3, using="hybrid")
        assert [len(hits) for hits in few] == [2, 3] and ordered_ids(few[0]) == ordered_ids(few[1])[:2]
        nothing = replace(query, sparse=self.sparse[0])
        assert filled.search([nothing], k=3, using="sparse") == [[]]
        assert len(filled.search([nothing], k=3, using="hybrid")[0]) == 3
        queries = [replace(query, filter=filter) for filter, _ in self.filters]
        for found, (filter, rows) in zip(filled.search(queries, k=9, using="dense"), self.filters, strict=True):
            assert set(ordered_ids(found)) == {make_chunks()[row].id for row in rows}, filter

    def test_write_fetch_delete(self, filled: Store) -> None:
        first, second, third = make_chunks()[:3]
        found = filled.fetch([third.id, first.id, "unknown", second.id], vectors=True)
        assert [(hit.chunk, hit.score) for hit in found] == [(third, 0), (first, 0), (second, 0)]
        np.testing.assert_array_equal([hit.vector for hit in found], make_vectors(8, self.dim)[[2, 0, 1]])
        changed = replace(second, text="other", end=5)
        filled.write([changed], Embeddings(make_vectors(1, self.dim), self.sparse[:1]))
        assert [hit.chunk for hit in filled.fetch([second.id])] == [changed] and len(filled.ids()) == 8
        filled.delete([first.id, "unknown"])
        assert filled.fetch([first.id]) == [] and filled.ids() == {chunk.id for chunk in make_chunks()[1:]}
        filled.close()
        filled.close()

    def test_a_bad_batch_is_refused_whole(self, store: Store) -> None:
        nan, zero, unordered = make_vectors(8, self.dim), make_vectors(8, self.dim), self.sparse
        nan[5], zero[5], unordered[5] = np.nan, 0, Sparse(np.array([2, 1]), np.ones(2, np.float32))
        for dense, sparse in ((nan, self.sparse), (zero, self.sparse), (make_vectors(8, self.dim), unordered)):
            with pytest.raises(StoreError, match=make_chunks()[5].id):  # the first bad row
                store.write(make_chunks(), Embeddings(dense, sparse))
        for shape in ((7, self.dim), (8, self.dim + 1)):
            with pytest.raises(StoreError):
                store.write(make_chunks(), Embeddings(make_vectors(*shape), self.sparse))
        assert store.ids() == set()
