"""Training of the ranking of candidates (`rag.reader.confidence`): small networks that put a right one first.

The softmax over a question's candidates gives those that are right together as much as it can. Questions without a
right candidate say nothing. The mean of the networks' scores is that of one network with all their units.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import dropout
from torch.nn.utils.rnn import pad_sequence

from rag.reader.confidence import Units
from rag.train.common.loop import step

NETWORKS, UNITS = 4, 8  # networks, and hidden units of each
STEPS, RATE, WEIGHT_DECAY, DROPOUT = 200, 2e-2, 1e-2, 0.1
LEAST = -1e9  # below everything that is compared

CandidateList = tuple[NDArray[np.floating], Sequence[bool], float]  # features (n, width), which are right, weight


def fit_ranking(lists: Sequence[CandidateList], width: int) -> Units:
    """The hidden units learned from all lists at once; none where no list has a right candidate."""
    useful = [one for one in lists if any(one[1])]
    if not useful:
        return ()
    rows = pad_sequence([torch.tensor(features, dtype=torch.float32) for features, _, _ in useful], True)
    correct = pad_sequence([torch.tensor(right) for _, right, _ in useful], True)
    real = pad_sequence([torch.ones(len(right), dtype=torch.bool) for _, right, _ in useful], True)
    weights = torch.tensor([weight for *_, weight in useful])
    mean, spread = rows[real].mean(0), rows[real].std(0, correction=0) + 1e-6
    rows = (rows - mean) / spread
    networks = [_train(rows, real, correct, weights, seed) for seed in range(NETWORKS)]
    return tuple(unit for first, last in networks for unit in _units(first, last, mean, spread))


def _train(rows: Tensor, real: Tensor, correct: Tensor, weights: Tensor, seed: int) -> tuple[nn.Linear, nn.Linear]:
    torch.manual_seed(seed)
    first, last = nn.Linear(rows.shape[2], UNITS), nn.Linear(UNITS, 1, bias=False)
    optimizer = torch.optim.AdamW([*first.parameters(), *last.parameters()], lr=RATE, weight_decay=WEIGHT_DECAY)
    for _ in range(STEPS):
        hidden = dropout(torch.tanh(first(rows)), DROPOUT)
        shares = torch.log_softmax(last(hidden)[..., 0].masked_fill(~real, LEAST), 1)
        loss = -(weights * shares.masked_fill(~correct, LEAST).logsumexp(1)).sum() / weights.sum()
        step(optimizer, loss, RATE)
    return first, last


def _units(first: nn.Linear, last: nn.Linear, mean: Tensor, spread: Tensor) -> list[tuple[float, ...]]:
    """Each hidden unit over features as they come: its weights, its bias, and what it adds."""
    weights = first.weight.detach() / spread
    bias = first.bias.detach() - weights @ mean
    whole = torch.cat([weights, bias[:, None], last.weight.detach().T / NETWORKS], 1)
    return [tuple(float(f"{x:.6g}") for x in row) for row in whole.tolist()]
