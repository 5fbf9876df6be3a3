"""Ranking metrics, as trec_eval defines them.

A ranking is a sequence of ids, best first; an id that comes again is counted where it came first. `gold` are the
relevant ids, at least one: a question without gold has no ranking metric, and every function raises ValueError. Where
`gold` gives each id a grade, nDCG counts it; to the others what is graded is relevant. Source of the definitions:
trec_eval; Järvelin and Kekäläinen 2002 for nDCG.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from math import log2

EMPTY = "gold is empty: a ranking metric needs at least one relevant id"


def _relevance(ranking: Sequence[str], gold: Collection[str]) -> list[bool]:
    """Whether each distinct id of the ranking is gold, in rank order."""
    relevant = frozenset(gold)
    if not relevant:
        raise ValueError(EMPTY)
    return [pid in relevant for pid in dict.fromkeys(ranking)]


def recall(ranking: Sequence[str], gold: Collection[str], k: int) -> float:
    """|gold in the first k| / |gold|."""
    return sum(_relevance(ranking, gold)[:k]) / len(set(gold))


def all_gold(ranking: Sequence[str], gold: Collection[str], k: int) -> float:
    """1 when the first k hold every gold id, else 0: what a multi-hop answer needs."""
    return float(sum(_relevance(ranking, gold)[:k]) == len(set(gold)))


def precision(ranking: Sequence[str], gold: Collection[str], k: int) -> float:
    """|gold in the first k| / k; a ranking shorter than k is not forgiven."""
    return sum(_relevance(ranking, gold)[:k]) / k


def reciprocal_rank(ranking: Sequence[str], gold: Collection[str]) -> float:
    """1 / rank of the first gold id, 0 when there is none; its mean is MRR."""
    return next((1 / rank for rank, hit in enumerate(_relevance(ranking, gold), 1) if hit), 0.0)


def average_precision(ranking: Sequence[str], gold: Collection[str]) -> float:
    """Sum of the precisions at the ranks of gold ids, / |gold|; its mean is MAP."""
    ranks = [rank for rank, hit in enumerate(_relevance(ranking, gold), 1) if hit]
    return sum(found / rank for found, rank in enumerate(ranks, 1)) / len(set(gold))


def ndcg(ranking: Sequence[str], gold: Collection[str], k: int) -> float:
    """DCG / ideal DCG over the first k, where DCG = sum of grade / log2(rank + 1); without grades, each is 1."""
    if not gold:
        raise ValueError(EMPTY)
    grades = gold if isinstance(gold, Mapping) else dict.fromkeys(gold, 1.0)
    found = [grades.get(pid, 0.0) for pid in dict.fromkeys(ranking)]
    best = sorted(grades.values(), reverse=True)
    gained, most = (float(sum(g / log2(rank + 1) for rank, g in enumerate(row[:k], 1))) for row in (found, best))
    return gained / most
