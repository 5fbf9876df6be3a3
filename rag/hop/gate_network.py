"""TreeHop's gate: from a query and a chunk it found to the next query, on plain arrays.

With query q and chunk c, both (d,) and of unit length, and heads h with g features each (`*`, `/` and softmax run over
the g features):

    attn_h = softmax(W_Q q * W_K c / sqrt(g)) * W_V c
    u_h    = W_s MLP(attn_h) + attn_h          MLP: blocks x + ReLU(W LayerNorm(x)), after a linear map where g != mlp
    q'     = normalize(q - c + W_o [u_1; ...; u_H])

Weights have the names of the reference implementation's state dict. Files of `rag train gate` say more in their
metadata: the embedder they fit, the sign of c (gates that add it were better, see docs/research/evaluation.md), and the
weights of a ranking. Training is not here, and no torch is needed. Unlike the reference, which carries the vector
before `normalize` to the next hop, every q' is a query in its own right.

Source: TreeHop (arXiv 2504.20114), equations and published checkpoints.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag.errors import MismatchError, ModelError
from rag.hop.score import ranking_weights
from rag.models import deltas
from rag.stages import Embedder, JointEmbedder
from rag.types import Vector, Vectors

EPSILON = 1e-5  # of LayerNorm
SIGNS = {"-": -1.0, "+": 1.0}  # of c, by their name in metadata


@dataclass(frozen=True, slots=True)
class Linear:
    """A linear map: `weight` (out, in), fastest with its columns contiguous, and `bias` (out,)."""

    weight: Vectors
    bias: Vectors

    def __call__(self, x: Vectors) -> Vectors:
        return x @ self.weight.T + self.bias


@dataclass(frozen=True, slots=True)
class Residual:
    """x + ReLU(W LayerNorm(x)); `scale` and `shift` (n,) belong to the LayerNorm."""

    scale: Vectors
    shift: Vectors
    linear: Linear

    def __call__(self, x: Vectors) -> Vectors:
        centred = x - x.mean(axis=1, keepdims=True)
        spread = np.sqrt(np.mean(centred**2, axis=1, keepdims=True) + EPSILON)
        return x + np.maximum(self.linear(centred / spread * self.scale + self.shift), 0)


@dataclass(frozen=True, slots=True)
class Head:
    """One attention head with its MLP: (n, d), (n, d) -> (n, g)."""

    query: Linear
    key: Linear
    value: Linear
    mlp: tuple[Linear | Residual, ...]
    scale: Linear

    def __call__(self, q: Vectors, c: Vectors) -> Vectors:
        scores = self.query(q) * self.key(c) / np.sqrt(np.float32(len(self.query.bias)))
        weights = np.exp(scores - scores.max(axis=1, keepdims=True))
        attention = weights / weights.sum(axis=1, keepdims=True) * self.value(c)
        x = attention
        for layer in self.mlp:
            x = layer(x)
        update: Vectors = self.scale(x) + attention
        return update


@dataclass(frozen=True, slots=True)
class Gate:
    """The weights: `heads`, and `out` (d, heads * g) from their outputs back to the embedding space.

    `sign` is that of c; `embedder` the fingerprint it was trained for, "" where that is not known; `rank` (7,) are the
    weights of `rag.hop.score` learned with it, if any.
    """

    heads: tuple[Head, ...]
    out: Vectors
    sign: float = -1.0
    embedder: str = ""
    rank: Vector | None = None

    @property
    def dim(self) -> int:
        """Columns of the vectors this gate was trained on."""
        return len(self.out)

    def next_queries(self, q: Vectors, c: Vectors) -> Vectors:
        """The next query (n, d), of unit length, of each pair of a query and a chunk, (n, d) each."""
        updates = np.concatenate([head(q, c) for head in self.heads], axis=1)
        next_query = q + np.float32(self.sign) * c + updates @ self.out.T
        lengths: Vectors = np.linalg.norm(next_query, axis=1, keepdims=True).astype(np.float32)
        return np.divide(next_query, np.maximum(lengths, np.float32(1e-12)), dtype=np.float32)


def load_for(embedder: Embedder, path: Path) -> Gate:
    """The gate in a file. Raises ModelError, and MismatchError where it was trained for another embedder."""
    gate = load(path)
    dense = embedder.dense if isinstance(embedder, JointEmbedder) else embedder
    if gate.embedder and gate.embedder != dense.fingerprint:
        raise MismatchError(
            f"{path}: this gate was trained for another embedder; train one for yours with `rag train gate`, or use "
            "hop: links."
        )
    if gate.dim != dense.dim:
        raise MismatchError(f"{path}: a gate for {gate.dim} dimensions, but the embedder has {dense.dim}.")
    return gate


def load(path: Path) -> Gate:
    """The gate in a safetensors file, or in a folder's `model.safetensors`.

    Raises ModelError for a file that is missing, unreadable or not a TreeHop gate, naming the tensor that is wrong.
    """
    file = path / "model.safetensors" if path.is_dir() else path
    if not file.is_file():
        raise ModelError(
            f"{file}: there are no TreeHop weights. Name the safetensors file of a gate trained for your embedder; the "
            "published one (allen-li1231/treehop-rag) fits BGE-M3. Without weights, use the hopper `links`."
        )
    stored = deltas.read(file, "train a gate with `rag train gate`")
    return _GateFile(file, dict(stored.tensors), stored.facts).gate()


@dataclass(frozen=True, slots=True)
class _GateFile:
    """Takes tensors by name and checks them; a tensor that is left at the end is an error, too."""

    file: Path
    tensors: dict[str, NDArray[np.generic]]
    facts: Mapping[str, str]

    def gate(self) -> Gate:
        dim, _ = self.size("node.update_attn_scale.weight")
        count = len({name.split(".")[3] for name in self.tensors if name.startswith("node.update_gate.heads.")})
        heads = tuple(self.head(f"node.update_gate.heads.{i}", dim) for i in range(count))
        width = sum(len(head.query.bias) for head in heads)
        out = self.take("node.update_attn_scale.weight", dim, width)
        gate = Gate(heads, out, self.sign(), self.facts.get("embedder", ""), self.rank())
        if self.tensors:
            raise ModelError(f"{self.file}: {min(self.tensors)} does not belong to a TreeHop gate.")
        return gate

    def sign(self) -> float:
        name = self.facts.get("sign", "-")
        if name not in SIGNS:
            raise ModelError(f"{self.file}: the metadata's `sign` should be one of {' '.join(SIGNS)}, found {name!r}.")
        return SIGNS[name]

    def rank(self) -> Vector | None:
        if "rank" not in self.facts:
            return None
        return ranking_weights(self.facts["rank"], f"{self.file}: the metadata's `rank`")

    def head(self, name: str, dim: int) -> Head:
        features, mlp = self.size(f"{name}.mlp_scale.weight")
        layers = f"{name}.mlp.layers."
        count = len({key.split(".")[6] for key in self.tensors if key.startswith(layers)})
        query, key, value = (self.linear(f"{name}.W_{part}", features, dim) for part in "QKV")
        blocks = tuple(self.layer(f"{layers}{j}", mlp, features) for j in range(count))
        return Head(query, key, value, blocks, self.linear(f"{name}.mlp_scale", features, mlp))

    def layer(self, name: str, mlp: int, features: int) -> Linear | Residual:
        if f"{name}.weight" in self.tensors:
            return self.linear(name, mlp, features)
        scale, shift = (self.take(f"{name}.layer_norm.{part}", mlp) for part in ("weight", "bias"))
        return Residual(scale, shift, self.linear(f"{name}.linear", mlp, mlp))

    def linear(self, name: str, rows: int, columns: int) -> Linear:
        return Linear(self.take(f"{name}.weight", rows, columns), self.take(f"{name}.bias", rows))

    def size(self, name: str) -> tuple[int, int]:
        tensor = self.tensors.get(name)
        if tensor is None or tensor.ndim != 2:
            raise ModelError(f"{self.file}: {name} should be a matrix: this is not a TreeHop gate.")
        return tensor.shape[0], tensor.shape[1]

    def take(self, name: str, *shape: int) -> Vectors:
        tensor = self.tensors.pop(name, None)
        if tensor is None or tensor.shape != shape:
            found = None if tensor is None else tensor.shape
            raise ModelError(f"{self.file}: {name} should have the shape {shape}, found {found}.")
        if not np.isfinite(tensor).all():
            raise ModelError(f"{self.file}: {name} holds values that are not finite.")
        return tensor.astype(np.float32, order="F")  # a few rows times its transpose: a third of the time
