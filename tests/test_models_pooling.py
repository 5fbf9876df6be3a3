"""Pooling by hand-made numbers, and batches as invariants."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save_file

from rag.errors import ModelError
from rag.models.batching import make_batches, pad
from rag.models.pooling import POOLING, Projection, normalize, pool

HIDDEN = np.array([[[1, 8], [3, 2], [5, -4]]], np.float32)  # one text of three tokens
POOLED = {
    "mean": [3, 2],
    "mean_sqrt_len_tokens": [9 / 3**0.5, 6 / 3**0.5],
    "weightedmean": [22 / 6, 0],
    "cls": [1, 8],
    "lasttoken": [5, -4],
    "max": [5, 8],
}


@pytest.mark.parametrize("mode", sorted(POOLING))
@pytest.mark.parametrize(("left", "right"), [(0, 0), (2, 0), (0, 2)])
def test_pooling_sees_tokens_only_on_either_side_of_padding(mode: str, left: int, right: int) -> None:
    hidden = np.pad(HIDDEN, ((0, 0), (left, right), (0, 0)), constant_values=99)
    mask = np.array([[False] * left + [True] * 3 + [False] * right])
    assert pool(hidden, mask, (mode,)) == pytest.approx(np.array([POOLED[mode]]))


def test_several_modes_stand_side_by_side() -> None:
    mask = np.ones((1, 3), bool)
    assert pool(HIDDEN, mask, ("cls", "max")).tolist() == [[1, 8, 5, 8]]


def test_unit_scales_rows_and_leaves_zero_alone() -> None:
    rows = normalize(np.array([[3, 4], [0, 0]], np.float32))
    assert rows == pytest.approx(np.array([[0.6, 0.8], [0, 0]]))
    assert rows.dtype == np.float32


def dense_folder(folder: Path, **config: object) -> Path:
    folder.mkdir()
    weight, bias = np.array([[1, 0], [0, -1], [1, 1]], np.float32), np.array([0, 0, 1], np.float32)
    save_file({"linear.weight": weight, "linear.bias": bias}, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(config))
    return folder


@pytest.mark.parametrize(
    ("activation", "expected"),
    [
        ("torch.nn.modules.linear.Identity", [2, -3, 6]),
        ("torch.nn.modules.activation.ReLU", [2, 0, 6]),
        ("torch.nn.modules.activation.Tanh", np.tanh([2, -3, 6])),
    ],
)
def test_a_projection_computes_its_layer(tmp_path: Path, activation: str, expected: list[float]) -> None:
    project = Projection.load(dense_folder(tmp_path / "dense", activation_function=activation))
    assert project(np.array([[2, 3]], np.float32)) == pytest.approx(np.array([expected]))


@pytest.mark.parametrize("config", [{"activation_function": "os.system"}, {"use_residual": True}])
def test_a_projection_that_is_not_plain_is_refused(tmp_path: Path, config: dict[str, object]) -> None:
    with pytest.raises(ModelError, match="only plain Dense modules"):
        Projection.load(dense_folder(tmp_path / "dense", **config))


@given(st.lists(st.integers(1, 50)), st.integers(1, 200))
def test_batches_hold_every_text_once_within_the_budget(lengths: list[int], budget: int) -> None:
    made = make_batches(lengths, budget)
    assert sorted(i for batch in made for i in batch) == list(range(len(lengths)))
    for batch in made:
        assert len(batch) == 1 or len(batch) * max(lengths[i] for i in batch) <= budget
    flat = [lengths[i] for batch in made for i in batch]
    assert flat == sorted(lengths, reverse=True)


@given(st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=8), min_size=1, max_size=6))
def test_padding_keeps_every_token_in_its_place(rows: list[list[int]]) -> None:
    ids, mask = pad(rows, pad_id=7)
    assert [row[keep].tolist() for row, keep in zip(ids, mask, strict=True)] == rows
    assert (ids[~mask] == 7).all()
