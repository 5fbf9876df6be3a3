"""Files of differences: what is stored comes back within the promised error, and a half-written file is none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rag.errors import ModelError
from rag.models import deltas
from rag.models.deltas import load, pack, read, write
from rag.types import Vectors


@settings(deadline=None)
@given(arrays(np.float32, (3, 5), elements=st.floats(-2, 2, width=32)))
def test_a_row_loses_at_most_half_a_step(matrix: Vectors) -> None:
    packed = pack({"w": matrix})
    assert packed["w"].dtype == np.int8
    stored = deltas.DeltaFile(packed, {}).tensor("w")
    step = np.abs(matrix).max(axis=1, keepdims=True) / 127
    assert np.all(np.abs(stored - matrix) <= step / 2 + 1e-6)


def test_tensors_come_back_by_their_names_and_prefixes(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file.safetensors"
    matrix = np.array([[127, -127], [254, 0]], np.float32)
    write(path, {**pack({"layer.w": matrix}), "heads.b": np.ones(2, np.float32)}, {"kind": "k", "model": "m"})
    file = load(path, kind="k", facts={"model"}, what="a test", command="rag train test")
    assert (file.names, file.facts["model"]) == (["heads.b", "layer.w"], "m")
    assert file.without("heads.").keys() == {"layer.w"} and np.array_equal(file.tensor("layer.w"), matrix)
    assert np.array_equal(file.under("heads.")["b"], np.ones(2))


def test_a_file_of_another_kind_or_without_its_facts_names_the_command_that_makes_one(tmp_path: Path) -> None:
    path = tmp_path / "file.safetensors"
    for facts in ({"kind": "another", "model": "m"}, {"kind": "k"}, {}):
        write(path, {"w": np.ones(1, np.float32)}, facts)
        with pytest.raises(ModelError, match=r"not a test of this version; train some with `rag train test`\.$"):
            load(path, kind="k", facts={"model"}, what="a test", command="rag train test")
    with pytest.raises(ModelError, match=r"absent: not a readable safetensors file .*; train one\.$"):
        read(tmp_path / "absent", "train one")


def test_the_old_file_stays_until_the_new_one_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file.safetensors"
    write(path, {"w": np.zeros(1, np.float32)}, {})

    def broken(tensors: object, draft: Path, metadata: object) -> None:
        draft.write_bytes(b"half")
        raise OSError("no space left")

    monkeypatch.setattr(deltas, "save_file", broken)
    with pytest.raises(OSError, match="no space"):
        write(path, {"w": np.ones(1, np.float32)}, {})
    assert np.array_equal(read(path, "").tensor("w"), [0])
