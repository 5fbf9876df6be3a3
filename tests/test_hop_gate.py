"""The gate on arrays against the equations as a small torch module, through a file in the reference's naming."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from rag.errors import ModelError
from rag.hop.gate import load
from rag.types import Vectors

DIM = 12


class Block(nn.Module):
    def __init__(self, size: int) -> None:
        super().__init__()
        self.layer_norm = nn.LayerNorm(size)
        self.linear = nn.Linear(size, size)

    def forward(self, x: Tensor) -> Tensor:
        return x + torch.relu(self.linear(self.layer_norm(x)))


class Mlp(nn.Module):
    def __init__(self, features: int, size: int, blocks: int) -> None:
        super().__init__()
        first = [] if features == size else [nn.Linear(features, size)]
        self.layers = nn.Sequential(*first, *(Block(size) for _ in range(blocks)))


class AttentionHead(nn.Module):
    def __init__(self, features: int, size: int, blocks: int) -> None:
        super().__init__()
        self.W_Q, self.W_K, self.W_V = (nn.Linear(DIM, features) for _ in range(3))
        self.mlp = Mlp(features, size, blocks)
        self.mlp_scale = nn.Linear(size, features)

    def forward(self, q: Tensor, c: Tensor) -> Tensor:
        scores = self.W_Q(q) * self.W_K(c) / self.W_Q.out_features**0.5
        attention = torch.softmax(scores, dim=-1) * self.W_V(c)
        update: Tensor = self.mlp_scale(self.mlp.layers(attention)) + attention
        return update


class Node(nn.Module):
    def __init__(self, features: int, size: int, blocks: int, heads: int) -> None:
        super().__init__()
        self.update_gate = nn.Module()
        self.update_gate.heads = nn.ModuleList(AttentionHead(features, size, blocks) for _ in range(heads))
        self.update_attn_scale = nn.Linear(features * heads, DIM, bias=False)


class Model(nn.Module):
    """Random weights, LayerNorms included, so that none of them can be left out unseen."""

    def __init__(self, features: int, size: int, blocks: int, heads: int) -> None:
        super().__init__()
        torch.manual_seed(features + size + blocks + heads)
        self.node = Node(features, size, blocks, heads)
        for parameter in self.parameters():
            nn.init.normal_(parameter)

    def forward(self, q: Tensor, c: Tensor) -> Tensor:
        updates = torch.cat([head(q, c) for head in self.node.update_gate.heads], dim=-1)  # type: ignore[union-attr]
        return nn.functional.normalize(q - c + self.node.update_attn_scale(updates), dim=-1)


def unit(n: int, seed: int) -> Vectors:
    rows: Vectors = np.random.default_rng(seed).normal(size=(n, DIM)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows


@pytest.mark.parametrize(("features", "size", "blocks", "heads"), [(8, 8, 3, 1), (8, 10, 2, 3), (1, 1, 0, 1)])
def test_agrees_with_the_equations(tmp_path: Path, features: int, size: int, blocks: int, heads: int) -> None:
    model = Model(features, size, blocks, heads)
    save_file(model.state_dict(), tmp_path / "model.safetensors")
    gate = load(tmp_path)
    q, c = unit(7, 0), unit(7, 1)
    with torch.no_grad():
        expected = model(torch.from_numpy(q), torch.from_numpy(c)).numpy()
    found = gate.next_queries(q, c)
    assert gate.dim == DIM
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)


def test_rows_do_not_depend_on_their_batch(tmp_path: Path) -> None:
    save_file(Model(8, 10, 1, 2).state_dict(), tmp_path / "gate.safetensors")
    gate = load(tmp_path / "gate.safetensors")
    q, c = unit(5, 0), unit(5, 1)
    single = np.concatenate([gate.next_queries(q[i : i + 1], c[i : i + 1]) for i in range(5)])
    np.testing.assert_allclose(gate.next_queries(q, c), single, atol=1e-5)
    assert gate.next_queries(q[:0], c[:0]).shape == (0, DIM)


def test_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"nowhere: there are no TreeHop weights.*`links`"):
        load(tmp_path / "nowhere")


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.safetensors").write_text("not weights", encoding="utf-8")
    with pytest.raises(ModelError, match="not a readable safetensors file"):
        load(tmp_path / "text.safetensors")
    save_file({"encoder.weight": torch.zeros(2, 2)}, tmp_path / "other.safetensors")
    with pytest.raises(ModelError, match="not a TreeHop gate"):
        load(tmp_path / "other.safetensors")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"node.update_gate.heads.0.W_K.bias": None}, r"heads\.0\.W_K\.bias should have the shape \(8,\), found None"),
        ({"node.update_gate.heads.0.W_V.weight": torch.zeros(8, 3)}, r"W_V\.weight should have the shape \(8, 12\)"),
        ({"node.forget_gate.weight": torch.zeros(1)}, r"node\.forget_gate\.weight does not belong"),
        ({"node.update_gate.heads.0.mlp_scale.bias": torch.full((8,), torch.nan)}, "not finite"),
    ],
)
def test_a_wrong_tensor_is_named(tmp_path: Path, change: dict[str, Tensor | None], message: str) -> None:
    tensors = {**Model(8, 8, 1, 1).state_dict(), **change}
    save_file({name: tensor for name, tensor in tensors.items() if tensor is not None}, tmp_path / "g.safetensors")
    with pytest.raises(ModelError, match=message):
        load(tmp_path / "g.safetensors")
