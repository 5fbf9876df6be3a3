"""Conformance tests for plug-ins: what the docstrings of `rag.stages` promise, as pytest classes to inherit.

    class TestMyStore(StoreConformance):
        @pytest.fixture
        def store(self, tmp_path):
            return MyStore(path=str(tmp_path / "index"), dim=self.dim)

Each class asks for one fixture, which its docstring names: a component as a pipeline would build it. Passing says that
the contract holds, not that the answers are good; that is what the evaluation is for. Needs pytest.
"""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

import numpy as np
import pytest

from rag.errors import InputError, StoreError
from rag.stages import (
    Chunker,
    Connector,
    Embedder,
    Generator,
    Hopper,
    Reranker,
    Retriever,
    Store,
    WorkerExecutor,
)
from rag.types import Chunk, Chunked, Document, Embeddings, Filter, Hit, Query, Section, Sparse, Values, Vectors

NAMES = "Alder Works,Birch Group,Cedar Town,Dunmore River,Elm Bridge,Fir Museum,Gorse Archive,Hazel Press".split(",")
NASTY = ("", " \n\t ", "e\u0301 \u200d👩🚀", "a\r\nb\u2028c\0d", "x" * 5000, "第一。第二。" * 50, "|a|b|\n|-|-|\n" * 90)


def make_chain() -> list[Chunked]:
    """Eight documents of one chunk each, every one of which mentions the next: a chain of hops."""
    chain = []
    for i, name in enumerate(NAMES):
        text = f"{name} is number {i} of the chain. It is next to {NAMES[(i + 1) % len(NAMES)]}."
        sections = (Section(0, len(name), "heading", name),)
        meta: dict[str, Values] = {"number": i, "even": i % 2 == 0, "Words": (*name.split(), "all"), "share": i / 7}
        one = Document(f"doc{i}", f"notes/{i}.md", text, name, sections, meta)
        id, about = str(uuid5(NAMESPACE_URL, one.id)), (name.lower(),)
        chunk = Chunk(id, one.id, text, 0, len(text), one.source, name, name, about, sections, one.meta)
        chain.append(Chunked(one, (chunk,)))
    return chain


def make_chunks() -> list[Chunk]:
    """The chunks of `make_chain`."""
    return [chunk for one in make_chain() for chunk in one.chunks]


def make_vectors(n: int, dim: int, seed: int = 0) -> Vectors:
    """n random vectors of length 1."""
    rows = np.random.default_rng(seed).normal(size=(n, dim))
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def make_hits(dim: int = 8) -> list[Hit]:
    """The chunks as hits, best first, with vectors."""
    rows = zip(make_chunks(), make_vectors(len(NAMES), dim), strict=True)
    return [Hit(chunk, 1 / (i + 1), vector=vector) for i, (chunk, vector) in enumerate(rows)]


def ordered_ids(found: Sequence[Hit]) -> list[str]:
    """The chunk ids of hits, after a check that they are distinct and best first."""
    assert [hit.score for hit in found] == sorted((hit.score for hit in found), reverse=True)
    assert len({hit.chunk.id for hit in found}) == len(found)
    return [hit.chunk.id for hit in found]


class ConnectorConformance:
    """Fixture `folder`: (connector, path or address of a folder with at least one file that it can read)."""

    def test_scan_then_load(self, folder: tuple[Connector, Path | str]) -> None:
        connector, root = folder
        absent = f"{root}/absent"
        sources = list(connector.scan([str(root)], base=str(root)))
        assert list(connector.scan([str(root)], base=str(root))) == sources  # stamps of what did not change
        names = [source.name for source in sources]
        assert names and names == sorted(names) and not any(Path(name).is_absolute() for name in names)
        loaded = list(connector.load(sources))
        assert sorted(one.source.name for one in loaded) == names
        assert all(one.reason for one in loaded if one.status != "ok")
        documents = [document for one in loaded for document in one.documents]
        assert documents and len({document.id for document in documents}) == len(documents)
        assert all(0 <= s.start <= s.end <= len(d.text) for d in documents for s in d.sections)
        [gone] = connector.load([replace(sources[0], path=absent)])
        assert gone.status == "failed" and gone.reason and not gone.documents
        with pytest.raises(InputError):
            list(connector.scan([absent], base=str(root)))


class ChunkerConformance:
    """Fixture `chunker`."""

    def test_spans_are_exact(self, chunker: Chunker) -> None:
        documents = [one.document for one in make_chain()]
        documents += [Document(f"nasty{i}", f"{i}.txt", text) for i, text in enumerate(NASTY)]
        result = chunker.chunk(documents)
        assert [one.document for one in result] == documents
        for document, own in ((one.document, one.chunks) for one in result):
            assert all(document.text[chunk.start : chunk.end] == chunk.text for chunk in own)
            assert [chunk.start for chunk in own] == sorted(chunk.start for chunk in own)
            assert all((c.doc_id, c.source, c.title) == (document.id, document.source, document.title) for c in own)
        found = [chunk.id for one in result for chunk in one.chunks]
        assert len(set(found)) == len(found)
        assert result == [chunker.chunk([document])[0] for document in documents]


class EmbedderConformance:
    """Fixture `embedder`."""

    unit_length = True  # of dense vectors

    def test_one_row_per_item(self, embedder: Embedder) -> None:
        together, questions = embedder.embed_chunks(make_chain()), embedder.embed_queries(NAMES)
        given = {name for name in ("dense", "sparse", "tokens") if getattr(together, name) is not None}
        assert given == embedder.representations
        for rows in (together, questions):
            assert {len(getattr(rows, name)) for name in given if getattr(rows, name) is not None} == {len(NAMES)}
            if rows.dense is not None:
                assert rows.dense.shape[1] == embedder.dim
                assert not self.unit_length or np.allclose(np.linalg.norm(rows.dense, axis=1), 1, atol=1e-3)
            assert all((np.diff(one.indices) > 0).all() for one in rows.sparse or ())
        for i, one in enumerate(make_chain()):
            alone = embedder.embed_chunks([one])
            for name in given - {"sparse"}:
                np.testing.assert_allclose(getattr(together, name)[i], getattr(alone, name)[0], atol=1e-3)
            if together.sparse and alone.sparse:
                np.testing.assert_array_equal(together.sparse[i].indices, alone.sparse[0].indices)
        assert len(embedder.embed_chunks([])) == len(embedder.embed_queries([])) == 0

    def test_token_spans_lie_in_the_text(self, embedder: Embedder) -> None:
        for text, spans in zip(NASTY, embedder.token_spans(NASTY), strict=True):
            assert spans.shape == (len(spans), 2) and (spans[:, 0] <= spans[:, 1]).all()
            assert not len(spans) or (0 <= spans.min() and spans.max() <= len(text))


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


class RetrieverConformance:
    """Fixture `retriever`: over an index of at least three chunks, such as `make_chunks()`."""

    def test_prepare_then_retrieve(self, retriever: Retriever) -> None:
        texts = [f"What is next to {name}?" for name in NAMES[:3]]
        queries = retriever.prepare(texts)
        assert [(query.text, query.hop, query.trail) for query in queries] == [(text, 0, ()) for text in texts]
        queries[1] = replace(queries[1], hop=2, trail=("a", "b"))
        for query, found in zip(queries, retriever.retrieve(queries, k=3), strict=True):
            assert 0 < len(found) <= 3 and all((hit.hop, hit.trail) == (query.hop, query.trail) for hit in found)
            assert ordered_ids(found) == ordered_ids(retriever.retrieve([query], k=3)[0])


class HopperConformance:
    """Fixture `hopper`: of two hops or more, for vectors of `dim` columns."""

    dim = 8

    def test_two_hops(self, hopper: Hopper) -> None:
        assert hopper.hops >= 2
        question = Query(f"What is next to what is next to {NAMES[0]}?", dense=make_vectors(1, self.dim)[0])
        frontier, tree = [question], list[Hit]()
        for hop in (1, 2):
            new = [replace(h, hop=hop - 1, trail=frontier[0].trail) for h in make_hits(self.dim)[2 * hop - 2 : 2 * hop]]
            found = [new, *([] for _ in frontier[1:])]  # the first query finds the next two links of the chain
            following, again = hopper.hop(frontier, found), hopper.hop(frontier, found)
            assert following and all(query.hop == hop for query in following), f"hop {hop} goes nowhere"
            assert {query.trail for query in following} <= {(*hit.trail, hit.chunk.id) for hit in new}
            assert [query.trail for query in following] == [query.trail for query in again]
            frontier, tree = following, tree + new
        ranked = ordered_ids(hopper.rank(question, tree, k=3))
        assert len(ranked) == 3 and set(ranked) <= {hit.chunk.id for hit in tree}
        assert hopper.hop([question], [[]]) == []


class RerankerConformance:
    """Fixture `reranker`."""

    def test_same_hits_best_first(self, reranker: Reranker) -> None:
        given: Sequence[Sequence[Hit]] = [make_hits(), [], make_hits()[2:4]]
        result = reranker.rerank(["What is Fir Museum next to?", "Nothing?", "Which number?"], given)
        assert [sorted(ordered_ids(own)) for own in result] == [sorted(ordered_ids(own)) for own in given]


class GeneratorConformance:
    """Fixture `generator`."""

    def test_markers_name_hits(self, generator: Generator) -> None:
        text = "".join(generator.stream("What is Fir Museum next to?", make_hits()))
        marked = [part.partition("]")[0] for part in text.split("[")[1:]]
        assert marked and all(marker in {str(i + 1) for i in range(len(NAMES))} for marker in marked)
        assert "".join(generator.stream("What is Fir Museum next to?", [])).strip() == ""


class ExecutorConformance:
    """Fixture `executor`: one with two workers of its own."""

    def test_runs_functions_elsewhere_and_outlives_its_workers(self, executor: WorkerExecutor) -> None:
        engine = executor.start()
        try:
            assert engine.workers == 2 and executor.batch > 0
            engine.check()
            assert engine.submit(os.getpid).result(60) != os.getpid()
            assert engine.submit(divmod, 17, 5, gpu=True).result(60) == (3, 2)
            with pytest.raises(ValueError, match="invalid literal") as caught:
                engine.submit(int, "x").result(60)
            assert not engine.is_lost(caught.value)
            with pytest.raises(Exception) as dead:
                engine.submit(os._exit, 1).result(60)
            assert engine.is_lost(dead.value)
            assert [engine.submit(abs, -n).result(60) for n in range(3)] == [0, 1, 2]
        finally:
            engine.close()
        engine.close()
