"""TreeHop's gates: from a query and a chunk it found to the next query, on plain arrays.

With query q and chunk c, both (d,) and of unit length, and heads h with g features each (`*`, `/` and softmax run over
the g features):

    attn_h = softmax(W_Q q * W_K c / sqrt(g)) * W_V c
    u_h    = W_s MLP(attn_h) + attn_h          MLP: blocks x + ReLU(W LayerNorm(x)), after a linear map where g != mlp
    q'     = normalize(q - c + W_o [u_1; ...; u_H])

The vector before `normalize` is what the reference carries on to the next hop (`step`). Files of `rag train gate` say
more in their metadata: the embedder they fit, the sign of c (gates that add it were better, see
docs/research/evaluation.md), and the weights of a ranking.

A later layout of the reference stacks attentions and has a second gate that says what to forget. For values v it has

    A(q, c, v) = [u_1; ...; u_H] * softmax(W_g [u_1; ...; u_H])     u_h as above, of v and without the root
    S(q, c, v) = x_n    with x_1 = P_1 A_1(q, c, v) and x_i = x_(i-1) + P_i A_i(norm_i(x_(i-1)), c, v)
    q'         = normalize(q - S_forget(q, c, q) + S_update(q, c, c))

Source: TreeHop (arXiv 2504.20114), equations 1 to 4; tree_hop/model.py of its repository, and of
Super-Researcher/TreeHop for the later layout.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from rag.types import Vector, Vectors

EPSILON = 1e-5  # of LayerNorm
RMS_EPSILON = np.finfo(np.float32).eps  # of the root mean square
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
    """One attention head with its MLP: query, chunk and values, (n, d) each, to (n, g)."""

    query: Linear
    key: Linear
    value: Linear
    mlp: tuple[Linear | Residual, ...]
    scale: Linear
    root: np.float32  # what scores are divided by

    def __call__(self, q: Vectors, c: Vectors, v: Vectors) -> Vectors:
        attention = softmax(self.query(q) * self.key(c) / self.root) * self.value(v)
        x = attention
        for layer in self.mlp:
            x = layer(x)
        update: Vectors = self.scale(x) + attention
        return update


def softmax(x: Vectors) -> Vectors:
    """Of every row."""
    weights = np.exp(x - x.max(axis=1, keepdims=True))
    shares: Vectors = weights / weights.sum(axis=1, keepdims=True)
    return shares


class Gate(ABC):
    """A gate of either layout. `embedder` is the fingerprint it was trained for, "" where that is not known."""

    __slots__ = ()
    embedder: str
    rank: Vector | None  # (7,), the weights of `rag.hop.score` learned with it, if any

    @property
    @abstractmethod
    def dim(self) -> int:
        """Columns of the vectors this gate was trained on."""

    @abstractmethod
    def step(self, q: Vectors, c: Vectors) -> Vectors:
        """What the next hop starts from, (n, d), of each pair of a query and a chunk, (n, d) each."""

    def next_queries(self, q: Vectors, c: Vectors) -> Vectors:
        """The next query (n, d), of unit length, of each pair of a query and a chunk, (n, d) each."""
        return unit(self.step(q, c))


def unit(vectors: Vectors) -> Vectors:
    """Rows scaled to length one."""
    lengths: Vectors = np.linalg.norm(vectors, axis=1, keepdims=True).astype(np.float32)
    return np.divide(vectors, np.maximum(lengths, np.float32(1e-12)), dtype=np.float32)


@dataclass(frozen=True, slots=True)
class PlainGate(Gate):
    """The published layout: `heads`, and `out` (d, heads * g) from their outputs back to the embedding space."""

    heads: tuple[Head, ...]
    out: Vectors
    sign: float = -1.0  # of c
    embedder: str = ""
    rank: Vector | None = None

    @property
    def dim(self) -> int:
        return len(self.out)

    def step(self, q: Vectors, c: Vectors) -> Vectors:
        updates = np.concatenate([head(q, c, c) for head in self.heads], axis=1)
        return q + np.float32(self.sign) * c + updates @ self.out.T


@dataclass(frozen=True, slots=True)
class Layer:
    """A stacked attention with its projection, and the norm of what comes in where there is one."""

    heads: tuple[Head, ...]
    gate: Linear
    out: Vectors  # (d, heads * g)
    scale: Vectors | None  # (d,) of the norm
    shift: Vectors | None  # (d,) too: of a LayerNorm; without it the norm is by the root mean square

    def __call__(self, q: Vectors, c: Vectors, v: Vectors) -> Vectors:
        x = np.concatenate([head(self._normed(q), c, v) for head in self.heads], axis=1)
        return (x * softmax(self.gate(x))) @ self.out.T

    def _normed(self, x: Vectors) -> Vectors:
        if self.scale is None:
            return x
        centred = x if self.shift is None else x - x.mean(axis=1, keepdims=True)
        epsilon = RMS_EPSILON if self.shift is None else np.float32(EPSILON)
        normed: Vectors = centred / np.sqrt(np.mean(centred**2, axis=1, keepdims=True) + epsilon) * self.scale
        return normed if self.shift is None else normed + self.shift


@dataclass(frozen=True, slots=True)
class StackedGate(Gate):
    """The later layout: what is taken up and what is forgotten, each by a stack of attentions."""

    update: tuple[Layer, ...]
    forget: tuple[Layer, ...]
    embedder: str = ""
    rank: Vector | None = None

    @property
    def dim(self) -> int:
        return len(self.update[0].out)

    def step(self, q: Vectors, c: Vectors) -> Vectors:
        return q - _stack(self.forget, q, c, q) + _stack(self.update, q, c, c)


def _stack(layers: tuple[Layer, ...], q: Vectors, c: Vectors, v: Vectors) -> Vectors:
    x = layers[0](q, c, v)
    for layer in layers[1:]:
        x = x + layer(x, c, v)
    return x
