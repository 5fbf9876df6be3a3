"""Link hops on a small world: what each hop asks for, what it finds, and that the ranking keeps direct hits first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from rag.hop.links import LinkHopper
from rag.stages import Hopper
from rag.types import Chunk, Filter, Hit, Query, Vector

TEXTS = {
    "red harbour": "Red Harbour is a film directed by Aster Pictures.",
    "blue harbour": "Blue Harbour is a film about Tessel Bay.",
    "harbour lights": "Harbour Lights is a film and a song.",
    "film festival": "The festival shows film after film.",
    "aster pictures": "Aster Pictures was born in Norvik.",
    "norvik": "Norvik is a town on Lake Aster.",
    "lake aster": "Lake Aster is deep.",
    "tessel bay": "Tessel Bay is shallow.",
}
QUESTION = "How deep is the lake of the town where the director of Red Harbour was born?"
AXES = {name: i for i, name in enumerate(TEXTS)}


def vector(name: str) -> Vector:
    """The films are close to the question, the rest is not; none is equal to another."""
    nearness = np.float32(0.9 - AXES[name] / 10)
    rest = np.zeros(len(TEXTS) + 1, np.float32)
    rest[AXES[name] + 1] = np.sqrt(1 - nearness**2)
    rest[0] = nearness
    return rest


CHUNKS = [Chunk(name, name, text, 0, len(text), f"{name}.txt", about=(name,)) for name, text in TEXTS.items()]
ASKED = Query(QUESTION, dense=np.eye(len(TEXTS) + 1, dtype=np.float32)[0])


def passes(chunk: Chunk, filter: Filter | None) -> bool:
    if filter is None:
        return True
    fields = {"id": {chunk.id}, "about": set(chunk.about)}
    return all(fields[f] & set(v) for f, v in filter.any_of.items()) and not any(
        fields[f] & set(v) for f, v in filter.none_of.items()
    )


def search(query: Query, k: int) -> list[Hit]:
    assert query.dense is not None
    found = [
        Hit(chunk, float(query.dense @ vector(chunk.id)), query.hop, query.trail, vector(chunk.id))
        for chunk in CHUNKS
        if passes(chunk, query.filter)
    ]
    return sorted(found, key=lambda hit: -hit.score)[:k]


def grow(hopper: Hopper, question: Query, k: int) -> list[Hit]:
    """The tree, as the answer graph grows it."""
    tree: list[Hit] = []
    frontier = [question]
    while frontier:
        found: list[list[Hit]] = []
        for query in frontier:
            seen = {hit.chunk.id for hit in tree}
            found.append([hit for hit in search(query, k) if hit.chunk.id not in seen])
            tree.extend(found[-1])
        frontier = hopper.hop(frontier, found)
    return tree


def ids(hits: Sequence[Hit]) -> list[str]:
    return [hit.chunk.id for hit in hits]


@pytest.mark.parametrize(
    ("hops", "reached"),
    [(1, ["aster pictures"]), (2, ["aster pictures", "norvik"]), (3, ["aster pictures", "norvik", "lake aster"])],
)
def test_each_hop_adds_what_the_last_one_mentions(hops: int, reached: list[str]) -> None:
    tree = grow(LinkHopper(hops=hops), ASKED, k=4)
    assert ids(tree) == ["red harbour", "blue harbour", "harbour lights", "film festival", *reached]
    assert [hit.hop for hit in tree[4:]] == list(range(1, hops + 1))
    assert tree[-1].trail == ("red harbour", *reached[:-1])
    assert ids(LinkHopper(hops=hops).rank(ASKED, tree, k=10))[3:] == [*reached, "film festival"]


def test_a_hop_asks_with_the_questions_vectors_for_what_the_seed_mentions() -> None:
    hits = search(ASKED, 3)
    (query,) = LinkHopper().hop([ASKED], [hits])
    assert query.dense is ASKED.dense
    assert (query.text, query.hop, query.trail) == (QUESTION, 1, ("red harbour",))
    assert query.filter is not None
    assert "aster pictures" in query.filter.any_of["about"]
    assert query.filter.none_of == {"about": ("red harbour",), "id": tuple(ids(hits))}


def test_it_stops_without_mentions_and_after_its_hops() -> None:
    silent = Hit(Chunk("x", "x", "...", 0, 3, "x.txt", about=("red harbour",)), 1.0)
    assert LinkHopper().hop([ASKED], [[silent]]) == []
    assert LinkHopper().hop([ASKED], [[]]) == []
    (second,) = LinkHopper().hop([ASKED], [search(ASKED, 4)])
    assert LinkHopper().hop([second], [search(second, 4)]) == []


def test_a_question_that_names_nothing_starts_at_its_best_hit_and_trusts_it_less() -> None:
    nameless = replace(ASKED, text="Which film is it?")
    tree = grow(LinkHopper(), nameless, k=4)
    assert tree[-1].trail == ("red harbour",)
    assert ids(LinkHopper(head=1).rank(nameless, tree, k=9))[2] == "aster pictures"
    assert ids(LinkHopper(head=1).rank(ASKED, tree, k=9))[1] == "aster pictures"


def test_at_most_so_many_seeds() -> None:
    both = Query("Are the places of Red Harbour and Blue Harbour far apart?", dense=ASKED.dense)
    assert [q.trail for q in LinkHopper().hop([both], [search(both, 4)])] == [("red harbour",), ("blue harbour",)]
    assert [q.trail for q in LinkHopper(seeds=1).hop([both], [search(both, 4)])] == [("red harbour",)]


def test_a_linked_chunk_that_was_a_direct_hit_rises_too() -> None:
    tree = search(ASKED, 8)
    assert ids(tree).index("aster pictures") == 4
    ranked = LinkHopper().rank(ASKED, tree, k=8)
    assert ids(ranked) == [*ids(tree[:3]), "aster pictures", "film festival", *ids(tree[5:])]
    assert [hit.score for hit in ranked] == sorted((hit.score for hit in ranked), reverse=True)


def test_direct_ranking_stays_where_nothing_is_linked() -> None:
    festival = replace(ASKED, text="What does the film festival show?")
    tree = [hit for hit in search(festival, 8) if hit.chunk.id != "red harbour"]
    assert LinkHopper(seeds=3).hop([festival], [tree[3:]]) != []
    unlinked = [hit for hit in tree if "Aster" not in hit.chunk.text]
    assert ids(LinkHopper(links=0).rank(ASKED, unlinked, k=3)) == ids(unlinked[:3])
    assert LinkHopper().rank(ASKED, [], k=3) == []
