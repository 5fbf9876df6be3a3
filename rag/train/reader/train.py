"""Training of the reader: a copy of the bundled network with four linear heads, on labelled questions.

Start and end of the answer are softmaxes over the tokens of the passages read and the first token, which stands for
"no answer here" (BERT on SQuAD 2.0, arXiv 1810.04805); passages in one input compete for it, like the shared
normalisation of arXiv 1710.10723. Beside these, a question with one passage trains the passage's relevance, with
several whether they hold all it needs, the sentences of every passage their support, and several passages the choice
between a span, yes and no. Word and position vectors stay as they are. What is kept is a running mean of the weights.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from rag.reader.weights import load
from rag.train.common.loop import DEVICE, EVERY, Say, load_network, pace, share_of_time, step
from rag.train.reader.inputs import ReaderInput
from rag.train.reader.tensors import NO_TARGET, Batch, InputEncoder, batches
from rag.types import Vectors

HEADS = {"span": 2, "fact": 1, "relevant": 1, "kind": 3}  # outputs of each linear head
WEIGHTS = {"span": 1.0, "fact": 0.5, "relevant": 0.3, "kind": 0.5}
HEAD_RATE = 10  # times the network's learning rate
WEIGHT_DECAY = 0.1  # of weights, a step
MEAN_DECAY = 0.999  # of the running mean, a step

Save = Callable[["TrainedReader"], None]


@dataclass(frozen=True, slots=True)
class ReaderOptions:
    """How long and how fast; `cloze` are epochs of questions made from passages (`cloze.py`), ahead of all."""

    epochs: int = 1
    cloze: int = 0
    batch: int = 24
    rate: float = 1.5e-4
    seed: int = 0
    minutes: float | None = None
    every: int = 100  # steps between two saves


@dataclass(frozen=True, slots=True)
class TrainedReader:
    """What was added to the model's tensors, by their names; the heads' own; and what it took."""

    difference: Mapping[str, Vectors]
    heads: Mapping[str, Vectors]
    steps: int
    seconds: float
    loss: float


class ReaderNetwork(nn.Module):
    """The encoder with its heads: token ids and mask to the outputs of each head, for every token."""

    def __init__(self, model: str) -> None:
        super().__init__()
        # with dropout in it, attention is computed the slow way on CPUs
        self.encoder = cast("Any", load_network(model, attention_probs_dropout_prob=0.0))
        width = self.encoder.config.hidden_size
        self.heads = nn.ModuleDict({name: nn.Linear(width, n) for name, n in HEADS.items()})
        for name, parameter in self.encoder.named_parameters():
            parameter.requires_grad_("layer." in name)
        self.before = {name: p.detach().clone() for name, p in self.encoder.named_parameters() if p.requires_grad}

    def forward(self, ids: Tensor, mask: Tensor) -> dict[str, Tensor]:
        with torch.autocast(ids.device.type, dtype=torch.bfloat16, enabled=self.training):
            hidden = self.encoder(input_ids=ids, attention_mask=mask.long()).last_hidden_state
        hidden = hidden.float()
        return {name: head(hidden) for name, head in self.heads.items()}

    def resume(self, path: Path) -> None:
        """Go on from a file of an earlier training."""
        weights = load(path)
        now, heads = dict(self.encoder.named_parameters()), weights.heads
        with torch.no_grad():
            for name, change in weights.difference.items():
                now[name].add_(torch.from_numpy(change))
            for name, parameter in self.heads.named_parameters():
                parameter.copy_(torch.from_numpy(heads[name]))

    def difference(self) -> dict[str, Vectors]:
        now = dict(self.encoder.named_parameters())
        return {name: (now[name].detach().cpu() - before).numpy() for name, before in self.before.items()}

    def head_tensors(self) -> dict[str, Vectors]:
        return {name: tensor.detach().cpu().numpy() for name, tensor in self.heads.named_parameters()}


def train(
    model: str,
    epochs: Sequence[Callable[[np.random.Generator], Iterator[ReaderInput]]],
    options: ReaderOptions,
    *,
    start: Path | None,
    save: Save,
    say: Say,
) -> TrainedReader:
    """Train on the inputs of each of `epochs` in turn, from `model` or from the file of an earlier training.

    On a GPU where there is one. Deterministic but for the order of additions.
    """
    torch.manual_seed(options.seed)
    rng = np.random.default_rng(options.seed)
    network, encode = ReaderNetwork(model), InputEncoder(model)
    if start is not None:
        network.resume(start)
    network.to(DEVICE).train()
    mean = deepcopy(network).eval()
    layers = [p for p in network.encoder.parameters() if p.requires_grad]
    groups = [{"params": layers, "scale": 1}, {"params": network.heads.parameters(), "scale": HEAD_RATE}]
    optimizer = torch.optim.AdamW(groups, lr=options.rate, weight_decay=WEIGHT_DECAY)
    loss, steps, started = torch.zeros((), device=DEVICE), 0, monotonic()

    def trained() -> TrainedReader:
        return TrainedReader(mean.difference(), mean.head_tensors(), steps, monotonic() - started, loss.item())

    for n, epoch in enumerate(epochs):
        epoch_batches = batches([encode(one, rng) for one in epoch(rng)], options.batch, rng)
        for i, batch in enumerate(epoch_batches):
            done = max((n + (i + 1) / len(epoch_batches)) / len(epochs), share_of_time(started, options.minutes))
            if done > 1:
                return trained()
            steps += 1
            value = _loss(network, Batch.of(batch, DEVICE))
            step(optimizer, value, options.rate * pace(done), layers)
            with torch.no_grad():
                weight = 1 - min(MEAN_DECAY, steps / (steps + 10))
                torch._foreach_lerp_([*mean.parameters()], [*network.parameters()], weight)
            loss = value.detach() if steps == 1 else loss.lerp(value.detach(), 0.02)
            if steps % EVERY == 0 or done == 1:
                say(f"step {steps:,}, {done:.1%}, loss {loss.item():.3f}")
            if steps % options.every == 0:
                save(trained())
    return trained()


def _loss(network: ReaderNetwork, batch: Batch) -> Tensor:
    out = network(batch.ids, batch.mask)
    span = out["span"].masked_fill(~batch.allowed[:, :, None], float("-inf"))
    losses = {
        "span": _cross_entropy(span[:, :, 0], batch.start) + _cross_entropy(span[:, :, 1], batch.end),
        "kind": _cross_entropy(out["kind"][:, 0], batch.answer_type),
        "relevant": binary_cross_entropy_with_logits(out["relevant"][:, 0, 0], batch.relevant.float()),
        "fact": _evidence_loss(out["fact"][:, :, 0], batch),
    }
    return torch.stack([WEIGHTS[name] * loss for name, loss in losses.items()]).sum()


def _cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean cross entropy over those rows that have a target; 0 where none has."""
    total = cross_entropy(logits, targets, ignore_index=NO_TARGET, reduction="sum")
    return total / (targets != NO_TARGET).sum().clamp(min=1)


def _evidence_loss(scores: Tensor, batch: Batch) -> Tensor:
    """Binary cross entropy of every sentence's mean score."""
    if not len(batch.supports):
        return scores.new_zeros(())
    inside = batch.sentence >= 0
    numbers = batch.sentence[inside]
    sums = scores.new_zeros(len(batch.supports)).index_add(0, numbers, scores[inside])
    means = sums / torch.bincount(numbers, minlength=len(batch.supports))
    return binary_cross_entropy_with_logits(means, batch.supports.float())
