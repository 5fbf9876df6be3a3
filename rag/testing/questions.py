"""Conformance of the stages that questions go through: retriever, hopper, reranker, generator."""

from collections.abc import Sequence
from dataclasses import replace

from rag.stages import Generator, Hopper, Reranker, Retriever
from rag.testing.samples import NAMES, make_hits, make_vectors, ordered_ids
from rag.types import Hit, Query


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
