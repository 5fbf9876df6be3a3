"""What `encoder` and `gate` share: where hops start, and one order in which equals go by id."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest

from rag.embed.hashing import HashingEmbedder
from rag.hop.tree import TreeHopper
from rag.stages import component
from rag.types import Chunk, Hit, Query, Vector, Vectors

QUESTION = Query("q", dense=np.array([1, 0], np.float32))


@component
class Still(TreeHopper):
    """Asks for the same thing again, in one hop; only places and readings count."""

    hops = 1
    ranking = np.array([1, 0, 0, 1, 0, 0, 1], np.float32)

    def start_vector(self, question: Query) -> Vector:
        assert question.dense is not None
        return question.dense

    def next_vectors(self, question: Query, hits: Sequence[Hit]) -> Vectors:
        assert question.dense is not None
        return np.tile(question.dense, (len(hits), 1))


def hit(name: str, *vector: float, hop: int = 1) -> Hit:
    return Hit(Chunk(name, name, name, 0, len(name), name), 0.0, hop, vector=np.array(vector, np.float32))


def names(hits: Sequence[Hit]) -> list[str]:
    return [one.chunk.id for one in hits]


@pytest.mark.parametrize("order", [*permutations("abc")])
def test_equal_passages_go_by_id_whatever_order_they_were_found_in(order: tuple[str, ...]) -> None:
    hopper = Still(embedder=HashingEmbedder(width=2), seeds=2)
    equals = [hit(name, 0, 1) for name in order]
    assert names(hopper.rank(QUESTION, [hit("best", 1, 0, hop=0), *equals], k=9)) == ["best", "a", "b", "c"]
    found = [hit(name, 1, 0, hop=1) for name in order]
    starts = Still(embedder=HashingEmbedder(width=2), seeds=2, links=False).hop([QUESTION], [found])
    assert [query.trail[-1] for query in starts] == ["a", "b"]


def test_hops_start_at_one_of_several_copies() -> None:
    text = "The Grey Heron was built by Sellmark Yard, which has three docks and an oak slip."
    copies = [hit(name, 1, 0) for name in ("a", "b", "c")]
    copies = [replace(one, chunk=replace(one.chunk, text=text, end=len(text))) for one in copies]
    hopper = Still(embedder=HashingEmbedder(width=2), seeds=2, links=False)
    starts = hopper.hop([QUESTION], [[*copies, hit("other", 0.5, 0)]])
    assert [query.trail[-1] for query in starts] == ["a", "other"]


def test_direct_hits_start_hops_by_place_as_well_as_by_likeness() -> None:
    hopper = Still(embedder=HashingEmbedder(width=2), seeds=1, links=False)
    first, near = hit("first", 0.5, 1, hop=0), hit("near", 0.6, 1, hop=0)  # 0.5 + 1/2 against 0.6 + 1/3
    assert [query.trail for query in hopper.hop([QUESTION], [[first, near]])] == [("first",)]
    assert [query.trail for query in hopper.hop([QUESTION], [[first, hit("far", 2, 1, hop=0)]])] == [("far",)]


def test_links_start_among_more_passages_than_are_read() -> None:
    text, vector = "It is beside Elm Bridge.", np.array([1, 1], np.float32)
    chunks = [Chunk(name, name, text, 0, len(text), name, about=(name,)) for name in ("alder", "birch", "cedar")]
    direct = [Hit(chunk, 0.0, vector=vector) for chunk in chunks]
    asked = replace(QUESTION, text="What is beside Alder, Birch and Cedar?")
    read_one = Still(embedder=HashingEmbedder(width=2), seeds=1, anchors=2).hop([asked], [direct])
    assert sorted(query.trail[0] for query in read_one) == ["alder", "alder", "birch"]


def test_it_hops_as_often_as_it_says() -> None:
    hopper = Still(embedder=HashingEmbedder(width=2), links=False)
    (query,) = hopper.hop([QUESTION], [[hit("a", 1, 0, hop=0)]])
    assert (query.hop, query.trail) == (1, ("a",))
    assert hopper.hop([query], [[hit("b", 1, 0)]]) == [] == hopper.hop([QUESTION], [[]])
    assert hopper.rank(QUESTION, [], k=3) == []
