"""HyDE and many queries: by their equations, with a model that says what the test wants."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from rag.embed.bm25 import Bm25
from rag.embed.hashing import HashingEmbedder
from rag.embed.hybrid import HybridEmbedder
from rag.errors import ConfigError
from rag.generate.extractive import ExtractiveGenerator
from rag.retrieve.hyde import HydeRetriever
from rag.retrieve.multi_query import CONSTANT, MultiQueryRetriever, fuse
from rag.retrieve.search import SearchRetriever
from rag.stages import Retriever, Store
from rag.store.edge import EdgeStore
from rag.testing import NAMES, RetrieverConformance, make_chain, make_chunks
from rag.types import Filter, Hit

EMBEDDER = HybridEmbedder(dense=HashingEmbedder(), sparse=Bm25())


@dataclass
class Writer:
    """A language model that says these things in turn."""

    says: Sequence[str]
    model: str = "writer"
    asked: list[str] = field(default_factory=list)

    def stream(self, question: str, hits: Sequence[Hit]) -> Iterator[str]:
        yield from ()

    def reply(self, messages: Sequence[Mapping[str, str]]) -> Iterator[str]:
        self.asked.append(messages[-1]["content"])
        yield from self.says[(len(self.asked) - 1) % len(self.says)]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = EdgeStore(path=str(tmp_path / "index"), dim=EMBEDDER.dim)
    made.write(make_chunks(), EMBEDDER.embed_chunks(make_chain()))
    made.flush()
    return made


def test_hyde_asks_by_the_mean_of_question_and_passages(store: Store) -> None:
    writer = Writer(["<think>hm</think>Fir Museum is old.", "It is next to Gorse Archive."])
    retriever = HydeRetriever(embedder=EMBEDDER, store=store, generator=writer, passages=2)
    [query] = retriever.prepare(["Where is the museum?"])
    texts = ["Where is the museum?", "Fir Museum is old.", "It is next to Gorse Archive."]
    rows = EMBEDDER.embed_queries(texts).dense
    assert rows is not None and query.dense is not None
    mean = rows.mean(axis=0)  # equation 8 of arXiv 2212.10496; this embedder reads questions as it reads passages
    np.testing.assert_allclose(query.dense, mean / np.linalg.norm(mean), atol=1e-6)
    assert query.text == texts[0] and all("<question>\nWhere is the museum?\n" in asked for asked in writer.asked)
    [plain] = SearchRetriever(embedder=EMBEDDER, store=store).prepare(texts[:1])
    assert query.sparse is not None and plain.sparse is not None
    np.testing.assert_array_equal(query.sparse.indices, plain.sparse.indices)
    silent = HydeRetriever(embedder=EMBEDDER, store=store, generator=Writer([""]))
    [unchanged] = silent.prepare(texts[:1])
    assert unchanged.dense is not None and plain.dense is not None
    np.testing.assert_array_equal(unchanged.dense, plain.dense)


def test_what_all_forms_find_is_fused_by_rank(store: Store) -> None:
    says = ["1. Where is Fir Museum?\n- What is next to Elm Bridge?\nWhere is it?\nand one too many"]
    retriever = MultiQueryRetriever(embedder=EMBEDDER, store=store, generator=Writer(says), forms=3)
    plain = SearchRetriever(embedder=EMBEDDER, store=store)
    [query] = plain.prepare(["Where is it?"])
    forms = ["Where is it?", "Where is Fir Museum?", "What is next to Elm Bridge?", "and one too many"]
    expected = fuse(plain.retrieve(plain.prepare(forms), k=5))[:5]
    [found] = retriever.retrieve([query], k=5)
    assert [(hit.chunk.id, hit.score) for hit in found] == [(hit.chunk.id, hit.score) for hit in expected]
    [hop] = retriever.retrieve([replace(query, hop=1, trail=("a",))], k=5)
    assert [h.score for h in hop] == [h.score for h in plain.retrieve([replace(query, hop=1, trail=("a",))], k=5)[0]]
    only = replace(query, filter=Filter({"source": ("notes/5.md",)}))
    assert {hit.chunk.source for hit in retriever.retrieve([only], k=5)[0]} == {"notes/5.md"}


def test_ranks_by_hand() -> None:
    a, b, c = (Hit(chunk, 1.0) for chunk in make_chunks()[:3])
    fused = fuse([[a, b], [b, c], [b]])
    by_hand = {b.chunk.id: 1 / (2 + CONSTANT) + 2 / (1 + CONSTANT), a.chunk.id: 1 / (1 + CONSTANT)}
    by_hand[c.chunk.id] = 1 / (2 + CONSTANT)
    assert {hit.chunk.id: hit.score for hit in fused} == pytest.approx(by_hand)
    assert [hit.chunk.id for hit in fused] == sorted(by_hand, key=lambda id: -by_hand[id])


def test_a_pipeline_without_a_language_model_is_refused(store: Store) -> None:
    quotes = ExtractiveGenerator(embedder=HashingEmbedder())
    with pytest.raises(ConfigError, match="hyde needs a language model"):
        HydeRetriever(embedder=EMBEDDER, store=store, generator=quotes).prepare(["x"])
    retriever = MultiQueryRetriever(embedder=EMBEDDER, store=store, generator=quotes)
    with pytest.raises(ConfigError, match="multi_query needs a language model"):
        retriever.retrieve(retriever.prepare(["x"]), k=1)


class TestConformance(RetrieverConformance):
    @pytest.fixture(params=["hyde", "multi_query"])
    def retriever(self, request: pytest.FixtureRequest, store: Store) -> Retriever:
        writer = Writer([f"What is {NAMES[0]}?"])
        if request.param == "hyde":
            return HydeRetriever(embedder=EMBEDDER, store=store, generator=writer)
        return MultiQueryRetriever(embedder=EMBEDDER, store=store, generator=writer)
