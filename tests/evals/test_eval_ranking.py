"""Ranking metrics: hand-made fractions, and trec_eval itself on 1,000 random rankings."""

from __future__ import annotations

import random
from math import log2

import pytest
import pytrec_eval
from hypothesis import given
from hypothesis import strategies as st

from rag_evals.metrics import AT_K, WHOLE
from rag_evals.metrics.hops import hop_of_gold, hop_recall
from rag_evals.metrics.ranking import all_gold, average_precision, ndcg, precision, recall, reciprocal_rank

RANKING = ["x", "a", "y", "b", "z"]


def test_recall_counts_gold_in_the_first_k() -> None:
    assert recall(RANKING, ["a", "b", "c"], 2) == 1 / 3
    assert recall(RANKING, ["a", "b", "c"], 5) == 2 / 3


def test_all_gold_wants_every_one() -> None:
    assert all_gold(RANKING, ["a", "b"], 3) == 0
    assert all_gold(RANKING, ["a", "b"], 4) == 1


def test_precision_divides_by_k_even_when_the_ranking_is_short() -> None:
    assert precision(RANKING, ["a", "b"], 4) == 2 / 4
    assert precision(["a"], ["a"], 5) == 1 / 5


def test_reciprocal_rank_is_of_the_first_gold() -> None:
    assert reciprocal_rank(RANKING, ["b", "a"]) == 1 / 2
    assert reciprocal_rank(RANKING, ["c"]) == 0


def test_average_precision_charges_for_gold_never_found() -> None:
    assert average_precision(RANKING, ["a", "b", "c"]) == (1 / 2 + 2 / 4) / 3


def test_ndcg_discounts_by_the_logarithm_of_the_rank() -> None:
    ideal = 1 / log2(2) + 1 / log2(3)
    assert ndcg(RANKING, ["a", "b"], 5) == (1 / log2(3) + 1 / log2(5)) / ideal
    assert ndcg(RANKING, ["a", "b"], 2) == (1 / log2(3)) / ideal
    assert ndcg(["a", "x"], ["a", "b", "c"], 1) == 1


def test_an_id_that_comes_again_counts_once() -> None:
    assert precision(["a", "a", "b"], ["a", "b"], 2) == 1
    assert recall(["a", "a", "x"], ["a", "b"], 3) == 1 / 2
    assert ndcg(["a", "a"], ["a"], 2) == 1


def test_gold_named_twice_is_one_gold() -> None:
    assert recall(["a"], ["a", "a"], 1) == all_gold(["a"], ["a", "a"], 1) == average_precision(["a"], ["a", "a"]) == 1


@pytest.mark.parametrize("metric", [*AT_K])
def test_a_question_without_gold_has_no_ranking_metric(metric: str) -> None:
    with pytest.raises(ValueError, match="gold is empty"):
        AT_K[metric](RANKING, [], 5)


ids = st.lists(st.sampled_from("abcdefghij"), max_size=12)


@given(ids, st.lists(st.sampled_from("abcdefghij"), min_size=1, max_size=5), st.integers(1, 12))
def test_every_metric_stays_between_0_and_1(ranking: list[str], gold: list[str], k: int) -> None:
    for at_k in AT_K.values():
        assert 0 <= at_k(ranking, gold, k) <= 1
    for whole in WHOLE.values():
        assert 0 <= whole(ranking, gold) <= 1


def test_equal_to_trec_eval_on_1000_random_rankings() -> None:
    rng = random.Random(1)
    runs: dict[str, list[str]] = {}
    qrels: dict[str, list[str]] = {}
    pids = [f"p{i}" for i in range(40)]
    for q in map(str, range(1000)):
        runs[q] = rng.sample(pids, rng.randint(1, 30))
        qrels[q] = rng.sample(pids, rng.randint(1, 8))
    theirs = {"recall": "recall", "precision": "P", "ndcg": "ndcg_cut"}
    evaluator = pytrec_eval.RelevanceEvaluator(
        {q: dict.fromkeys(gold, 1) for q, gold in qrels.items()},
        {"map", "recip_rank", *(f"{name}.5,10" for name in theirs.values())},
    )
    reference = evaluator.evaluate({q: {p: -float(i) for i, p in enumerate(run)} for q, run in runs.items()})
    for q, ranking in runs.items():
        assert average_precision(ranking, qrels[q]) == pytest.approx(reference[q]["map"], abs=1e-9)
        assert reciprocal_rank(ranking, qrels[q]) == pytest.approx(reference[q]["recip_rank"], abs=1e-9)
        for ours, name in theirs.items():
            for k in (5, 10):
                assert AT_K[ours](ranking, qrels[q], k) == pytest.approx(reference[q][f"{name}_{k}"], abs=1e-9)
        for k in (5, 10):
            assert all_gold(ranking, qrels[q], k) == (reference[q][f"recall_{k}"] == 1)


def test_ndcg_with_grades_equals_trec_eval_on_1000_random_rankings() -> None:
    rng = random.Random(2)
    pids = [f"p{i}" for i in range(40)]
    runs = {str(q): rng.sample(pids, rng.randint(1, 30)) for q in range(1000)}
    qrels = {q: {pid: rng.randint(1, 3) for pid in rng.sample(pids, rng.randint(1, 8))} for q in runs}
    evaluator = pytrec_eval.RelevanceEvaluator(qrels, {"ndcg_cut.1,10", "recall.10"})
    reference = evaluator.evaluate({q: {p: -float(i) for i, p in enumerate(run)} for q, run in runs.items()})
    for q, ranking in runs.items():
        for k in (1, 10):
            assert ndcg(ranking, qrels[q], k) == pytest.approx(reference[q][f"ndcg_cut_{k}"], abs=1e-9)
        assert recall(ranking, qrels[q], 10) == pytest.approx(reference[q]["recall_10"], abs=1e-9)
    assert ndcg(["b", "a"], {"a": 3, "b": 1}, 2) == (1 + 3 / log2(3)) / (3 + 1 / log2(3))


def test_hops_say_which_found_what() -> None:
    found = {"a": 0, "b": 1, "x": 0}
    assert hop_of_gold(found, ["b", "a", "c"]) == (1, 0, None)
    assert hop_recall(found, ["a", "b", "c"], 0) == hop_recall(found, ["a", "b", "c"], 1) == 1 / 3


@given(st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 3)), st.sets(st.sampled_from("abcdefgh"), min_size=1))
def test_hop_recalls_add_up_to_recall(found: dict[str, int], gold: set[str]) -> None:
    total = sum(hop_recall(found, gold, hop) for hop in range(4))
    assert total == pytest.approx(recall(list(found), gold, 10))
