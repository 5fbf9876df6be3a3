"""MaxSim by hand-made token vectors: one axis per word, so that cosines are 0, 1 or stated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.embed.bm25 import Bm25
from rag.embed.hashing import HashingEmbedder
from rag.errors import ConfigError
from rag.rerank.maxsim import MaxSimReranker, maxsim
from rag.types import Chunk, Hit, Vectors

WORDS = ["dam", "lake", "north", "opened", "town", "year"]


@dataclass(frozen=True, kw_only=True)
class Words(HashingEmbedder):
    """An embedder whose token vectors are one axis per known word."""

    def token_vectors(self, texts: Sequence[str], *, query: bool = False) -> list[Vectors]:
        return [np.eye(len(WORDS), dtype=np.float32)[[WORDS.index(word) for word in text.split()]] for text in texts]


def hit(text: str, hop: int = 0) -> Hit:
    return Hit(Chunk(text, "d", text, 0, len(text), "d.txt"), 0.0, hop)


def texts(hits: Sequence[Hit]) -> list[str]:
    return [h.chunk.text for h in hits]


def test_maxsim_is_the_mean_of_each_question_tokens_best() -> None:
    question, passage, nothing = Words().token_vectors(["year dam opened north", "lake dam opened opened", ""])
    assert maxsim(question, passage) == pytest.approx(2 / 4)
    assert maxsim(passage, question) == pytest.approx(3 / 4)
    assert maxsim(question, question * np.float32(0.5)) == pytest.approx(1 / 2)
    assert maxsim(question, nothing) == maxsim(nothing, passage) == 0


GIVEN = [hit("lake"), hit("town"), hit("lake north"), hit("year dam opened")]


def test_a_passage_with_the_questions_words_rises_as_far_as_its_weight() -> None:
    orders = {
        w: texts(MaxSimReranker(embedder=Words(), weight=w).rerank(["year dam opened"], [GIVEN])[0]) for w in (0, 1, 99)
    }
    assert orders[0] == texts(GIVEN)
    assert orders[1] == ["lake", "year dam opened", "town", "lake north"]
    assert orders[99] == ["year dam opened", "lake", "town", "lake north"]


def test_what_a_hop_found_keeps_its_place() -> None:
    given_hits = [hit("lake"), hit("town", hop=1), hit("year dam opened", hop=2), hit("year dam")]
    reranked = MaxSimReranker(embedder=Words(), weight=99).rerank(["year dam opened"], [given_hits])[0]
    assert texts(reranked) == ["year dam", "town", "year dam opened", "lake"]


def test_only_the_first_are_read_and_the_others_keep_their_places() -> None:
    reranked = MaxSimReranker(embedder=Words(), top=2, weight=99).rerank(["town"], [GIVEN])[0]
    assert texts(reranked) == ["town", "lake", "lake north", "year dam opened"]


def test_what_embedders_see_is_what_is_compared() -> None:
    about = Hit(Chunk("x", "d", "opened", 0, 6, "d.txt", context="dam"), 0.0)
    assert texts(MaxSimReranker(embedder=Words(), weight=99).rerank(["dam opened"], [[hit("dam"), about]])[0]) == [
        "opened",
        "dam",
    ]


@given(
    st.lists(st.lists(st.lists(st.sampled_from(WORDS), max_size=4).map(" ".join), unique=True, max_size=5), max_size=2),
    st.integers(1, 4),
    st.floats(0, 10),
)
def test_the_same_hits_come_back_with_falling_scores(passages: list[list[str]], top: int, weight: float) -> None:
    hits = [[hit(text) for text in found] for found in passages]
    reranked = MaxSimReranker(embedder=Words(), top=top, weight=weight).rerank(["lake town"] * len(hits), hits)
    assert [sorted(texts(found)) for found in reranked] == [sorted(texts(found)) for found in hits]
    for found in reranked:
        scores = [h.score for h in found]
        assert scores == sorted(scores, reverse=True)


def test_an_embedder_without_token_vectors_is_refused() -> None:
    with pytest.raises(ConfigError, match="maxsim needs an embedder with token vectors"):
        MaxSimReranker(embedder=Bm25()).rerank(["q"], [GIVEN])
