"""The gate on arrays against the equations in torch, through a file in the reference's naming."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from rag.errors import ModelError
from rag.hop.gate_file import load
from rag.hop.gate_network import PlainGate
from rag.hop.score import WEIGHTS
from rag.train.gate.run import write
from rag.train.gate.train import GateNetwork
from rag.types import Vectors

DIM = 12


def network(features: int, size: int, blocks: int, heads: int, sign: str = "-") -> GateNetwork:
    """Random weights, LayerNorms included, so that none of them can be left out unseen."""
    torch.manual_seed(features + size + blocks + heads)
    made = GateNetwork(DIM, features=features, size=size, blocks=blocks, heads=heads, sign=sign)
    for parameter in made.parameters():
        nn.init.normal_(parameter)
    return made


def unit(n: int, seed: int) -> Vectors:
    rows: Vectors = np.random.default_rng(seed).normal(size=(n, DIM)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows


@pytest.mark.parametrize(
    ("features", "size", "blocks", "heads", "sign"), [(8, 8, 3, 1, "-"), (8, 10, 2, 3, "+"), (1, 1, 0, 1, "-")]
)
def test_agrees_with_the_equations(
    tmp_path: Path, features: int, size: int, blocks: int, heads: int, sign: str
) -> None:
    model = network(features, size, blocks, heads, sign)
    told = {} if sign == "-" else {"sign": sign}  # the reference's files say nothing
    save_file(model.state_dict(), tmp_path / "model.safetensors", metadata=told)
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
    save_file(network(8, 10, 1, 2).state_dict(), tmp_path / "gate.safetensors")
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
    tensors = {**network(8, 8, 1, 1).state_dict(), **change}
    save_file({name: tensor for name, tensor in tensors.items() if tensor is not None}, tmp_path / "g.safetensors")
    with pytest.raises(ModelError, match=message):
        load(tmp_path / "g.safetensors")


def test_what_training_writes_is_read_back_in_half_precision(tmp_path: Path) -> None:
    model = network(8, 8, 1, 1, "+")
    tensors = {name: tensor.numpy() for name, tensor in model.state_dict().items()}
    rank = np.arange(len(WEIGHTS), dtype=np.float32)
    write(tmp_path / "g.safetensors", tensors, rank, fingerprint="mine", sign="+")
    gate = load(tmp_path / "g.safetensors")
    assert isinstance(gate, PlainGate) and (gate.sign, gate.embedder) == (1.0, "mine")
    assert gate.rank is not None and np.array_equal(gate.rank, rank)
    with torch.no_grad():
        expected = model(torch.from_numpy(unit(5, 0)), torch.from_numpy(unit(5, 1))).numpy()
    np.testing.assert_allclose(gate.next_queries(unit(5, 0), unit(5, 1)), expected, atol=5e-3)


@pytest.mark.parametrize(
    ("told", "message"),
    [({"sign": "*"}, "`sign` should be one of - \\+"), ({"rank": "[1, 2]"}, "`rank` should hold 7 finite numbers")],
)
def test_wrong_metadata_are_named(tmp_path: Path, told: dict[str, str], message: str) -> None:
    save_file(network(8, 8, 1, 1).state_dict(), tmp_path / "g.safetensors", metadata=told)
    with pytest.raises(ModelError, match=message):
        load(tmp_path / "g.safetensors")
