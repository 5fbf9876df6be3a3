"""From token vectors to what a text has: pooling, projection, unit length, BGE-M3's heads; for every backend.

The definitions are those of sentence-transformers' modules. A mask says which tokens are real, and padding may stand
on either side.

BGE-M3 (arXiv 2402.03216) makes of token vectors besides the dense one a weight for every token, relu(w h + b), and
vectors for MaxSim, W h + b of every token but the first, at unit length. A text's sparse vector has the largest weight
of each token id; its score is the dot product as it is. Both heads are published as pickles, `sparse_linear.pt` and
`colbert_linear.pt`. A pickle can run code when it is read, and torch's restricted reader has been got around before
(CVE-2025-32434), so only safetensors of the same tensors load.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from rag.errors import ModelError
from rag.models.files import LEXICAL, head, read_json, weights
from rag.models.tensors import mapped
from rag.types import Sparse, Vector, Vectors

Mask = NDArray[np.bool_]  # (b, t), True = a token
Hidden = NDArray[np.float32]  # (b, t, hidden)


def _order(mask: Mask) -> NDArray[np.int64]:
    """1 for a row's first token, 2 for the next, 0 for padding."""
    return mask.cumsum(axis=1) * mask


# every mode but "max" is a weighted sum of token vectors: mask (b, t) -> weights (b, t)
_WEIGHTS: Mapping[str, Callable[[Mask], NDArray[Any]]] = {
    "mean": lambda mask: mask / mask.sum(axis=1, keepdims=True),
    "mean_sqrt_len_tokens": lambda mask: mask / np.sqrt(mask.sum(axis=1, keepdims=True)),
    "weightedmean": lambda mask: _order(mask) / _order(mask).sum(axis=1, keepdims=True),
    "cls": lambda mask: _order(mask) == 1,
    "lasttoken": lambda mask: mask & (mask.cumsum(axis=1) == mask.sum(axis=1, keepdims=True)),
}
POOLING = frozenset({*_WEIGHTS, "max"})


def pool(hidden: Hidden, mask: Mask, modes: tuple[str, ...]) -> Vectors:
    """(b, hidden * modes): each mode's vector beside the other. Every row needs one real token."""
    return np.concatenate([_pool(hidden, mask, mode) for mode in modes], axis=1)


def _pool(hidden: Hidden, mask: Mask, mode: str) -> Vectors:
    if mode == "max":
        highest: Vectors = np.where(mask[:, :, None], hidden, np.float32(-np.inf)).max(axis=1)
        return highest
    weights = _WEIGHTS[mode](mask).astype(np.float32)
    return (weights[:, None, :] @ hidden)[:, 0, :]


def normalize(vectors: Vectors) -> Vectors:
    """Rows scaled to length one; a zero row stays zero."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    scaled: Vectors = vectors / np.maximum(lengths, np.float32(1e-12))
    return scaled


_ACTIVATIONS: Mapping[str, Callable[[Vectors], Vectors]] = {
    "Identity": lambda x: x,
    "Tanh": np.tanh,
    "ReLU": lambda x: np.maximum(x, np.float32(0)),
}


@dataclass(frozen=True, slots=True, eq=False)
class Projection:
    """A Dense module: activation(x W' + b)."""

    weight: Vectors  # (out, in)
    bias: NDArray[np.float32] | np.float32
    activation: str

    @classmethod
    def load(cls, folder: Path) -> Self:
        """From a sentence-transformers Dense folder. Raises ModelError."""
        config = read_json(folder / "config.json", {})
        activation = str(config.get("activation_function") or "torch.nn.Tanh").rpartition(".")[2]
        ends = {config.get("module_input_name"), config.get("module_output_name")} - {None, "sentence_embedding"}
        if activation not in _ACTIVATIONS or config.get("use_residual") or ends:
            raise ModelError(f"{folder / 'config.json'}: only plain Dense modules with {', '.join(_ACTIVATIONS)} load.")
        tensors = mapped(weights(folder)[0])
        if "linear.weight" not in tensors:
            raise ModelError(f"{folder}: no tensor linear.weight; this is not a Dense module.")
        return cls(tensors["linear.weight"], tensors.get("linear.bias", np.float32(0)), activation)

    def __call__(self, vectors: Vectors) -> Vectors:
        return _ACTIVATIONS[self.activation](vectors @ self.weight.T + self.bias)


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


def merge_tokens(vectors: Vectors, factor: int) -> Vectors:
    """Fewer token vectors of a text, for multi-vector search in less space: those that lie near each other become one.

    The unit means (ceil(n / factor), width) of the clusters of unit vectors (n, width), by their first member. They are
    clustered by Ward's criterion: again and again the two clusters a, b are joined for which
    |a| |b| / (|a| + |b|) * |mean_a - mean_b|^2 is least, until as many are left as were asked for.
    Source: token pooling for late interaction (arXiv 2409.14683).
    """
    means, sizes = vectors.astype(np.float64), np.ones(len(vectors))
    alive = np.ones(len(vectors), np.bool_)
    costs = np.stack([_costs(means, sizes, alive, i) for i in range(len(vectors))]) if len(vectors) else means
    for _ in range(len(vectors) - ceil(len(vectors) / factor)):
        kept, gone = sorted(divmod(int(costs.argmin()), len(vectors)))
        total = sizes[kept] + sizes[gone]
        means[kept] = (sizes[kept] * means[kept] + sizes[gone] * means[gone]) / total
        sizes[kept], alive[gone] = total, False
        costs[gone], costs[:, gone] = np.inf, np.inf
        costs[kept] = costs[:, kept] = _costs(means, sizes, alive, kept)
    return normalize(means[alive].astype(np.float32))


def _costs(means: NDArray[Any], sizes: NDArray[Any], alive: NDArray[np.bool_], i: int) -> NDArray[Any]:
    """What joining cluster i with each other one costs, (n,); infinite for itself and those that are gone."""
    found = sizes * sizes[i] / (sizes + sizes[i]) * ((means - means[i]) ** 2).sum(axis=1)
    return np.where(alive & (np.arange(len(means)) != i), found, np.inf)
