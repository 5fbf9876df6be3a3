"""E2Rank against its formula, over hand-made vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from rag.embed.bm25 import Bm25
from rag.embed.hashing import HashingEmbedder
from rag.errors import ConfigError
from rag.rerank.e2rank import PROMPT, E2Rank, move
from rag.types import Chunk, Embeddings, Hit


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


def hit(name: str, hop: int = 0, vector: Any = None) -> Hit:
    return Hit(Chunk(name, "d", name, 0, len(name), "d.txt"), 0.0, hop, vector=vector)


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
    assert np.linalg.norm(move(question, first, 0.7)) == pytest.approx(1)


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
