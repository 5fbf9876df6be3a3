"""How often a verdict is right, by simulation: between equals, and when three points of recall were lost.

Questions are drawn from what the default found of MuSiQue dev at five passages, gold passages and how many of them were
there. Another seed changes a share of the questions: there one gold passage, any of them, enters the first five or
leaves them. A planted loss takes one gold passage each from questions at random until the mean has fallen so far.
Two runs with `noise` differ on about twice as many questions, which is what one can count on one's own runs.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag_evals import stats

# (gold passages, of them among the first five): questions
FOUND = {(2, 0): 5, (2, 1): 48, (2, 2): 67, (3, 1): 7, (3, 2): 24, (3, 3): 7, (4, 1): 12, (4, 2): 5, (4, 3): 1}
NOISES = (0.01, 0.02, 0.05, 0.075, 0.1, 0.15)
LOSS, QUESTIONS, REPEATS = 0.03, 500, 1000
Values = NDArray[np.float64]


def repeat(seed: int, *, noise: float, loss: float, n: int = QUESTIONS) -> tuple[list[float], list[float]]:
    """Recall of n questions in two runs of one pipeline with other seeds, of which the second lost something."""
    rng = np.random.default_rng(seed)
    counts = np.array(list(FOUND.values()))
    gold, base = np.array(list(FOUND))[rng.choice(len(counts), size=n, p=counts / counts.sum())].T
    a, b = (base + (rng.random(n) < noise) * np.where(rng.random(n) < base / gold, -1, 1) for _ in range(2))
    holding = rng.permutation(np.flatnonzero(b > 0))
    b[holding[np.cumsum(1 / gold[holding]) <= loss * n]] -= 1
    return (a / gold).tolist(), (b / gold).tolist()


def p_values(*, noise: float, loss: float, repeats: int = REPEATS) -> Values:
    """The p value of each repeat."""
    pairs = (repeat(seed, noise=noise, loss=loss) for seed in range(repeats))
    return np.array([stats.randomisation_test(a, b, resamples=1000) for a, b in pairs])


def write(path: Path) -> None:
    """Keep, for each noise: how many questions differ, and how often a difference was called."""
    rows = []
    for noise in NOISES:
        differ = np.mean([np.mean(np.not_equal(*repeat(seed, noise=noise, loss=0))) for seed in range(100)])
        called = [float((p_values(noise=noise, loss=loss) <= stats.ALPHA).mean()) for loss in (0, LOSS)]
        rows.append({"noise": noise, "differ": round(float(differ), 3), "equals": called[0], "loss": called[1]})
    path.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
