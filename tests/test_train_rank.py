"""Learning the ranking: the same formula as in use, weights that find what is gold, and questions in twos."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from rag.hop.score import WEIGHTS, TreeFeatures, score_passages
from rag.train.common import ranking
from rag.train.common.dataset import LabelledQuestion
from rag.train.common.ranking import MIN_TREES, START, _batch, fit
from rag.train.common.trees import RankingExample, join_in_twos


def example(rng: np.random.Generator, n: int, gold: int, *, part: int) -> RankingExample:
    """A tree of n passages with two readings, in which nothing but one part of their own tells the gold one."""
    own = rng.random((n, 3)).astype(np.float32)
    own[:, part] = 0
    own[gold, part] = 1
    steps = rng.random((2, n, 3)).astype(np.float32)
    return RankingExample(
        TreeFeatures(own, np.array([1, 0]), steps, np.zeros((n, 0), np.float32), np.ones(n, np.float32)),
        np.arange(n) == gold,
    )


def test_training_scores_as_ranking_does() -> None:
    rng = np.random.default_rng(0)
    group = [example(rng, n, 0, part=0) for n in (5, 3)]
    weights = rng.random(len(WEIGHTS)).astype(np.float32)
    found = ranking.scores(_batch(group), torch.from_numpy(weights)).numpy()
    for row, one in zip(found, group, strict=True):
        assert row[: len(one.gold)] == pytest.approx(score_passages(one.features, weights), rel=1e-5)


@pytest.mark.parametrize("part", [0, 2])
def test_the_part_that_tells_gains_and_none_is_negative(part: int) -> None:
    rng = np.random.default_rng(1)
    group = [example(rng, 6, int(rng.integers(6)), part=part) for _ in range(60)]
    learned = fit([group], prior=0)
    assert learned.dtype == np.float32
    assert (learned >= 0).all()
    assert learned[part] > 2 * START[part] * learned[-1] / START[-1]
    found = [int(score_passages(one.features, learned).argmax()) == int(one.gold.argmax()) for one in group]
    assert np.mean(found) > 0.9
    assert np.array_equal(learned, fit([group], prior=0))
    held = fit([group], prior=100)
    assert held == pytest.approx(START, rel=0.05) and held[part] > START[part]


def test_too_few_trees_change_nothing() -> None:
    rng = np.random.default_rng(2)
    assert fit([[example(rng, 4, 1, part=0) for _ in range(MIN_TREES - 1)], []]) == pytest.approx(START)


def test_questions_of_one_gold_passage_come_in_twos() -> None:
    questions = [
        LabelledQuestion("Who?", ("a",)),
        LabelledQuestion("A path?", ("b", "c")),
        LabelledQuestion("Where?", ("d",)),
        LabelledQuestion("Why?", ("e",)),
    ]
    assert join_in_twos(questions) == [LabelledQuestion("Who, and Where?", ("a", "d"))]
    assert join_in_twos([LabelledQuestion("Who?", ("a",)), LabelledQuestion("Whose?", ("a",))]) == []
