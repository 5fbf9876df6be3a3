"""The ranking of a tree, recomputed by hand on three passages."""

from __future__ import annotations

from math import log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.errors import ConfigError
from rag.hop.score import (
    BOUND,
    DOUBT,
    WEIGHTS,
    TreeFeatures,
    dense_vectors,
    extract_features,
    order_passages,
    reciprocal_places,
    score_passages,
)
from rag.types import Chunk, Hit, Query

QUESTION = "Which studio made Red Harbour, and where is its canteen?"  # words: studi, made, red, harbo, cante
TEXTS = {"red harbour": "Made by Aster Pictures.", "aster pictures": "A studio.", "canteen": "The canteen of a studio."}
AXES = np.eye(3, dtype=np.float32)
HITS = [
    Hit(
        Chunk(name, name, text, 0, len(text), name, title=name, context=name, about=(name,)),
        0.0,
        hop=int(name == "aster pictures"),
        vector=AXES[i],
    )
    for i, (name, text) in enumerate(TEXTS.items())
]
READING = np.array([[0.0, 0.9, 0.1]], np.float32)  # after red harbour


def held(n: int) -> float:
    """What a word is worth that n of the three passages hold."""
    return log((3 + 1) / (n + 0.5))


def test_the_features_are_what_the_description_says() -> None:
    found = extract_features(Query(QUESTION), HITS, ["red harbour"], READING)
    rare, common = held(1), held(2)
    assert found.passages[:, 0] == pytest.approx([1 / 2, 0, 1 / 3])  # a hop found the second one
    assert found.passages[:, 1] == pytest.approx([3 * rare, common, rare + common])  # red, harbour, made; studio; both
    assert found.passages[:, 2].tolist() == [1, 0, 0]
    assert found.seeds.tolist() == [0]
    assert found.steps[0, :, 0] == pytest.approx([0, 0.9, 0.1])
    assert found.steps[0, :, 1].tolist() == [0, 1, 0]
    assert found.steps[0, :, 2] == pytest.approx([0, common, rare + common])
    # stems, and whole words that are longer: canteen, harbour, studio
    assert found.held.sum(1) == pytest.approx([4 * rare, 2 * common, 2 * rare + 2 * common])


def test_the_best_path_lifts_both_its_ends() -> None:
    found = extract_features(Query(QUESTION), HITS, ["red harbour"], READING)
    place, words, named, reading, link, new, path = weights = np.array([1, 0.1, 0.5, 2, 0.25, 0.2, 3], np.float32)
    rare, common = held(1), held(2)
    first = place / 2 + words * 3 * rare + named
    third = place / 3 + words * (rare + common)
    to_second = first + reading * 0.9 + link + new * common
    to_third = first + reading * 0.1 + new * (rare + common)
    expected = [first + path * to_second, words * common + path * to_second, third + path * to_third]
    assert len(weights) == len(WEIGHTS)
    assert score_passages(found, weights) == pytest.approx(expected, rel=1e-5)


def test_a_path_has_two_ends() -> None:
    towards_itself = AXES[:1]  # what is missing after red harbour is most like red harbour
    found = extract_features(Query(QUESTION), HITS, ["red harbour"], towards_itself)
    weights = np.array([1, 0, 0, 2, 0, 0, 3], np.float32)
    assert score_passages(found, weights) == pytest.approx([1 / 2 + 3 / 2, 3 / 2, 1 / 3 + 3 / 2])
    alone = extract_features(Query(QUESTION), HITS[:1], ["red harbour"], towards_itself)
    assert score_passages(alone, weights) == pytest.approx([1 / 2])


def test_without_readings_and_without_words_places_are_left() -> None:
    found = extract_features(Query("?"), HITS, [], np.zeros((0, 3), np.float32))
    assert score_passages(found, np.ones(7, np.float32)) == pytest.approx(reciprocal_places(HITS))


def test_hits_need_vectors() -> None:
    with pytest.raises(ConfigError, match="dense vectors"):
        dense_vectors([Hit(HITS[0].chunk, 1.0)])


@st.composite
def trees(draw: st.DrawFn) -> TreeFeatures:
    """A tree of at most 9 passages in which words, places and paths are at odds."""
    n, r = draw(st.integers(1, 9)), draw(st.integers(0, 4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    held = (rng.random((n, 4)) < draw(st.sampled_from([0.1, 0.4]))) * np.array([3.0, 2.0, 1.0, 0.2])
    passages = np.stack([rng.random(n), held.sum(1), rng.random(n) < 0.1], axis=1)
    seeds = rng.permutation(n)[:r]
    steps = 3 * rng.random((len(seeds), n, 3))
    return TreeFeatures(
        passages.astype(np.float32), seeds, steps.astype(np.float32), held.astype(np.float32), np.ones(n, np.float32)
    )


@given(trees())
def test_no_path_outvotes_what_alone_holds_more_of_the_question_than_both_its_ends(tree: TreeFeatures) -> None:
    ids = [str(row) for row in range(len(tree.passages))]
    order = order_passages(tree, np.array([1, 0.05, 0.2, 1.7, 0.5, 0.02, 1.3], np.float32), ids)
    assert sorted(order) == list(range(len(ids)))
    place = {row: at for at, row in enumerate(order)}
    evidence, named = tree.held.sum(1), bool(tree.passages[:, 2].any())
    for better in order:
        for other in order if not named else ():
            ends = [np.maximum(tree.held[other], tree.held[end]).sum() for end in order if end != better]
            if evidence[better] > BOUND * max([*ends, evidence[other]]) + 1e-3:
                assert place[better] < place[other]


@given(trees(), st.integers(0, 8))
def test_a_passage_that_holds_every_word_comes_before_those_that_do_not(tree: TreeFeatures, row: int) -> None:
    row %= len(tree.passages)
    tree.held[row] = tree.held.max(axis=0)
    order = order_passages(tree, np.ones(7, np.float32), [str(i) for i in range(len(tree.passages))])
    for other in order[: order.index(row)]:
        assert (tree.held[other] == tree.held[row]).all() or tree.passages[other, 2]


def test_within_the_bound_the_scores_decide_and_what_is_named_stays() -> None:
    own = np.array([[0.5, 0, 0], [0.3, 0, 0], [0.1, 0, 0]], np.float32)
    held = np.array([[1, 0, 0], [0, BOUND, 0], [0, 0, 1]], np.float32)
    cosines = np.ones(3, np.float32)
    no_paths, no_seeds, weights = np.zeros((0, 3, 3), np.float32), np.zeros(0, np.int64), np.ones(7, np.float32)

    def order() -> list[int]:
        return order_passages(TreeFeatures(own, no_seeds, no_paths, held, cosines), weights, ["a", "b", "c"])

    assert order() == [0, 1, 2]
    held[1, 1] += 1
    assert order() == [1, 0, 2]
    cosines[1] = DOUBT / 2  # its words may mean other things
    assert order() == [0, 1, 2]
    cosines[1] = 1
    own[0, 2] = 1
    assert order() == [0, 1, 2]


def test_words_are_doubted_in_a_question_of_several_words_without_an_identifier() -> None:
    def cosines(text: str) -> list[float]:
        none = np.zeros((0, 3), np.float32)
        return [*map(float, extract_features(Query(text, dense=AXES[0] - AXES[1] / 2), HITS, [], none).cosines)]

    assert cosines("Can I work a second job?") == [1, 0, 0]
    assert cosines("What is a harbour?") == [1, 1, 1]
    assert cosines("second job") == [1, 1, 1]
    assert cosines("Can I work a second job in BX-200/4?") == [1, 1, 1]
