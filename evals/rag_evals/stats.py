"""Is the difference real? Intervals, a paired test, correction for several comparisons, and a verdict in words.

Values are one number per question; two pipelines are compared on the same questions, in the same order. Everything is
seeded: the same values give the same result. Questions are resampled as if independent; what a random seed inside a
pipeline adds is seen only by running it again.
Sources: Efron and Tibshirani 1993 (percentile bootstrap); Smucker, Allan and Carterette 2007 (randomisation test for
retrieval); Holm 1979.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil
from statistics import NormalDist
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")
Array = NDArray[np.float64]

LEVEL = 0.95  # of the interval of a mean
# Of a comparison: half of the customary 0.05 for the first metric judged, half for the others. At 0.05 a sound test
# calls a difference between equals in more than 5 of 100 repeats about four times in ten; at 0.025 about three times in
# a hundred. What it finds: docs/research/evaluation.md. Its intervals have the level 1 - ALPHA to match.
ALPHA = 0.025
POWER = 0.8
RESAMPLES = 10_000
EXACT = 12  # up to 2**EXACT sign patterns are enumerated instead of drawn

_BLOCK = 4_000_000  # random numbers held at a time


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate and the ends of its confidence interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """What was found between `a` and `b`: `difference` is b - a, `p` is two-sided, `dominance` is Cliff's, paired.

    `wins`, `losses` and `ties` count the questions on which b is above, below and level with a. `needed` is the
    number of questions at which a difference of this size would be seen with the usual power (0 when it is zero).
    """

    metric: str
    n: int
    difference: Interval
    p: float
    wins: int
    losses: int
    ties: int
    needed: int

    @property
    def dominance(self) -> float:
        """(wins - losses) / n, from -1 to 1: an effect size that asks only for order, not for a normal shape."""
        return (self.wins - self.losses) / self.n


def bootstrap_mean(
    values: Sequence[float] | Array, *, level: float = LEVEL, resamples: int = RESAMPLES, seed: int = 0
) -> Interval:
    """The mean with its percentile bootstrap interval. Raises ValueError when there are no values."""
    sample = _sample(values)
    rng = np.random.default_rng(seed)
    rows = max(1, _BLOCK // len(sample))
    sizes = [min(rows, resamples - done) for done in range(0, resamples, rows)]
    means = np.concatenate([sample[rng.integers(len(sample), size=(size, len(sample)))].mean(axis=1) for size in sizes])
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(sample.mean()), float(low), float(high))


def bootstrap(
    items: Sequence[T], statistic: Callable[[list[T]], float | None], *, resamples: int = 500, seed: int = 0
) -> Interval | None:
    """Any statistic of the items with its percentile bootstrap interval; None where it is undefined.

    Resamples in which it is undefined are left out.
    """
    value = statistic(list(items))
    rng = np.random.default_rng(seed)
    draws = rng.integers(len(items), size=(resamples, len(items))) if value is not None else ()
    found = [again for draw in draws if (again := statistic([items[i] for i in draw])) is not None]
    if value is None or not found:
        return None
    low, high = np.quantile(found, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(value, float(low), float(high))


def paired_bootstrap(
    a: Sequence[float], b: Sequence[float], *, level: float = 1 - ALPHA, resamples: int = RESAMPLES, seed: int = 0
) -> Interval:
    """The mean of b - a over the same questions, with its percentile bootstrap interval."""
    return bootstrap_mean(_differences(a, b), level=level, resamples=resamples, seed=seed)


def randomisation_test(a: Sequence[float], b: Sequence[float], *, resamples: int = RESAMPLES, seed: int = 0) -> float:
    """Two-sided p of "a and b are exchangeable on every question": signs of the differences are flipped at random.

    Exact when few questions differ, else (1 + as extreme) / (1 + resamples), which is never 0.
    """
    differences = _differences(a, b)
    moved = differences[differences != 0]
    if len(moved) == 0:
        return 1.0
    seen = abs(moved.sum()) * (1 - 1e-12)  # sums of the same numbers in another order still count as equal
    if len(moved) <= EXACT:
        patterns = (np.arange(2 ** len(moved))[:, None] >> np.arange(len(moved))) & 1
        return float(np.mean(np.abs((1 - 2 * patterns) @ moved) >= seen))
    rng = np.random.default_rng(seed)
    rows = max(1, _BLOCK // len(moved))
    extreme = 0
    for done in range(0, resamples, rows):
        signs = 1 - 2 * rng.integers(2, size=(min(rows, resamples - done), len(moved)), dtype=np.int8)
        extreme += int((np.abs(signs @ moved) >= seen).sum())
    return (1 + extreme) / (1 + resamples)


def holm(ps: Sequence[float]) -> list[float]:
    """p values adjusted for being looked at together, in the order given; controls the family-wise error rate."""
    adjusted = [0.0] * len(ps)
    worst = 0.0
    for rank, i in enumerate(sorted(range(len(ps)), key=lambda i: ps[i])):
        worst = max(worst, min(1.0, (len(ps) - rank) * ps[i]))
        adjusted[i] = worst
    return adjusted


def questions_needed(spread: float, difference: float, *, alpha: float = ALPHA, power: float = POWER) -> int:
    """How many questions show a mean difference: ceil(((z(1 - alpha/2) + z(power)) * spread / difference)^2).

    `spread` is the standard deviation of the per-question differences. Raises ValueError when the difference is 0.
    """
    if difference == 0:
        raise ValueError("no number of questions shows a difference of 0")
    z = NormalDist().inv_cdf(1 - alpha / 2) + NormalDist().inv_cdf(power)
    return max(2, ceil((z * spread / difference) ** 2))


def compare(
    a: Sequence[float], b: Sequence[float], *, metric: str = "", resamples: int = RESAMPLES, seed: int = 0
) -> Comparison:
    """Everything there is to say about b against a on one metric, before correction for several."""
    differences = _differences(a, b)
    mean = float(differences.mean())
    wins, losses = int((differences > 0).sum()), int((differences < 0).sum())
    return Comparison(
        metric=metric,
        n=len(differences),
        difference=paired_bootstrap(a, b, resamples=resamples, seed=seed),
        p=randomisation_test(a, b, resamples=resamples, seed=seed),
        wins=wins,
        losses=losses,
        ties=len(differences) - wins - losses,
        needed=questions_needed(float(differences.std()), mean) if mean else 0,
    )


def verdict(found: Comparison, *, p: float | None = None, names: tuple[str, str] = ("A", "B"), up: bool = True) -> str:
    """One sentence: who is better and by how much, or "no difference" and how many questions might show one.

    `p` is the corrected p value when several comparisons were made; `up` says that more is better.
    """
    p = found.p if p is None else p
    gap = found.difference
    on = f" on {found.metric}" if found.metric else ""
    facts = (
        f"{100 * gap.value:+.1f} points "
        f"({100 * (1 - ALPHA):g}% interval {100 * gap.low:+.1f} to {100 * gap.high:+.1f}, p = {p:.2g}, n = {found.n}; "
        f"{names[1]} wins {found.wins}, loses {found.losses}, ties {found.ties}; Cliff's delta {found.dominance:+.2f})"
    )
    if p <= ALPHA:
        better, worse = names[::-1] if (gap.value > 0) == up else names
        return f"{better} is better than {worse}{on}: {facts}."
    advice = f" A difference of this size needs about {found.needed:,} questions." if found.needed else ""
    return f"no difference shown between {names[0]} and {names[1]}{on}: {facts}.{advice}"


def _sample(values: Sequence[float] | Array) -> Array:
    sample = np.asarray(values, dtype=np.float64)
    if sample.ndim != 1 or len(sample) == 0 or not np.isfinite(sample).all():
        raise ValueError("statistics need a flat list of at least one finite number")
    return sample


def _differences(a: Sequence[float], b: Sequence[float]) -> Array:
    if len(a) != len(b):
        raise ValueError(f"paired values must be of the same questions: {len(a)} and {len(b)} were given")
    return _sample(b) - _sample(a)
