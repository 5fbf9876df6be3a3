"""The TreeHop loop with a gate whose update is zero, so that q' = normalize(q - c) can be followed by hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import save_file

from rag.embed.hashing import HashingEmbedder
from rag.errors import ConfigError, MismatchError, ModelError
from rag.hop.treehop import TreeHop
from rag.types import Chunk, Hit, Query, Vector

DIM = 4
EMBEDDER = HashingEmbedder(width=DIM)


def unit(*values: float) -> Vector:
    row = np.array(values, np.float32)
    return row / np.float32(np.linalg.norm(row))


# The question asks for first, second and third in falling measure; noise is closer to it than second and third.
ASKED = Query("q", dense=unit(3, 2, 1, 0))
WORLD = {"first": unit(1, 0, 0, 0), "noise": unit(2, 0, 0, 1), "second": unit(0, 2, 0, 1), "third": unit(0, 0, 1, 0)}


@pytest.fixture
def weights(tmp_path: Path) -> str:
    head = "node.update_gate.heads.0"
    shapes = {f"{head}.{name}": (2, DIM) for name in ("W_Q", "W_K", "W_V")} | {f"{head}.mlp_scale": (2, 2)}
    tensors: dict[str, NDArray[np.float32]] = {
        f"{name}.weight": np.zeros(shape, np.float32) for name, shape in shapes.items()
    }
    tensors |= {f"{name}.bias": np.zeros(shape[0], np.float32) for name, shape in shapes.items()}
    save_file(
        {**tensors, "node.update_attn_scale.weight": np.zeros((DIM, 2), np.float32)}, tmp_path / "gate.safetensors"
    )
    return str(tmp_path / "gate.safetensors")


def search(query: Query, k: int) -> list[Hit]:
    assert query.dense is not None
    found = [
        Hit(Chunk(name, name, name, 0, len(name), name), float(query.dense @ row), query.hop, query.trail, row)
        for name, row in WORLD.items()
    ]
    return sorted(found, key=lambda hit: -hit.score)[:k]


def grow(hopper: TreeHop, k: int) -> list[Hit]:
    """The tree, as the answer graph grows it."""
    tree: list[Hit] = []
    frontier = [ASKED]
    while frontier:
        found: list[list[Hit]] = []
        for query in frontier:
            seen = {hit.chunk.id for hit in tree}
            found.append([hit for hit in search(query, k) if hit.chunk.id not in seen])
            tree.extend(found[-1])
        frontier = hopper.hop(frontier, found)
    return tree


def ids(hits: Sequence[Hit]) -> list[str]:
    return [hit.chunk.id for hit in hits]


def test_the_second_and_third_layer_change_the_result(weights: str) -> None:
    grown = [grow(TreeHop(embedder=EMBEDDER, weights=weights, hops=hops), k=1) for hops in (1, 2)]
    assert [ids(tree) for tree in grown] == [["first", "second"], ["first", "second", "third"]]
    assert [(hit.hop, hit.trail) for hit in grown[1]] == [(0, ()), (1, ("first",)), (2, ("first", "second"))]
    assert ids(TreeHop(embedder=EMBEDDER, weights=weights).rank(ASKED, grown[1], k=9)) == ["first", "second", "third"]


def test_next_queries_are_the_gates_and_only_dense(weights: str) -> None:
    (query,) = TreeHop(embedder=EMBEDDER, weights=weights).hop([ASKED], [search(ASKED, 1)])
    assert query.dense is not None and ASKED.dense is not None
    np.testing.assert_allclose(query.dense, unit(*(ASKED.dense - WORLD["first"])), atol=1e-6)
    assert (query.text, query.sparse, query.hop, query.trail) == ("q", None, 1, ("first",))


def test_only_the_best_branches_of_a_whole_layer_go_on(weights: str) -> None:
    near, far = search(ASKED, 2), search(Query("q", dense=unit(0, 1, 0, 3)), 1)
    hopper = TreeHop(embedder=EMBEDDER, weights=weights, branches=2)
    assert [query.trail for query in hopper.hop([ASKED, ASKED], [near, far])] == [("first",), ("noise",)]
    assert [query.trail for query in hopper.hop([ASKED, ASKED], [near[1:], far])] == [("noise",), ("second",)]


def test_it_stops_when_nothing_is_new_and_after_its_hops(weights: str) -> None:
    hopper = TreeHop(embedder=EMBEDDER, weights=weights)
    (query,) = hopper.hop([ASKED], [search(ASKED, 1)])
    assert hopper.hop([ASKED], [[]]) == []
    assert hopper.hop([query], [search(query, 1)]) == []


def test_each_layers_best_stand_before_other_direct_hits(weights: str) -> None:
    tree = grow(TreeHop(embedder=EMBEDDER, weights=weights, branches=1), k=2)
    assert ids(tree) == ["first", "noise", "second", "third"]
    ranked = TreeHop(embedder=EMBEDDER, weights=weights, branches=1).rank(ASKED, tree, k=3)
    assert ids(ranked) == ["first", "second", "noise"]
    assert [hit.score for hit in ranked] == [1, 1 / 2, 1 / 3]


def test_what_cannot_work_says_why(weights: str, tmp_path: Path) -> None:
    hits = [search(ASKED, 1)]
    with pytest.raises(ConfigError, match="treehop needs dense vectors"):
        TreeHop(embedder=EMBEDDER, weights=weights).hop([Query("q")], hits)
    with pytest.raises(ModelError, match="there are no TreeHop weights"):
        TreeHop(embedder=EMBEDDER, weights=str(tmp_path / "missing")).hop([ASKED], hits)
    with pytest.raises(MismatchError, match="4 dimensions, but the embedder has 6"):
        TreeHop(embedder=HashingEmbedder(width=6), weights=weights).hop([ASKED], hits)
