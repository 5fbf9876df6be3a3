"""Supporting facts: the sentences an answer rests on, as (title, sentence number) pairs, compared as sets.

Source: update_sp in HotpotQA's hotpot_evaluate_v1.py (arXiv 1809.09600).
"""

from __future__ import annotations

from collections.abc import Iterable

Fact = tuple[str, int]


def supporting_fact_em(predicted: Iterable[Fact], gold: Iterable[Fact]) -> float:
    """1 when both sets are the same, else 0."""
    return float(set(predicted) == set(gold))


def supporting_fact_f1(predicted: Iterable[Fact], gold: Iterable[Fact]) -> float:
    """2PR / (P + R) with P = |both| / |predicted| and R = |both| / |gold|; 0 when nothing is shared, as there."""
    found, expected = set(predicted), set(gold)
    return 2 * len(found & expected) / max(1, len(found) + len(expected))
