"""The TreeHop loop with a gate whose update is zero, so that q' = normalize(q - c) can be followed by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.numpy import save_file
from safetensors.torch import load_file
from safetensors.torch import save_file as save_torch
from torch import Tensor, nn

from rag.embed.hashing import HashingEmbedder
from rag.errors import ConfigError, MismatchError, ModelError
from rag.hop.gate_file import load
from rag.hop.treehop import TreeHop
from rag.train.gate.train import GateNetwork, HeadModule
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
        found = hopper.prune(frontier, [search(query, k) for query in frontier], tree)
        for hit in (hit for hits in found for hit in hits):
            if hit.chunk.id not in ids(tree):
                tree.append(hit)
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


def test_what_is_known_does_not_go_on_and_a_query_takes_its_best(weights: str) -> None:
    hopper = TreeHop(embedder=EMBEDDER, weights=weights, branches=2)
    [kept] = hopper.prune([ASKED], [search(ASKED, 4)], [])
    assert ids(kept) == ["first", "noise"]
    query = hopper.hop([ASKED], [kept])[0]
    [kept] = hopper.prune([query], [search(query, 4)], kept)
    assert ids(kept) == ["second", "third"] and query.limit == 2


def test_it_stops_when_nothing_is_new_and_after_its_hops(weights: str) -> None:
    hopper = TreeHop(embedder=EMBEDDER, weights=weights)
    (query,) = hopper.hop([ASKED], [search(ASKED, 1)])
    assert hopper.hop([ASKED], [[]]) == []
    assert hopper.hop([query], [search(query, 1)]) == []


def test_the_tree_is_the_result_layer_by_layer(weights: str) -> None:
    hopper = TreeHop(embedder=EMBEDDER, weights=weights, branches=1)
    tree = grow(hopper, k=2)
    assert ids(tree) == ["first", "second"]
    ranked = hopper.rank(ASKED, [*tree[1:], tree[0]], k=3)
    assert ids(ranked) == ["first", "second"]
    assert [hit.score for hit in ranked] == [1, 1 / 2]


class StackedModule(nn.Module):
    """StackedCrossAttention2D with the names of its state dict."""

    def __init__(self, layers: int, heads: int, norm: str) -> None:
        super().__init__()
        self.layers = nn.ModuleList(AttentionModule(heads) for _ in range(layers))
        self.projections = nn.ModuleList(nn.Linear(6 * heads, 12, bias=False) for _ in range(layers))
        norms: dict[str, Any] = {"rms": nn.RMSNorm, "layer": nn.LayerNorm}
        self.norms = nn.ModuleList(norms[norm](12) if norm in norms else nn.Identity() for _ in range(layers - 1))

    def forward(self, q: Tensor, c: Tensor, v: Tensor) -> Tensor:
        x = self.projections[0](self.layers[0](q, c, v))
        for i in range(1, len(self.layers)):
            x = x + self.projections[i](self.layers[i](self.norms[i - 1](x), c, v))
        result: Tensor = x
        return result


class AttentionModule(nn.Module):
    def __init__(self, heads: int) -> None:
        super().__init__()
        self.heads = nn.ModuleList(HeadModule(12, 6, 7, 2) for _ in range(heads))
        self.gate_layer = nn.Linear(6 * heads, 6 * heads)

    def forward(self, q: Tensor, c: Tensor, v: Tensor) -> Tensor:
        rows = []
        for head in self.heads:
            part: Any = head
            attention = torch.softmax(part.W_Q(q) * part.W_K(c), dim=-1) * part.W_V(v)
            rows.append(part.mlp_scale(part.mlp["layers"](attention)) + attention)
        x = torch.cat(rows, dim=-1)
        result: Tensor = x * torch.softmax(self.gate_layer(x), dim=-1)
        return result


def published(folder: Path) -> tuple[str, Callable[[Tensor, Tensor], Tensor]]:
    """A random gate of the published layout, and what it makes of a query and a chunk before it is made unit."""
    torch.manual_seed(3)
    network = GateNetwork(12, features=6, size=7, blocks=2, heads=2)
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.5)
    save_torch(network.state_dict(), folder / "plain.safetensors")
    node = network.node

    def step(q: Tensor, c: Tensor) -> Tensor:
        update: Tensor = node["update_attn_scale"](torch.cat([head(q, c) for head in network.heads], dim=-1))
        return q - c + update

    return str(folder / "plain.safetensors"), step


def stacked(folder: Path, norm: str = "rms") -> tuple[str, Callable[[Tensor, Tensor], Tensor]]:
    """The same in the later layout."""
    torch.manual_seed(3)
    update, forget = StackedModule(3, 2, norm), StackedModule(3, 2, norm)
    network = nn.ModuleDict({"node": nn.ModuleDict({"update_gate": update, "forget_gate": forget})})
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.5)
    save_torch(network.state_dict(), folder / f"stacked-{norm}.safetensors")
    return str(folder / f"stacked-{norm}.safetensors"), lambda q, c: q - forget(q, c, q) + update(q, c, c)


@pytest.mark.parametrize("norm", ["rms", "layer", "none"])
def test_the_later_layout_equals_its_equations(tmp_path: Path, norm: str) -> None:
    """InfonceNode and StackedCrossAttention2D in tree_hop/model.py of Super-Researcher/TreeHop."""
    file, step = stacked(tmp_path, norm)
    q, c = torch.randn(9, 12), torch.randn(9, 12)
    with torch.no_grad():
        expected = step(q, c).numpy()
    found = load(Path(file))
    assert found.dim == 12
    np.testing.assert_allclose(found.step(q.numpy(), c.numpy()), expected, atol=1e-5)
    tensors = load_file(file)
    del tensors["node.forget_gate.layers.1.gate_layer.bias"]
    save_torch(tensors, file)
    with pytest.raises(ModelError, match=r"forget_gate\.layers\.1\.gate_layer\.bias should have the shape"):
        load(Path(file))


@pytest.mark.parametrize("make", [published, stacked])
@pytest.mark.parametrize("seed", range(4))
def test_three_hops_equal_the_reference(
    tmp_path: Path, make: Callable[[Path], tuple[str, Callable[[Tensor, Tensor], Tensor]]], seed: int
) -> None:
    """Algorithm 1 of arXiv 2504.20114, as passage_retrieval.py and tree_hop/graph.py of treehop-rag run it.

    Written out here: nodes with the vectors that are carried, a layer's passages in one row, masks by sorted indices.
    """
    file, step = make(tmp_path)
    top, rng = 3, np.random.default_rng(seed)
    corpus = torch.nn.functional.normalize(torch.from_numpy(rng.normal(size=(400, 12)).astype(np.float32)), dim=1)
    question = torch.nn.functional.normalize(corpus[0] + 0.5 * corpus[1], dim=0)

    layers: list[list[int]] = []
    vectors: list[Tensor] = []
    known: set[int] = set()
    searched, carried = question[None], question[None]
    for _ in range(4):
        scores, rows = (searched @ corpus.T).topk(top, dim=1)
        flat, row_scores = rows.flatten().tolist(), scores.flatten().numpy().astype(np.float64)
        with torch.no_grad():
            raw = step(carried.repeat_interleave(top, dim=0), corpus[flat])
        old = np.array([row in known for row in flat])
        row_scores[old] = -5
        order = np.argsort(row_scores, kind="stable")
        order[old] = -5
        mask = order >= max(order.max() - top + 1, 0)
        layers.append([])
        for row, goes_on in zip(flat, mask, strict=True):
            if goes_on and row not in known:
                known.add(row)
                layers[-1].append(row)
        carried = raw[torch.from_numpy(mask)]
        searched = torch.nn.functional.normalize(carried, dim=1)
        vectors.append(searched)
    assert all(layers[:3])

    def find(query: Query) -> list[Hit]:
        assert query.dense is not None
        near = corpus.numpy() @ query.dense
        return [
            Hit(Chunk(str(i), "d", "t", 0, 1, "s"), float(near[i]), query.hop, query.trail, corpus[i].numpy())
            for i in np.argsort(-near, kind="stable")[: query.limit or 10]
        ]

    hopper = TreeHop(embedder=HashingEmbedder(width=12), weights=file, hops=3, branches=top)
    frontier, tree = [Query("q", dense=question.numpy())], list[Hit]()
    for hop in range(4):
        found = hopper.prune(frontier, [find(query) for query in frontier], tree)
        new = {hit.chunk.id: hit for hits in reversed(found) for hit in reversed(hits)}
        fresh = [hit for hits in found for hit in hits if new.pop(hit.chunk.id, None)]
        assert [int(hit.chunk.id) for hit in fresh] == layers[hop]
        tree += fresh
        frontier = hopper.hop(frontier, found)
        if hop < 3:
            moved = np.stack([query.dense for query in frontier if query.dense is not None])
            np.testing.assert_allclose(moved, vectors[hop].numpy(), atol=1e-6)
    assert frontier == []
    ranked = hopper.rank(Query("q"), tree, k=100)
    assert [int(one) for one in ids(ranked)] == [row for layer in layers for row in layer]


def test_what_cannot_work_says_why(weights: str, tmp_path: Path) -> None:
    hits = [search(ASKED, 1)]
    with pytest.raises(ConfigError, match="treehop needs dense vectors"):
        TreeHop(embedder=EMBEDDER, weights=weights).hop([Query("q")], hits)
    with pytest.raises(ModelError, match="there are no TreeHop weights"):
        TreeHop(embedder=EMBEDDER, weights=str(tmp_path / "missing")).hop([ASKED], hits)
    with pytest.raises(MismatchError, match="4 dimensions, but the embedder has 6"):
        TreeHop(embedder=HashingEmbedder(width=6), weights=weights).hop([ASKED], hits)
