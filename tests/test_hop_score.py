"""The ranking of a tree, recomputed by hand on three passages."""

from __future__ import annotations

from math import log

import numpy as np
import pytest

from rag.errors import ConfigError
from rag.hop.score import WEIGHTS, dense_vectors, extract_features, reciprocal_places, score_passages
from rag.types import Chunk, Hit

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
    found = extract_features(QUESTION, HITS, ["red harbour"], READING)
    rare, common = held(1), held(2)
    assert found.passages[:, 0] == pytest.approx([1 / 2, 0, 1 / 3])  # a hop found the second one
    assert found.passages[:, 1] == pytest.approx([3 * rare, common, rare + common])  # red, harbour, made; studio; both
    assert found.passages[:, 2].tolist() == [1, 0, 0]
    assert found.seeds.tolist() == [0]
    assert found.steps[0, :, 0] == pytest.approx([0, 0.9, 0.1])
    assert found.steps[0, :, 1].tolist() == [0, 1, 0]
    assert found.steps[0, :, 2] == pytest.approx([0, common, rare + common])


def test_the_best_path_lifts_both_its_ends() -> None:
    found = extract_features(QUESTION, HITS, ["red harbour"], READING)
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
    found = extract_features(QUESTION, HITS, ["red harbour"], towards_itself)
    weights = np.array([1, 0, 0, 2, 0, 0, 3], np.float32)
    assert score_passages(found, weights) == pytest.approx([1 / 2 + 3 / 2, 3 / 2, 1 / 3 + 3 / 2])
    alone = extract_features(QUESTION, HITS[:1], ["red harbour"], towards_itself)
    assert score_passages(alone, weights) == pytest.approx([1 / 2])


def test_without_readings_and_without_words_places_are_left() -> None:
    found = extract_features("?", HITS, [], np.zeros((0, 3), np.float32))
    assert score_passages(found, np.ones(7, np.float32)) == pytest.approx(reciprocal_places(HITS))


def test_hits_need_vectors() -> None:
    with pytest.raises(ConfigError, match="dense vectors"):
        dense_vectors([Hit(HITS[0].chunk, 1.0)])
