"""E2Rank and maximal marginal relevance against their formulas, over hand-made vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.embed.bm25 import Bm25
from rag.embed.hashing import HashingEmbedder
from rag.errors import ConfigError
from rag.rerank.diverse import DiverseReranker, capped, spread
from rag.rerank.e2rank import PROMPT, E2Rank, moved
from rag.types import Chunk, Embeddings, Hit, Vectors


@dataclass(frozen=True, kw_only=True)
class Known(HashingEmbedder):
    """An embedder that remembers what it was asked to embed."""

    asked: list[str] = field(default_factory=list)

    def embed_queries(self, texts: Sequence[str]) -> Embeddings:
        self.asked.extend(texts)
        return HashingEmbedder(width=self.width).embed_queries(texts)


@dataclass(frozen=True)
class Shelf:
    """A store that holds one vector for each chunk id."""

    vectors: dict[str, Any]

    def fetch(self, ids: Sequence[str], *, vectors: bool = False) -> list[Hit]:
        return [hit(id, vector=self.vectors[id]) for id in ids if id in self.vectors]


def hit(name: str, source: str = "d.txt", score: float = 0.0, hop: int = 0, vector: Any = None) -> Hit:
    return Hit(Chunk(name, "d", name, 0, len(name), source), score, hop, vector=vector)


def names(hits: Sequence[Hit]) -> list[str]:
    return [h.chunk.id for h in hits]


TEXTS = ["the dam at the lake", "the lake in the north", "a mill", "the northern lake dam", "a town"]
HASHING = HashingEmbedder(width=64)
VECTORS = dict(zip(TEXTS, HASHING.embed_queries(TEXTS).dense, strict=True))  # type: ignore[arg-type]
SHELF: Any = Shelf(VECTORS)


def test_e2rank_compares_with_the_question_and_the_first_passages() -> None:
    question = HASHING.embed_queries(["lake dam"]).dense[0]  # type: ignore[index]
    first = np.stack([VECTORS[text] for text in TEXTS])
    mean = (first[0] + first[1] / 2) / (1 + 1 / 2)
    target = question + 0.7 * mean
    expected = [TEXTS[i] for i in np.argsort(-(first @ target), kind="stable")]
    reranker = E2Rank(embedder=HASHING, store=SHELF, feedback=2, strength=0.7, weight=1e6)
    assert names(reranker.rerank(["lake dam"], [[hit(text) for text in TEXTS]])[0]) == expected
    plain = E2Rank(embedder=HASHING, store=SHELF, feedback=0, weight=1e6)
    by_question = [TEXTS[i] for i in np.argsort(-(first @ question), kind="stable")]
    assert names(plain.rerank(["lake dam"], [[hit(text) for text in TEXTS]])[0]) == by_question
    assert np.linalg.norm(moved(question, first, 0.7)) == pytest.approx(1)


def test_e2rank_as_text_embeds_the_published_prompt_in_the_questions_place() -> None:
    embedder = Known(width=64)
    reranker = E2Rank(embedder=embedder, store=SHELF, reads="text", feedback=2, weight=1e6)
    (reranked,) = reranker.rerank(["lake dam"], [[hit(text) for text in TEXTS]])
    prompt = PROMPT.format(listed=f"[1] {TEXTS[0]}\n[2] {TEXTS[1]}", question="lake dam")
    assert embedder.asked == [prompt]
    target = HASHING.embed_queries([prompt]).dense[0]  # type: ignore[index]
    order = np.argsort(-(np.stack([VECTORS[text] for text in TEXTS]) @ target), kind="stable")
    assert names(reranked) == [TEXTS[i] for i in order]


def test_e2rank_leaves_hops_where_they_are_and_needs_vectors() -> None:
    hits = [hit(TEXTS[2]), hit(TEXTS[4], hop=1), hit(TEXTS[0]), hit(TEXTS[1])]
    reranker = E2Rank(embedder=HASHING, store=SHELF, top=3, weight=1e6, feedback=0)
    assert names(reranker.rerank(["lake dam"], [hits])[0]) == [TEXTS[0], TEXTS[4], TEXTS[2], TEXTS[1]]
    assert reranker.rerank(["a"], [[]]) == [[]]
    with pytest.raises(ConfigError, match="e2rank needs an `embed` stage with dense vectors"):
        E2Rank(embedder=Bm25(), store=SHELF).rerank(["a"], [hits])


def mmr(scores: Sequence[float], vectors: Vectors, balance: float) -> list[int]:
    """The definition, word for word."""
    relevant = [(s - min(scores)) / ((max(scores) - min(scores)) or 1) for s in scores]
    order: list[int] = []
    while len(order) < len(scores):
        rest = [i for i in range(len(scores)) if i not in order]
        value = {
            i: balance * relevant[i] - (1 - balance) * max([0.0, *(float(vectors[i] @ vectors[j]) for j in order)])
            for i in rest
        }
        order.append(max(rest, key=lambda i: (round(value[i], 9), -i)))
    return order


@given(st.lists(st.floats(0, 1).map(lambda s: round(s, 2)), max_size=7), st.integers(0, 99), st.floats(0, 1))
def test_spread_is_maximal_marginal_relevance(scores: list[float], seed: int, balance: float) -> None:
    vectors = np.random.default_rng(seed).normal(size=(len(scores), 3)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    found = spread(scores, vectors, round(balance, 2))
    assert sorted(found) == list(range(len(scores)))
    assert found == mmr(scores, vectors, round(balance, 2))


def test_a_double_goes_behind_something_else() -> None:
    shelf: Any = Shelf({"a": [1, 0], "a again": [1, 0], "b": [0, 1]})
    hits = [hit("a", score=1), hit("a again", score=0.9), hit("b", score=0.6), hit("unknown", score=0.1)]
    assert names(DiverseReranker(store=shelf, balance=0.7).rerank(["?"], [hits])[0]) == ["a", "b", "a again", "unknown"]
    assert names(DiverseReranker(store=shelf, balance=1).rerank(["?"], [hits])[0]) == names(hits)
    assert names(DiverseReranker(store=shelf, balance=0.7, top=2).rerank(["?"], [hits])[0]) == names(hits)
    assert DiverseReranker(store=shelf).rerank(["?"], [[]]) == [[]]


def test_a_source_has_its_share_first_and_the_rest_behind() -> None:
    hits = [hit("1", "a"), hit("2", "a"), hit("3", "b"), hit("4", "a"), hit("5", "c")]
    assert names(capped(hits, 1)) == ["1", "3", "5", "2", "4"]
    assert names(capped(hits, 2)) == ["1", "2", "3", "5", "4"]
    assert capped(hits, None) == hits
