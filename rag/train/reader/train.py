"""Training of the reader's network: a BERT with four linear heads, on labelled questions.

Start and end of the answer are softmaxes over the tokens of the passages read and the first token, which stands for
"no answer here" (BERT on SQuAD 2.0, arXiv 1810.04805); passages in one input compete for it, like the shared
normalisation of arXiv 1710.10723. Beside these, every input trains the choice between a span, yes and no, one with a
single passage the passage's relevance, with several whether they hold all it needs, and the sentences of every passage
their support. A teacher, an earlier reader, keeps what it knows of spans and relevance in a new mixture of questions
(distillation, arXiv 1503.02531; against forgetting, arXiv 1606.09282). The tables of vectors and the lower quarter of
the layers stay as they are. What is kept is a running mean of the weights.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any, Self, cast

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, kl_div, log_softmax
from transformers import BertConfig, BertModel

from rag.reader.weights import load
from rag.train.common.loop import DEVICE, EVERY, Say, load_network, share_of_time, step
from rag.train.reader.inputs import ReaderInput
from rag.train.reader.tensors import NO_TARGET, Batch, InputEncoder, batches
from rag.types import Vectors

HEADS = {"span": 2, "fact": 1, "relevant": 1, "kind": 3}  # outputs of each linear head
WEIGHTS = {"span": 1.0, "fact": 0.5, "relevant": 0.3, "kind": 0.5}
TAUGHT = {"span": 0.7, "relevant": 0.15}  # what the teacher's outputs count beside the labels
NOWHERE = -1e4  # the logit of a token that is no place for an answer
HEAD_RATE = 10  # times the network's learning rate
WEIGHT_DECAY = 0.01  # of weights, a step
MEAN_DECAY = 0.998  # of the running mean, a step
FROZEN = 1 / 4  # of the layers, from below
WARMUP, DECAY = 0.05, 0.3  # shares of the training in which the rate goes up, and down

NO_DROPOUT = {"attention_probs_dropout_prob": 0.0, "hidden_dropout_prob": 0.0}
ATTENTION = "eager"  # without dropout the fastest of all on CPUs

Draw = Callable[[np.random.Generator], Iterator[ReaderInput]]


@dataclass(frozen=True, slots=True)
class ReaderOptions:
    """How long and how fast; a step reads at most so many `tokens`."""

    epochs: int = 1
    tokens: int = 3072
    rate: float = 1e-4
    seed: int = 0
    minutes: float | None = None
    every: int = 200  # steps between two saves


@dataclass(frozen=True, slots=True)
class TrainedReader:
    """The network's tensors, by the names of transformers' BertModel; the heads' own; and what it took.

    `done` of the training is over, 0 to 1.
    """

    network: Mapping[str, Vectors]
    heads: Mapping[str, Vectors]
    steps: int
    done: float
    seconds: float
    loss: float


Save = Callable[[TrainedReader], None]


class ReaderNetwork(nn.Module):
    """The encoder with its heads: token ids, mask and types to the outputs of each head, for every token."""

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = cast("Any", encoder)
        config = self.encoder.config
        self.heads = nn.ModuleDict({name: nn.Linear(config.hidden_size, n) for name, n in HEADS.items()})
        frozen = round(FROZEN * config.num_hidden_layers)
        trained = tuple(f"encoder.layer.{n}." for n in range(frozen, config.num_hidden_layers))
        for name, parameter in self.encoder.named_parameters():
            parameter.requires_grad_(name.startswith(trained))

    @classmethod
    def from_body(cls, body: str) -> Self:
        """A BERT ("bundled", a folder or a cached name) with new heads."""
        return cls(load_network(body, attention=ATTENTION, add_pooling_layer=False, **NO_DROPOUT))

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """The network of an earlier training. Raises ModelError."""
        weights = load(path)
        config = BertConfig.from_dict({**weights.config, **NO_DROPOUT, "attn_implementation": ATTENTION})
        network = cls(BertModel(config, add_pooling_layer=False))
        tensors = {f"encoder.{name}": tensor for name, tensor in weights.network.items()}
        tensors |= {f"heads.{name}": tensor for name, tensor in weights.heads.items()}
        network.load_state_dict({name: torch.from_numpy(tensor) for name, tensor in tensors.items()})
        return network

    def forward(self, ids: Tensor, mask: Tensor, kinds: Tensor) -> dict[str, Tensor]:
        with torch.autocast(ids.device.type, dtype=torch.bfloat16, enabled=self.training):
            encoded = self.encoder(input_ids=ids, attention_mask=mask.long(), token_type_ids=kinds)
        hidden = encoded.last_hidden_state.float()
        return {name: head(hidden) for name, head in self.heads.items()}

    def tensors(self) -> dict[str, Vectors]:
        """The encoder's, by its own names."""
        return {name: tensor.detach().cpu().numpy() for name, tensor in self.encoder.named_parameters()}

    def head_tensors(self) -> dict[str, Vectors]:
        return {name: tensor.detach().cpu().numpy() for name, tensor in self.heads.named_parameters()}


def train(
    network: ReaderNetwork,
    tokenizer: Tokenizer,
    sources: Sequence[Draw],
    options: ReaderOptions,
    *,
    before: float,
    teacher: ReaderNetwork | None = None,
    save: Save,
    say: Say,
) -> TrainedReader:
    """Train on the inputs of all sources, mixed, in every epoch; on a GPU where there is one.

    `before` is what was done of it already, 0 to 1: it goes on from there, with a new optimizer. Deterministic but for
    the order of additions.
    """
    encode = InputEncoder(tokenizer)
    network.to(DEVICE).train()
    if teacher:
        teacher.to(DEVICE).train().requires_grad_(False)  # no dropout in either: the same outputs, in less time
    mean = deepcopy(network).eval()
    layers = [p for p in network.encoder.parameters() if p.requires_grad]
    groups = [{"params": layers, "scale": 1}, {"params": network.heads.parameters(), "scale": HEAD_RATE}]
    optimizer = torch.optim.AdamW(groups, lr=options.rate, weight_decay=WEIGHT_DECAY)
    loss, steps, started, done = torch.zeros((), device=DEVICE), 0, monotonic(), before

    def trained() -> TrainedReader:
        seconds = monotonic() - started
        return TrainedReader(mean.tensors(), mean.head_tensors(), steps, done, seconds, loss.item())

    at = before * options.epochs
    for epoch in range(int(at), options.epochs):
        rng = np.random.default_rng([options.seed, epoch])
        examples = [encode(one, rng) for draw in sources for one in draw(rng)]
        work = batches(examples, options.tokens, rng)
        first = round(max(0.0, at - epoch) * len(work))
        for i, batch in enumerate(work[first:], first + 1):
            spent = share_of_time(started, options.minutes)
            done = max((epoch + i / len(work)) / options.epochs, before + (1 - before) * spent)
            if done > 1:
                done = 1.0
                return trained()
            steps += 1
            value = _loss(network, Batch.of(batch, DEVICE, encode.sep), teacher)
            step(optimizer, value, options.rate * pace(done, before), layers)
            with torch.no_grad():
                weight = 1 - min(MEAN_DECAY, steps / (steps + 10))
                torch._foreach_lerp_([*mean.parameters()], [*network.parameters()], weight)
            loss = value.detach() if steps == 1 else loss.lerp(value.detach(), 0.02)
            if steps % EVERY == 0 or done == 1:
                say(f"step {steps:,}, {done:.1%}, loss {loss.item():.3f}")
            if steps % options.every == 0:
                save(trained())
    return trained()


def pace(done: float, before: float = 0.0) -> float:
    """The share of the learning rate when `done` of a training that began at `before` is over: up, level, and down."""
    return min((done - before) / WARMUP, 1.0, (1 - done) / DECAY)


def _loss(network: ReaderNetwork, batch: Batch, teacher: ReaderNetwork | None = None) -> Tensor:
    out = network(batch.ids, batch.mask, batch.kinds)
    span = out["span"].masked_fill(~batch.allowed[:, :, None], float("-inf"))
    losses = {
        "span": _cross_entropy(span[:, :, 0], batch.start) + _cross_entropy(span[:, :, 1], batch.end),
        "kind": _cross_entropy(out["kind"][:, 0], batch.answer_type),
        "relevant": binary_cross_entropy_with_logits(out["relevant"][:, 0, 0], batch.relevant.float()),
        "fact": _evidence_loss(out["fact"][:, :, 0], batch),
    }
    total = torch.stack([WEIGHTS[name] * loss for name, loss in losses.items()]).sum()
    if teacher is None:
        return total
    taught = _teaching_losses(out, teacher(batch.ids, batch.mask, batch.kinds), batch)
    return total + torch.stack([TAUGHT[name] * loss for name, loss in taught.items()]).sum()


def _teaching_losses(own: Mapping[str, Tensor], taught: Mapping[str, Tensor], batch: Batch) -> dict[str, Tensor]:
    """How far spans (divergence) and relevance (cross entropy) are from a teacher's, where a span is asked for."""
    asked = batch.start != NO_TARGET
    nowhere = ~batch.allowed[asked, :, None]
    span, wanted = (log_softmax(out["span"][asked].masked_fill(nowhere, NOWHERE), 1) for out in (own, taught))
    relevant = taught["relevant"][asked, 0, 0].sigmoid()
    rows = len(asked)
    return {
        "span": kl_div(span, wanted, reduction="sum", log_target=True) / rows,
        "relevant": binary_cross_entropy_with_logits(own["relevant"][asked, 0, 0], relevant, reduction="sum") / rows,
    }


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
