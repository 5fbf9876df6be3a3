"""The file of `rag train map`: questions that a new model reads, asked of vectors that another model made.

Query Drift Compensation (arXiv 2506.00037): the index stays as it is, and what a new model makes of a question is moved
into the index's space, by the mean drift, by a matrix, or both. How they are found: `rag.train.map.fit`.
"""

from dataclasses import dataclass
from pathlib import Path

from rag.errors import MismatchError, ModelError
from rag.models import deltas
from rag.models.pooling import normalize
from rag.types import Vector, Vectors

KIND = "raghop query map 1"
COMMAND = "rag train map"


@dataclass(frozen=True, slots=True, eq=False)
class QueryMap:
    """From vectors (n, new) to the columns of an index (n, dim): times `matrix` (new, dim) if any, plus `shift`."""

    matrix: Vectors | None
    shift: Vector

    def __call__(self, vectors: Vectors) -> Vectors:
        """The vectors (n, dim), at length one."""
        turned = vectors if self.matrix is None else vectors @ self.matrix
        return normalize(turned + self.shift)

    def fits(self, new: int, dim: int) -> bool:
        """Whether it leads from so many columns to so many."""
        shape = (dim, dim) if self.matrix is None else self.matrix.shape
        return shape == (new, dim) and self.shift.shape == (dim,)


def write(path: Path, query_map: QueryMap, *, index: str, queries: str) -> None:
    """`index` is the fingerprint of the embedder whose vectors are searched, `queries` that of the new model's side."""
    tensors = {"shift": query_map.shift}
    if query_map.matrix is not None:
        tensors["matrix"] = query_map.matrix
    deltas.write(path, tensors, {"kind": KIND, "index": index, "queries": queries})


def load(path: Path, *, index: str, queries: str, new: int, dim: int) -> QueryMap:
    """The map from `new` columns to `dim`. Raises ModelError, MismatchError where it was made for other models."""
    file = deltas.load(path, kind=KIND, facts={"index", "queries"}, what="a map of questions", command=COMMAND)
    for fact, made, which in (("index", index, "`model` and its options"), ("queries", queries, "`query_model`")):
        if file.facts[fact] != made:
            raise MismatchError(
                f"embed.query_map: {path} was made for another {which} than this pipeline has; make one for these with "
                f"`{COMMAND}`, or leave out `query_model` and `query_map`."
            )
    found = QueryMap(file.tensor("matrix") if "matrix" in file.tensors else None, file.tensor("shift"))
    if not found.fits(new, dim):
        raise ModelError(f"{path}: does not lead from {new} columns to {dim}; make it again with `{COMMAND}`.")
    return found
