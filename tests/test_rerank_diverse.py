"""Maximal marginal relevance against its formula, and the cap on sources, over hand-made vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rag.rerank.diverse import DiverseReranker, limit_sources, mmr
from rag.types import Chunk, Hit, Vectors


@dataclass(frozen=True)
class Shelf:
    """A store that holds one vector for each chunk id."""

    vectors: dict[str, Any]

    def fetch(self, ids: Sequence[str], *, vectors: bool = False) -> list[Hit]:
        return [hit(id, vector=self.vectors[id]) for id in ids if id in self.vectors]


def hit(name: str, source: str = "d.txt", score: float = 0.0, vector: Any = None) -> Hit:
    return Hit(Chunk(name, "d", name, 0, len(name), source), score, vector=vector)


def names(hits: Sequence[Hit]) -> list[str]:
    return [h.chunk.id for h in hits]


def definition(scores: Sequence[float], vectors: Vectors, balance: float) -> list[int]:
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
def test_mmr_is_maximal_marginal_relevance(scores: list[float], seed: int, balance: float) -> None:
    vectors = np.random.default_rng(seed).normal(size=(len(scores), 3)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    found = mmr(scores, vectors, round(balance, 2))
    assert sorted(found) == list(range(len(scores)))
    assert found == definition(scores, vectors, round(balance, 2))


def test_a_duplicate_goes_behind_something_else() -> None:
    shelf: Any = Shelf({"a": [1, 0], "a again": [1, 0], "b": [0, 1]})
    hits = [hit("a", score=1), hit("a again", score=0.9), hit("b", score=0.6), hit("unknown", score=0.1)]
    assert names(DiverseReranker(store=shelf, balance=0.7).rerank(["?"], [hits])[0]) == ["a", "b", "a again", "unknown"]
    assert names(DiverseReranker(store=shelf, balance=1).rerank(["?"], [hits])[0]) == names(hits)
    assert names(DiverseReranker(store=shelf, balance=0.7, top=2).rerank(["?"], [hits])[0]) == names(hits)
    assert DiverseReranker(store=shelf).rerank(["?"], [[]]) == [[]]


def test_a_source_has_its_share_first_and_the_rest_behind() -> None:
    hits = [hit("1", "a"), hit("2", "a"), hit("3", "b"), hit("4", "a"), hit("5", "c")]
    assert names(limit_sources(hits, 1)) == ["1", "3", "5", "2", "4"]
    assert names(limit_sources(hits, 2)) == ["1", "2", "3", "5", "4"]
    assert limit_sources(hits, None) == hits
