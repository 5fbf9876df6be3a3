"""How far two raters agree beyond what chance would give. Source: Cohen 1960."""

from __future__ import annotations

from collections.abc import Sequence


def kappa(a: Sequence[bool], b: Sequence[bool]) -> float | None:
    """(observed - expected) / (1 - expected) agreement; None where it is undefined.

    Observed = |a = b| / n; expected = P(a) P(b) + P(not a) P(not b). Undefined when n = 0 or when both raters gave
    everything the same verdict.
    """
    pairs = list(zip(a, b, strict=True))
    if not pairs:
        return None
    observed = sum(x == y for x, y in pairs) / len(pairs)
    yes_a, yes_b = (sum(side) / len(pairs) for side in zip(*pairs, strict=True))
    expected = yes_a * yes_b + (1 - yes_a) * (1 - yes_b)
    return None if expected == 1 else (observed - expected) / (1 - expected)
