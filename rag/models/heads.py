"""What BGE-M3 makes of its token vectors besides the dense one: a weight for every token, and vectors for MaxSim.

Source: arXiv 2402.03216. A token's weight is relu(w h + b), a text's sparse vector has the largest weight of each token
id; its score is the dot product as it is. MaxSim compares W h + b of every token but the first, at unit length. Both
heads are published as pickles, `sparse_linear.pt` and `colbert_linear.pt`. A pickle can run code when it is read, and
torch's restricted reader has been got around before (CVE-2025-32434), so only safetensors of the same tensors load.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag.errors import ModelError
from rag.models.files import LEXICAL, head
from rag.models.pooling import Projection
from rag.models.tensors import mapped
from rag.types import Sparse, Vector


def load_head(folder: Path, name: str, hidden: int) -> Projection | None:
    """The head of token vectors with `hidden` columns; None where the model has none. Raises ModelError."""
    if (path := head(folder, name)) is None:
        return None
    tensors = mapped(path)
    weight, bias = (tensors.get(key, np.empty(0, np.float32)) for key in ("weight", "bias"))
    columns = 1 if name == LEXICAL else len(weight)
    if weight.shape != (columns, hidden) or bias.shape != (columns,):
        raise ModelError(
            f"{path}: weight {weight.shape} and bias {bias.shape} are no head of token vectors with {hidden} columns; "
            "convert it again from the model's own files."
        )
    return Projection(weight, bias, "ReLU" if name == LEXICAL else "Identity")


def sparse_vector(ids: Sequence[int], weights: Vector, special: NDArray[np.int64]) -> Sparse:
    """The largest weight (tokens,) of each token id, without special tokens and those that weigh nothing."""
    tokens = np.asarray(ids, dtype=np.int64)
    kept = (weights > 0) & ~np.isin(tokens, special)
    indices, places = np.unique(tokens[kept], return_inverse=True)
    values = np.zeros(len(indices), np.float32)
    np.maximum.at(values, places, weights[kept])
    return Sparse(indices, values)
