"""Anchors, links among hits and the parts of one ranking, on a handful of hand-made passages."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rag.hop.rank import find_anchors, follow_links, link_keys, score_by_place, sort_by_cosine
from rag.types import Chunk, Hit, Query


def hit(name: str, text: str = "", *, score: float = 1.0, vector: list[float] | None = None, hop: int = 0) -> Hit:
    chunk = Chunk(name, name, text, 0, len(text), f"{name}.txt", about=(name,))
    return Hit(chunk, score, hop, vector=None if vector is None else np.array(vector, np.float32))


FILM = hit("red harbour", "Red Harbour is a film directed by Aster Pictures.")
DIRECTOR = hit("aster pictures", "Aster Pictures was born in Norvik.")
TOWN = hit("norvik", "Norvik is a town.")
NOISE = hit("blue harbour", "Blue Harbour is a film about Norvik.")
TREE = [NOISE, FILM, TOWN, DIRECTOR]


def test_anchors_are_what_the_question_names() -> None:
    assert find_anchors("Where was the director of Red Harbour born?", TREE) == [FILM]
    assert find_anchors("Where was the director born?", TREE) == []


def test_a_chunk_does_not_lead_to_itself() -> None:
    assert "aster pictures" in link_keys(FILM.chunk)
    assert "red harbour" not in link_keys(FILM.chunk)


def test_links_go_step_by_step_and_never_back() -> None:
    names = [[h.chunk.id for h in step] for step in follow_links([FILM], TREE, hops=3)]
    assert names == [["aster pictures"], ["norvik"], []]
    ((found,),) = follow_links([FILM], TREE, hops=1)
    assert found == replace(DIRECTOR, hop=1, trail=("red harbour",))
    assert follow_links([], TREE, hops=3) == []


def test_chunks_about_the_same_thing_are_no_links() -> None:
    first = Chunk("1", "d", "Norvik and its Lighthouse.", 0, 26, "d.txt", about=("norvik", "guide"))
    second = Chunk("2", "d", "The lighthouse.", 27, 42, "d.txt", about=("lighthouse", "guide"))
    assert follow_links([Hit(first, 1.0)], [Hit(second, 1.0)], hops=1) == [[]]


def test_sort_by_cosine_goes_by_cosine_then_id_and_by_score_without_vectors() -> None:
    question = Query("q", dense=np.array([1, 0], np.float32))
    far, b, a = (hit(n, vector=v) for n, v in (("far", [0.0, 1.0]), ("b", [1.0, 0.0]), ("a", [1.0, 0.0])))
    assert [h.chunk.id for h in sort_by_cosine(question, [far, b, a])] == ["a", "b", "far"]
    bare = [hit("low", score=0.1), hit("high", score=0.9), hit("also high", score=0.9)]
    assert [h.chunk.id for h in sort_by_cosine(question, bare)] == ["also high", "high", "low"]
    assert sort_by_cosine(question, []) == []


@given(st.lists(st.sampled_from("abcdef")), st.integers(0, 8))
def test_score_by_place_keeps_first_places_and_falls(names: list[str], k: int) -> None:
    ranked = score_by_place([hit(name) for name in names], k=k)
    assert [h.chunk.id for h in ranked] == list(dict.fromkeys(names))[:k]
    assert [h.score for h in ranked] == [1 / (i + 1) for i in range(len(ranked))]
