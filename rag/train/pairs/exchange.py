"""Negatives that are exchanged once a model finds them far (Conan-embedding, arXiv 2408.15710, section 3.2).

Of each question stand the mean score of its negatives when they came, and how often they were exchanged. Where 1.15
times the score now is less than that, and its absolute value less than 0.8, they are no longer hard, and the next of
the ranking follow: behind the first ten, as many as there are. The paper looks every 100 steps; here a question's are
looked at whenever it was read, which costs nothing. The ranking is that of the model as it was.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from rag.train.pairs.examples import Ranking
from rag.types import Vectors

HARDER, LEAST, FIRST = 1.15, 0.8, 10


class Exchange:
    """Changes `negatives` (n, m), rows of passages, in place; `start` (n,) are their mean scores as the model was."""

    def __init__(self, ranking: Ranking, negatives: NDArray[np.int64], start: Vectors) -> None:
        self._ranking, self._negatives = ranking, negatives
        self._start, self._turns = start.copy(), np.zeros(len(start), np.int64)

    @property
    def arrays(self) -> Mapping[str, NDArray[Any]]:
        """What changes, for a training that goes on."""
        return {"negatives": self._negatives, "start": self._start, "turns": self._turns}

    def __call__(self, batch: Sequence[int], scores: Tensor) -> int:
        """Exchange those of a batch of questions (b,) that score (b, m) little now; how many questions."""
        now = scores.detach().float().mean(1).cpu().numpy()
        rows = np.asarray(batch)[(HARDER * now < self._start[list(batch)]) & (np.abs(now) < LEAST)]
        count, done = self._negatives.shape[1], 0
        for row in rows.tolist():
            at = FIRST + self._turns[row] * count
            places = slice(at, at + count)
            values = self._ranking.scores[row, places]
            if len(values) == count and np.isfinite(values).all():
                self._negatives[row], self._start[row] = self._ranking.rows[row, places], values.mean()
                self._turns[row] += 1
                done += 1
        return done
