"""What must hold of the rows that an embedder gives."""

from collections.abc import Collection

import numpy as np

from rag.types import Embeddings


class BadRows(ValueError):
    """An embedder gave what it must never give."""


def check_rows(embeddings: Embeddings, n: int, dim: int, representations: Collection[str]) -> None:
    """Refuse what an embedder of these representations must never give. Raises BadRows."""
    for name in ("dense", "sparse", "tokens"):
        rows = getattr(embeddings, name)
        if (rows is None) == (name in representations):
            raise BadRows(f"the embedder gave {'no' if rows is None else 'undeclared'} {name} vectors")
        if rows is not None and len(rows) != n:
            raise BadRows(f"the embedder gave {len(rows)} rows for {n} chunks")
    for matrix in (embeddings.dense, *(embeddings.tokens or ())):
        if matrix is None:
            continue
        if matrix.ndim != 2 or matrix.shape[1] != dim or not len(matrix):
            raise BadRows(f"the embedder gave the shape {matrix.shape}, not (n, {dim})")
        if not np.isfinite(matrix).all():
            raise BadRows("the embedder gave NaN or infinite values")
        if not matrix.any(axis=1).all():
            raise BadRows("the embedder gave a zero vector")
    for one in embeddings.sparse or ():
        if one.indices.shape != one.values.shape or not (np.diff(one.indices) > 0).all():
            raise BadRows("the embedder gave sparse indices that do not increase, or do not fit their values")
        if not np.isfinite(one.values).all():
            raise BadRows("the embedder gave sparse values that are NaN or infinite")
