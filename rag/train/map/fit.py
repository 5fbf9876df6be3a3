"""Three ways to ask an index of one model by the questions of another. Nothing is trained: each is a formula.

- `shift` is Query Drift Compensation (arXiv 2506.00037): the mean of old minus new vectors of the same questions is
  added to every new one. For a model that was trained on from the old one, in the same columns.
- `ridge` and `orthogonal` use passages that both models have read, O (n, dim) of the index and N (n, new), each less
  its mean. What is wanted is the new model's score q N', and O is what there is. With N near O B the score is near
  (q B') O', so B' is what a question is multiplied by, less the mean of the new passages, too: what all of them share
  tells none from another. `ridge`: B = (O'O + p I)^-1 O'N. `orthogonal`: the rotation R with the least |N R - O|
  (Procrustes, Schönemann 1966): R = UV' where N'O = USV'; of other widths, half of one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from rag.embed.query_map import QueryMap
from rag.errors import ConfigError
from rag.types import Vectors

PENALTY = 0.01  # of ridge, as a share of the mean square of a column of O, times n


@dataclass(frozen=True, slots=True, eq=False)
class MapExamples:
    """The same questions and the same passages, a row each, by the old model (n, dim) and the new one (n, new)."""

    old_questions: Vectors
    new_questions: Vectors
    old_passages: Vectors
    new_passages: Vectors


def fit_shift(given: MapExamples) -> QueryMap:
    """Raises ConfigError for models of different widths."""
    old, new = given.old_questions, given.new_questions
    if old.shape != new.shape:
        raise ConfigError(
            f"--way shift: the index has {old.shape[1]} columns and the new model {new.shape[1]}; take ridge or "
            "orthogonal."
        )
    return QueryMap(None, (old - new).mean(axis=0))


def fit_ridge(given: MapExamples, penalty: float = PENALTY) -> QueryMap:
    """Passages of the new model from those of the old, turned about."""
    old, new = _centre(given.old_passages), _centre(given.new_passages)
    square = old.T @ old
    square += np.eye(len(square), dtype=np.float32) * np.float32(penalty * np.trace(square) / len(square))
    return _by_matrix(np.linalg.solve(square, old.T @ new).T, given)


def fit_orthogonal(given: MapExamples) -> QueryMap:
    """The rotation of the new space into the old one."""
    left, _, right = np.linalg.svd(_centre(given.new_passages).T @ _centre(given.old_passages), full_matrices=False)
    return _by_matrix(left @ right, given)


WAYS: Mapping[str, Callable[[MapExamples], QueryMap]] = {
    "ridge": fit_ridge,
    "orthogonal": fit_orthogonal,
    "shift": fit_shift,
}


def _centre(vectors: Vectors) -> Vectors:
    centred: Vectors = vectors - vectors.mean(axis=0)
    return centred


def _by_matrix(matrix: Vectors, given: MapExamples) -> QueryMap:
    found = np.ascontiguousarray(matrix, np.float32)
    return QueryMap(found, -given.new_passages.mean(axis=0) @ found)
