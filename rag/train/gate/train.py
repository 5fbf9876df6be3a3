"""Training of TreeHop's gate: vectors in, vectors out, so that minutes on one core are enough.

A row is a question's vector q, a passage's c, and what q' should be or find. The loss is one of two:

- Without a teacher InfoNCE (arXiv 1807.03748) with the paper's settings: temperature 0.15; negatives are the other
  targets of the batch, five hard ones near q, five near the present q', and c itself. The question's other gold
  passages and near copies of the target count neither way.
- Distillation, where a hop encoder has read question and passage: 1 - cosine of q' with what it gives, and a tenth of
  InfoNCE against what it gives for the other rows of the batch. That needs no label, so the passages that direct search
  finds for a question are rows, too. (InfoNCE on gold passages besides made it worse.)

Weights that did best on held-out rows are kept. Source: TreeHop (arXiv 2504.20114); the network in use is in
`rag.hop.gate_network`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from time import monotonic

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity, cross_entropy, normalize

from rag.hop.gate_network import SIGNS
from rag.train.common.loop import COPY, DEVICE, Say, cut, mean_loss, pace, step
from rag.types import Vectors

TEMPERATURE = 0.15
CONTRAST_WEIGHT, CONTRAST_TEMPERATURE = 0.1, 0.05  # of InfoNCE in distillation
HARD_NEGATIVES = 5  # near q, and as many near q'
NEAREST = 30  # among which they are drawn,
SAMPLE = 2048  # for q' of so many passages at random


@dataclass(frozen=True, slots=True)
class GateOptions:
    """Of network and training; `sign` is that of c in q' (see `rag.hop.gate_network`)."""

    features: int = 256
    blocks: int = 3
    sign: str = "+"
    epochs: int = 12
    batch: int = 128
    rate: float = 1e-3
    seed: int = 0


@dataclass(frozen=True, slots=True)
class GateRows:
    """n rows over the vectors of m passages (m, d), each known by its number.

    `questions` (n, d), `read` (n,) the passage c, `target` (n,) the next one or -1, `others` gold passages that count
    neither way, `teacher` (n, d) what the encoder reads or None.
    """

    passages: Vectors
    questions: Vectors
    read: NDArray[np.int64]
    target: NDArray[np.int64]
    others: Sequence[Sequence[int]]
    teacher: Vectors | None

    def __len__(self) -> int:
        return len(self.read)


class ResidualBlock(nn.Module):
    """x + ReLU(W LayerNorm(x))"""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.layer_norm = nn.LayerNorm(size)
        self.linear = nn.Linear(size, size)

    def forward(self, x: Tensor) -> Tensor:
        return x + torch.relu(self.linear(self.layer_norm(x)))


class HeadModule(nn.Module):
    """(n, dim), (n, dim) -> (n, features), through `blocks` residual blocks of width `size`."""

    def __init__(self, dim: int, features: int, size: int, blocks: int) -> None:
        super().__init__()
        self.W_Q, self.W_K, self.W_V = (nn.Linear(dim, features) for _ in range(3))
        first = [] if features == size else [nn.Linear(features, size)]
        layers = nn.Sequential(*first, *(ResidualBlock(size) for _ in range(blocks)))
        self.mlp = nn.ModuleDict({"layers": layers})
        self.mlp_scale = nn.Linear(size, features)

    def forward(self, q: Tensor, c: Tensor) -> Tensor:
        scores = self.W_Q(q) * self.W_K(c) / self.W_Q.out_features**0.5
        attention = torch.softmax(scores, dim=-1) * self.W_V(c)
        update: Tensor = self.mlp_scale(self.mlp["layers"](attention)) + attention
        return update


class GateNetwork(nn.Module):
    """The gate in torch; its state dict has the reference's names."""

    def __init__(self, dim: int, *, features: int, size: int, blocks: int, heads: int = 1, sign: str = "-") -> None:
        super().__init__()
        self.sign = SIGNS[sign]
        self.heads = [HeadModule(dim, features, size, blocks) for _ in range(heads)]
        scale = nn.Linear(features * heads, dim, bias=False)
        gate = nn.ModuleDict({"heads": nn.ModuleList(self.heads)})
        self.node = nn.ModuleDict({"update_gate": gate, "update_attn_scale": scale})

    def forward(self, q: Tensor, c: Tensor) -> Tensor:
        updates = torch.cat([head(q, c) for head in self.heads], dim=-1)
        return normalize(q + self.sign * c + self.node["update_attn_scale"](updates), dim=-1)


@dataclass(frozen=True, slots=True)
class TrainedGate:
    """The state dict, epochs done, seconds, and the loss of held-out rows at the weights kept (NaN where none are)."""

    tensors: Mapping[str, Vectors]
    epochs: int
    seconds: float
    held_out_loss: float


def train(rows: GateRows, held_out: GateRows, options: GateOptions, say: Say) -> TrainedGate:
    """Train a new gate, on a GPU where there is one. Deterministic but for the order of additions."""
    torch.manual_seed(options.seed)
    rng = np.random.default_rng(options.seed)
    dim = rows.passages.shape[1]
    network = GateNetwork(
        dim, features=options.features, size=options.features, blocks=options.blocks, sign=options.sign
    )
    network = network.to(DEVICE)
    optimizer = torch.optim.AdamW(network.parameters(), lr=options.rate)
    data, checks = _Data(rows, rng), _Data(held_out, rng)
    least, best, started, done = float("inf"), network.state_dict(), monotonic(), 0
    steps = options.epochs * -(-len(rows) // options.batch)
    for epoch in range(options.epochs):
        for batch in cut(rng.permutation(len(rows)).tolist(), options.batch):
            done += 1
            loss = data.loss(network, batch)
            step(optimizer, loss, options.rate * pace(done / (steps + 1)), network.parameters())
        held_out_loss = mean_loss(partial(checks.loss, network), range(len(held_out)), options.batch)
        if held_out_loss < least or not len(held_out):
            least = held_out_loss
            best = {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}
        say(f"epoch {epoch + 1} of {options.epochs}, held-out loss {held_out_loss:.3f}")
    tensors = {name: tensor.cpu().numpy() for name, tensor in best.items()}
    return TrainedGate(tensors, options.epochs, monotonic() - started, least)


class _Data:
    """Rows as tensors, with the passages near each question."""

    def __init__(self, rows: GateRows, rng: np.random.Generator) -> None:
        self.rng = rng
        self.others = rows.others
        self.passages = torch.from_numpy(rows.passages).to(DEVICE)
        self.questions = torch.from_numpy(rows.questions).to(DEVICE)
        self.read, self.target = (torch.from_numpy(ids).to(DEVICE) for ids in (rows.read, rows.target))
        self.teacher = None if rows.teacher is None else torch.from_numpy(rows.teacher).to(DEVICE)
        nearest = min(NEAREST, len(self.passages))
        near = [(some @ self.passages.T).topk(nearest, dim=1).indices for some in torch.split(self.questions, 256)]
        self.near = torch.cat(near)  # (n, nearest)

    def loss(self, network: GateNetwork, batch: Sequence[int]) -> Tensor:
        rows = torch.from_numpy(np.asarray(batch, np.int64)).to(DEVICE)
        q, c = self.questions[rows], self.passages[self.read[rows]]
        moved = network(q, c)
        if self.teacher is None:
            return self._contrast(moved, rows)
        teacher = self.teacher[rows]
        others = cross_entropy(moved @ teacher.T / CONTRAST_TEMPERATURE, torch.arange(len(rows), device=rows.device))
        return (1 - cosine_similarity(moved, teacher)).mean() + CONTRAST_WEIGHT * others

    def _contrast(self, moved: Tensor, rows: Tensor) -> Tensor:
        """InfoNCE of q' (n, d) with each target against targets of the batch, hard negatives and c."""
        n = len(rows)
        target, read = self.target[rows], self.read[rows]
        near = self._draw(self.near[rows])
        some = torch.from_numpy(self.rng.integers(len(self.passages), size=SAMPLE)).to(moved.device)
        near_moved = self._draw(some[(moved.detach() @ self.passages[some].T).topk(NEAREST, dim=1).indices])
        own = torch.cat([near, near_moved, read[:, None]], dim=1)  # (n, 2 HARD_NEGATIVES + 1)
        ids = torch.cat([target.expand(n, n), own], dim=1)
        scores = torch.einsum("nd,nkd->nk", moved, self.passages[ids]) / TEMPERATURE
        with torch.no_grad():
            close = torch.einsum("nd,nkd->nk", self.passages[target], self.passages[ids]) > COPY
            ignored = close | (ids == target[:, None])
            for row, i in enumerate(rows.tolist()):
                if self.others[i]:
                    ignored[row] |= torch.isin(ids[row], torch.tensor(self.others[i], device=ids.device))
            ignored[torch.arange(n), torch.arange(n)] = False
        return cross_entropy(scores.masked_fill(ignored, -torch.inf), torch.arange(n, device=ids.device))

    def _draw(self, ids: Tensor) -> Tensor:
        """`HARD_NEGATIVES` of each row's ids, at random."""
        columns = self.rng.integers(ids.shape[1], size=(len(ids), HARD_NEGATIVES))
        return ids.gather(1, torch.from_numpy(columns).to(ids.device))
