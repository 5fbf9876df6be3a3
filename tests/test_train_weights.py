"""The file of a hop encoder: what is stored comes back within the promised error, and says whose it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rag.errors import ModelError
from rag.hop.encoder import load
from rag.hop.score import WEIGHTS
from rag.train.common.card import error
from rag.train.hop.train import write


def test_the_file_comes_back(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    exact = {"layer.w": rng.normal(size=(8, 16)).astype(np.float32), "layer.b": np.ones(8, np.float32)}
    path = tmp_path / "deep" / "hop.safetensors"
    rank = np.arange(len(WEIGHTS), dtype=np.float32)
    write(path, exact, rank, {"embedder": "abc", "max_tokens": "96", "seed": "0"})
    found = load(path)
    stored, metadata = found.difference, found.facts
    assert stored.keys() == exact.keys()
    assert np.array_equal(found.rank, rank)
    assert np.array_equal(stored["layer.b"], exact["layer.b"])
    assert 0 < error(exact, stored) < 0.01
    assert (metadata["embedder"], metadata["max_tokens"], metadata["seed"]) == ("abc", "96", "0")
    assert error({"w": np.zeros((2, 2), np.float32)}, {"w": np.zeros((2, 2), np.float32)}) == 0


def test_other_files_are_refused_by_name(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    with pytest.raises(ModelError, match=r"absent\.safetensors.*rag train hop"):
        load(tmp_path / "absent.safetensors")
    (tmp_path / "text").write_text("no tensors here")
    with pytest.raises(ModelError, match="text: not a readable"):
        load(tmp_path / "text")
    save_file({"w": np.zeros(2, np.float32)}, tmp_path / "other.safetensors")
    with pytest.raises(ModelError, match="not the weights of a hop encoder"):
        load(tmp_path / "other.safetensors")
    short = np.ones(3, np.float32)
    write(tmp_path / "short.safetensors", {}, short, {"embedder": "abc", "max_tokens": "96"})
    with pytest.raises(ModelError, match="should hold 7 finite numbers: place, words, named"):
        load(tmp_path / "short.safetensors")
