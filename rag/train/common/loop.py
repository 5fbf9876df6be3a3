"""What every training's loop is made of: the device, the pace of the learning rate, one step, and fine-tuning.

`fine_tune` changes the upper layers of a network; word and position vectors and the lower third of the layers stay as
they are, which saves half of the file and a quarter of the time. Now and then it takes the loss on held-out data, keeps
the weights that did best there, and stops when `PATIENCE` checks in a row were no better. A training that was killed
goes on from its last check (`rag.train.common.checkpoint`).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import AutoModel

from rag.models import torch_backend
from rag.models.batching import pad
from rag.models.files import locate
from rag.train.common.checkpoint import Checkpoint
from rag.types import Vectors

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
TEMPERATURE = 0.05
COPY = 0.9  # passages closer than this to the target are copies of it, not negatives
WARMUP = 0.05  # of all steps
FROZEN = 1 / 3  # of the layers, from below
PATIENCE = 5  # checks
PASS_TOKENS = 2048 if DEVICE == "cpu" else 65536  # read at once: more of them miss the cache, and new pages are slow
EVERY = 20  # steps between two lines of progress

Say = Callable[[str], None]  # what a person is told, line by line


@dataclass(frozen=True, slots=True)
class LoopOptions:
    """How long and how fast."""

    epochs: float = 1.0
    batch: int = 32
    rate: float = 8e-5
    seed: int = 0
    minutes: float | None = None


@dataclass(frozen=True, slots=True)
class TrainedDifference:
    """What was added to the model's tensors, by their names, and what it took.

    `loss` is a running mean; `held_out_loss` is that at the weights kept, NaN where nothing is held out.
    """

    difference: Mapping[str, Vectors]
    steps: int
    seconds: float
    loss: float
    held_out_loss: float


def pace(done: float) -> float:
    """The share of the learning rate when `done` of the training is over: up in a straight line, and down to 0."""
    return min(done / WARMUP, (1 - done) / (1 - WARMUP))


def share_of_time(started: float, minutes: float | None) -> float:
    """How much of the minutes has passed; 0 without a limit."""
    return (monotonic() - started) / 60 / minutes if minutes else 0.0


def step(optimizer: torch.optim.Optimizer, loss: Tensor, rate: float, clip: Iterable[Tensor] = ()) -> None:
    """One step down the loss. A group of parameters may `scale` the rate; gradients of `clip` have norm 1 at most."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group.get("scale", 1)
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(clip, 1.0)
    optimizer.step()


def load_network(model: str, *, attention: str = "sdpa", **config: Any) -> torch.nn.Module:
    """A copy of `model` ("bundled", a folder or a cached name); `attention` is how transformers computes it."""
    options = {"dtype": torch.float32, "attn_implementation": attention, **config}
    network: torch.nn.Module = torch_backend.load_network(AutoModel, locate(model), label=f"model {model}", **options)
    return network


def precision() -> torch.autocast:
    """Halves on a GPU; whole floats on a CPU, where half ones took 2 times the time, most of it in going back."""
    return torch.autocast(DEVICE, dtype=torch.bfloat16, enabled=DEVICE != "cpu")


def read(network: torch.nn.Module, rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Hidden states (b, t, d) of token ids, and the mask of tokens (b, t)."""
    ids, mask = (torch.from_numpy(array).to(DEVICE) for array in pad(rows, 0))
    with precision():
        hidden = network(input_ids=ids, attention_mask=mask.long()).last_hidden_state
    return hidden.float(), mask


def fine_tune(
    network: torch.nn.Module,
    batches: Sequence[Sequence[int]],
    loss: Callable[[Sequence[int]], Tensor],
    held_out_loss: Callable[[Sequence[int]], Tensor],
    held_out: Sequence[int],
    *,
    checks: int,
    options: LoopOptions,
    say: Say,
    path: Path,
    fingerprint: str,
    start: Mapping[str, Vectors] | None = None,
    more: Mapping[str, Tensor] | None = None,
    arrays: Mapping[str, NDArray[Any]] | None = None,
) -> TrainedDifference:
    """Train on each of the batches once, with `checks` of the mean loss of what is `held_out`; `more` learns, too.

    `arrays` are what `loss` changes besides, so that a training that goes on has them, too.

    It begins at the network plus `start`, the difference that an earlier training made, which is part of the result. It
    goes on with what the file at `path` holds of the training with this fingerprint.
    """
    parameters = {**upper_layers(network), **(more or {})}
    before = {name: parameter.detach().clone() for name, parameter in parameters.items()}
    with torch.no_grad():
        for name, change in (start or {}).items():
            parameters[name] += torch.from_numpy(change).to(DEVICE)
    optimizer = torch.optim.AdamW(parameters.values(), lr=options.rate)
    saved = Checkpoint(parameters, optimizer, path, fingerprint, arrays or {})
    at = saved.resume()
    started = monotonic() - at.seconds
    if at.step:
        say(f"goes on behind step {at.step:,} of {len(batches):,}, where {path.name} was written")
    every = max(1, len(batches) // checks)
    while at.step < len(batches) and at.worse < PATIENCE and (spent := share_of_time(started, options.minutes)) < 1:
        value = loss(batches[at.step])
        step(optimizer, value, options.rate * pace(max((at.step + 1) / len(batches), spent)), parameters.values())
        at.step += 1
        at.loss = value.item() if at.step == 1 else 0.98 * at.loss + 0.02 * value.item()
        last = at.step == len(batches)
        if at.step % EVERY == 0 or last:
            say(f"step {at.step:,} of {len(batches):,}, loss {at.loss:.3f}")
        if at.step % every == 0 or last:
            at.seconds = monotonic() - started
            saved.save(at, mean_loss(held_out_loss, held_out, options.batch) if held_out else None)
    best = saved.best if held_out and saved.best else parameters
    difference = {name: (best[name].detach() - before[name]).cpu().numpy() for name in parameters}
    return TrainedDifference(
        difference, at.step, monotonic() - started, at.loss, at.least if held_out else float("nan")
    )


def make_batches(
    order: Callable[[np.random.Generator], Sequence[int]], n: int, options: LoopOptions
) -> list[Sequence[int]]:
    """Batches of neighbours in the `order` of each epoch, shuffled; each of the n items once in an epoch."""
    rng = np.random.default_rng(options.seed)
    batches: list[Sequence[int]] = []
    for _ in range(int(np.ceil(options.epochs))):
        epoch = cut(order(rng), options.batch)
        batches += [epoch[i] for i in rng.permutation(len(epoch))]
    return batches[: round(options.epochs * n / options.batch + 0.5)]


def mean_loss(loss: Callable[[Sequence[int]], Tensor], order: Sequence[int], size: int) -> float:
    """Of some items, in batches of this size; NaN for none."""
    with torch.no_grad():
        total = sum(float(loss(batch)) * len(batch) for batch in cut(order, size))
    return total / len(order) if order else float("nan")


def cut(order: Sequence[int], size: int) -> list[Sequence[int]]:
    """Batches of neighbours."""
    return [order[at : at + size] for at in range(0, len(order), size)]


def upper_layers(network: torch.nn.Module) -> dict[str, Tensor]:
    """The parameters that are trained, by name; all others are frozen."""
    config: Any = network.config
    lower = [f"layer.{i}." for i in range(round(FROZEN * config.num_hidden_layers))]
    for name, parameter in network.named_parameters():
        parameter.requires_grad_("layer." in name and not any(layer in name for layer in lower))
    return {name: parameter for name, parameter in network.named_parameters() if parameter.requires_grad}
