"""The pass-through."""

from __future__ import annotations

from rag.rerank.none import NoReranker
from rag.types import Chunk, Hit


def test_hits_stay_as_they_come() -> None:
    low, high = (Hit(Chunk(name, "d", name, 0, 1, "d.txt"), score) for name, score in (("a", 0.1), ("b", 0.9)))
    assert NoReranker().rerank(["q", "r"], [[low, high], []]) == [[low, high], []]
