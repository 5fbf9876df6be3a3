"""Orders written by a language model: windows, replies of all kinds, and the prompt the model sees."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.embed.hashing import HashingEmbedder
from rag.errors import ConfigError
from rag.generate.extractive import ExtractiveGenerator
from rag.rerank.listwise import ListwiseReranker, permutation, windows
from rag.types import Chunk, Hit


def hit(text: str, hop: int = 0) -> Hit:
    return Hit(Chunk(text, "d", text, 0, len(text), "d.txt"), 0.0, hop)


@dataclass(frozen=True)
class Sorter:
    """A model that orders passages by the number each of them is, the largest first; or says the same to everything."""

    says: str = ""
    model: str = "fake"
    seen: list[str] = field(default_factory=list)

    def stream(self, question: str, hits: Sequence[Hit]) -> Iterator[str]:
        yield from ()

    def reply(self, messages: Sequence[Mapping[str, str]]) -> Iterator[str]:
        text = messages[1]["content"]
        self.seen.append(text)
        values = re.findall(r"passage \[(\d+)\] \| d\.txt.*\n(\d+)\n", text)
        order = sorted(values, key=lambda pair: -int(pair[1]))
        yield from (f" > [{number}]" for number, _ in order) if not self.says else [self.says]


@pytest.mark.parametrize(
    ("n", "size", "spans"),
    [
        (0, 4, []),
        (1, 4, []),
        (3, 4, [(0, 3)]),
        (4, 4, [(0, 4)]),
        (5, 4, [(1, 5), (0, 4)]),
        (9, 4, [(5, 9), (3, 7), (1, 5), (0, 4)]),
        (30, 20, [(10, 30), (0, 20)]),
    ],
)
def test_windows_slide_from_the_end_to_the_start(n: int, size: int, spans: list[tuple[int, int]]) -> None:
    assert windows(n, size) == spans


@given(st.integers(2, 60), st.integers(2, 25))
def test_windows_cover_everything_and_overlap(n: int, size: int) -> None:
    spans = windows(n, size)
    assert spans[0][1] == n and spans[-1][0] == 0
    assert all(0 < end - start <= size for start, end in spans)
    assert all(low < before <= end < top for (before, top), (low, end) in pairwise(spans))


@pytest.mark.parametrize(
    ("reply", "order"),
    [
        ("[2] > [3] > [1]", [1, 2, 0]),
        ("2, 3 and then 1.", [1, 2, 0]),
        ("[3]", [2, 0, 1]),
        ("[3] > [3] > [99] > [0] > [2]", [2, 1, 0]),
        ("", [0, 1, 2]),
        ("I cannot do that.", [0, 1, 2]),
    ],
)
def test_a_reply_is_read_as_far_as_it_can_be(reply: str, order: list[int]) -> None:
    assert permutation(reply, 3) == order


def test_the_best_of_the_last_window_climbs_to_the_front() -> None:
    given_hits = [hit(str(value)) for value in [3, 1, 4, 1000, 5, 9, 2, 6, 5000]]
    sorter = Sorter()
    (reranked,) = ListwiseReranker(generator=sorter, window=4).rerank(["Which is largest?"], [given_hits])
    assert [h.chunk.text for h in reranked][:2] == ["5000", "1000"]
    assert sorted(h.chunk.text for h in reranked) == sorted(h.chunk.text for h in given_hits)
    assert [h.score for h in reranked] == [1 / place for place in range(1, 10)]
    assert len(sorter.seen) == 4 and "Question: Which is largest?" in sorter.seen[0]


def test_only_the_first_are_shown_and_thinking_is_not_read() -> None:
    sorter = Sorter(says="<think>[1] or [3]?</think>\n[2] > [1]")
    (reranked,) = ListwiseReranker(generator=sorter, top=3).rerank(["?"], [[hit(text) for text in "abcd"]])
    assert [h.chunk.text for h in reranked] == ["b", "a", "c", "d"]
    assert "passage [3]" in sorter.seen[0] and "passage [4]" not in sorter.seen[0]
    assert ListwiseReranker(generator=sorter).rerank(["?"], [[]]) == [[]] and len(sorter.seen) == 1
    (same,) = ListwiseReranker(generator=Sorter(says="<think>[2] or"), top=3).rerank(["?"], [[hit("a"), hit("b")]])
    assert [h.chunk.text for h in same] == ["a", "b"]


def test_a_generator_that_is_no_language_model_is_refused() -> None:
    with pytest.raises(ConfigError, match="listwise needs a `generate` stage with a language model"):
        ListwiseReranker(generator=ExtractiveGenerator(embedder=HashingEmbedder())).rerank(["?"], [[hit("a")]])
