"""A gate's file: safetensors with the names of the reference's state dict, in either of its two layouts.

Every tensor is checked for its shape and taken once; one that is left over is an error, since leaving it out would give
other queries in silence. The later layout's checkpoints are published as pickles, which can run code, so they are
converted first: `safetensors.torch.save_file(torch.load("FILE.pt", weights_only=True), "FILE.safetensors")`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag.errors import MismatchError, ModelError
from rag.hop.gate_network import SIGNS, Gate, Head, Layer, Linear, PlainGate, Residual, StackedGate
from rag.hop.score import ranking_weights
from rag.models import deltas
from rag.stages import Embedder, JointEmbedder, RoundedEmbedder
from rag.types import Vector, Vectors


def load_for(embedder: Embedder, path: Path) -> Gate:
    """The gate in a file. Raises ModelError, and MismatchError where it was trained for another embedder."""
    gate = load(path)
    dense = embedder.dense if isinstance(embedder, JointEmbedder) else embedder
    known = {dense.fingerprint, dense.exact if isinstance(dense, RoundedEmbedder) else ""}
    if gate.embedder and gate.embedder not in known:
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
        stacked = any(name.startswith("node.update_gate.layers.") for name in self.tensors)
        gate = self.stacked() if stacked else self.plain()
        if self.tensors:
            raise ModelError(f"{self.file}: {min(self.tensors)} does not belong to a TreeHop gate.")
        return gate

    def plain(self) -> PlainGate:
        dim, _ = self.size("node.update_attn_scale.weight")
        heads = self.heads("node.update_gate", dim, divided=True)
        out = self.take("node.update_attn_scale.weight", dim, sum(len(head.query.bias) for head in heads))
        return PlainGate(heads, out, self.sign(), self.facts.get("embedder", ""), self.rank())

    def stacked(self) -> StackedGate:
        update, forget = (self.stack(f"node.{gate}") for gate in ("update_gate", "forget_gate"))
        return StackedGate(update, forget, self.facts.get("embedder", ""), self.rank())

    def stack(self, name: str) -> tuple[Layer, ...]:
        dim, _ = self.size(f"{name}.projections.0.weight")
        return tuple(self.attention(name, i, dim) for i in range(self.count(f"{name}.projections.")))

    def attention(self, name: str, i: int, dim: int) -> Layer:
        heads = self.heads(f"{name}.layers.{i}", dim, divided=False)
        width = sum(len(head.query.bias) for head in heads)
        norm = f"{name}.norms.{i - 1}"  # of all layers but the first
        scale, shift = (
            self.take(f"{norm}.{part}", dim) if f"{norm}.{part}" in self.tensors else None
            for part in ("weight", "bias")
        )
        gate = self.linear(f"{name}.layers.{i}.gate_layer", width, width)
        return Layer(heads, gate, self.take(f"{name}.projections.{i}.weight", dim, width), scale, shift)

    def count(self, prefix: str) -> int:
        """How many things are numbered behind a prefix."""
        return len({key.removeprefix(prefix).split(".")[0] for key in self.tensors if key.startswith(prefix)})

    def heads(self, name: str, dim: int, *, divided: bool) -> tuple[Head, ...]:
        count = self.count(f"{name}.heads.")
        return tuple(self.head(f"{name}.heads.{i}", dim, divided=divided) for i in range(count))

    def sign(self) -> float:
        name = self.facts.get("sign", "-")
        if name not in SIGNS:
            raise ModelError(f"{self.file}: the metadata's `sign` should be one of {' '.join(SIGNS)}, found {name!r}.")
        return SIGNS[name]

    def rank(self) -> Vector | None:
        if "rank" not in self.facts:
            return None
        return ranking_weights(self.facts["rank"], f"{self.file}: the metadata's `rank`")

    def head(self, name: str, dim: int, *, divided: bool) -> Head:
        features, mlp = self.size(f"{name}.mlp_scale.weight")
        layers = f"{name}.mlp.layers."
        count = self.count(layers)
        query, key, value = (self.linear(f"{name}.W_{part}", features, dim) for part in "QKV")
        blocks = tuple(self.layer(f"{layers}{j}", mlp, features) for j in range(count))
        scale = self.linear(f"{name}.mlp_scale", features, mlp)
        return Head(query, key, value, blocks, scale, np.sqrt(np.float32(features)) if divided else np.float32(1))

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
