"""Hops by a gate: links and the gate grow one tree, the ranking is the file's, other embedders are refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from rag.embed.bm25 import Bm25
from rag.embed.hashing import HashingEmbedder
from rag.embed.hybrid import HybridEmbedder
from rag.errors import ConfigError, MismatchError, ModelError
from rag.hop.gate import GateHopper
from rag.stages import Hopper
from rag.train.gate.run import write
from rag.train.gate.train import GateNetwork
from rag.types import Chunk, Hit, Query

EMBEDDER = HashingEmbedder(width=5)
AXES = np.eye(5, dtype=np.float32)
RANK = np.array([0.7, 0.07, 0.3, 1.7, 0.4, 0.02, 1.5], np.float32)
TEXTS = {"red harbour": "By Aster Pictures.", "aster pictures": "From Norvik.", "norvik": "A town.", "canteen": "Soup."}
ASKED = Query("Who made Red Harbour?", dense=AXES[4])


@pytest.fixture
def weights(tmp_path: Path) -> str:
    """A gate that adds nothing: q' = normalize(q + c)."""
    torch.manual_seed(0)
    tensors = {
        name: tensor.numpy() for name, tensor in GateNetwork(5, features=2, size=2, blocks=0).state_dict().items()
    }
    tensors["node.update_attn_scale.weight"] = np.zeros((5, 2), np.float32)
    write(tmp_path / "gate.safetensors", tensors, RANK, fingerprint=EMBEDDER.fingerprint, sign="+")
    return str(tmp_path / "gate.safetensors")


def hit(name: str, *, hop: int = 0, vectors: bool = True) -> Hit:
    chunk = Chunk(name, name, TEXTS[name], 0, len(TEXTS[name]), name, about=(name,))
    return Hit(chunk, 0.5, hop, vector=AXES[list(TEXTS).index(name)] if vectors else None)


def test_links_and_the_gate_ask_for_what_is_next(weights: str) -> None:
    gated = GateHopper(embedder=EMBEDDER, weights=weights, seeds=1)
    assert isinstance(gated, Hopper)
    link, moved = gated.hop([ASKED], [[hit("red harbour"), hit("canteen")]])
    assert link.filter is not None and "aster pictures" in link.filter.any_of["about"]
    assert moved.dense is not None
    np.testing.assert_allclose(moved.dense, (AXES[4] + AXES[0]) / np.sqrt(2), atol=1e-3)
    assert (moved.trail, moved.hop, moved.sparse, moved.filter) == (("red harbour",), 1, None, None)
    assert gated.hop([moved], [[hit("norvik", hop=1)]]) == []
    assert (link.limit, moved.limit) == (4, 4)
    [_, moved] = GateHopper(embedder=EMBEDDER, weights=weights, seeds=1, reach=10).hop([ASKED], [[hit("red harbour")]])
    assert moved.limit == 10


def test_without_links_none_is_followed_and_none_counts(weights: str) -> None:
    gated = GateHopper(embedder=EMBEDDER, weights=weights, links=False)
    found = [hit("red harbour"), hit("canteen")]
    assert all(query.filter is None for query in gated.hop([ASKED], [found]))
    ranked = gated.rank(ASKED, [*found, hit("aster pictures", hop=1)], k=3)
    assert [one.chunk.id for one in ranked] == ["red harbour", "canteen", "aster pictures"]


def test_the_ranking_lifts_what_is_linked(weights: str) -> None:
    tree = [hit("canteen"), hit("red harbour"), hit("norvik"), hit("aster pictures", hop=1)]
    ranked = GateHopper(embedder=EMBEDDER, weights=weights).rank(ASKED, tree, k=3)
    assert [found.chunk.id for found in ranked][:2] == ["red harbour", "aster pictures"]
    assert GateHopper(embedder=EMBEDDER, weights=weights).rank(ASKED, [], k=3) == []


def test_the_dense_embedder_of_a_hybrid_one_counts(weights: str) -> None:
    joint = HybridEmbedder(dense=EMBEDDER, sparse=Bm25())
    assert GateHopper(embedder=joint, weights=weights).hop([ASKED], [[hit("norvik")]])


def test_what_it_cannot_work_with_is_named(weights: str, tmp_path: Path) -> None:
    with pytest.raises(MismatchError, match="trained for another embedder"):
        GateHopper(embedder=HashingEmbedder(width=6), weights=weights).hop([ASKED], [[hit("norvik")]])
    with pytest.raises(ConfigError, match="gate needs dense vectors"):
        GateHopper(embedder=EMBEDDER, weights=weights).hop([Query("q")], [[hit("norvik")]])
    from safetensors.torch import save_file

    save_file(GateNetwork(5, features=2, size=2, blocks=0).state_dict(), tmp_path / "published.safetensors")
    with pytest.raises(ModelError, match="holds no ranking; use hop: treehop"):
        GateHopper(embedder=EMBEDDER, weights=str(tmp_path / "published.safetensors")).hop([ASKED], [[hit("norvik")]])
