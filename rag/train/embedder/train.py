"""Training of an embedder's document side: chunks read in the text around them come to say what the text is about.

A copy of the embedder's network reads windows of whole documents, and each chunk is pooled from its own tokens, as late
chunking does. Queries stay with the original network, and so do all vectors that are frozen here: the space is the
same, and a late vector can be mixed with a plain one. Two things are learned at once.

- InSeNT (arXiv 2505.24782): questions find their chunk among the other chunks of its document (`mix` of the loss) and
  among everything (the rest). Windows of one document stand next to each other in a batch; what is not in the batch
  counts by its frozen vector. A chunk that the original model, shown the title, scores above the right one is no
  negative (GISTEmbed, arXiv 2402.16829). Beside labelled questions there is one mined from every chunk.
- The frozen vector of title and chunk is what the chunk's own vector, read without the title, should come near to.

Word and position vectors and the lower layers stay as they are. Checks, early stopping and going on after a kill are
those of `rag.train.hop.train`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import normalize
from transformers import AutoModel

from rag.models.files import locate
from rag.models.late import Pass
from rag.train.common.checkpoint import Training, fingerprint
from rag.train.hop.train import DEVICE, FROZEN, PATIENCE, TEMPERATURE, Report, TrainedDifference, pace
from rag.types import Vectors

CLOSE = 10.0  # weight of coming near to the frozen vectors, beside the contrast at its temperature
CHECKS = 10  # of held-out documents, in a whole training
STEP = 64  # tokens by which windows count as equally long


@dataclass(frozen=True, slots=True)
class EmbedderOptions:
    """How long and how fast; `batch` counts windows, `mix` is the share of negatives from the same document."""

    epochs: float = 1.0
    batch: int = 8
    rate: float = 8e-5
    mix: float = 0.5
    seed: int = 0
    minutes: float | None = None


@dataclass(frozen=True, slots=True)
class Lessons:
    """Windows as runs of the model, and by chunk its document's number (n,) and frozen vector (n, d).

    `queries` (m, d) are frozen too; `golds[i]` are the chunks that answer query i.
    """

    passes: Sequence[Pass]
    documents: NDArray[np.int64]
    frozen: Tensor
    queries: Tensor
    golds: Sequence[Sequence[int]]


def train(
    model: str,
    work: Lessons,
    held: Lessons,
    options: EmbedderOptions,
    report: Report,
    saved: Path,
    start: Mapping[str, Vectors] | None = None,
) -> TrainedDifference:
    """Train a copy of `model` ("bundled", a folder or a cached name); stop when `held` gets no better.

    It begins at the original plus `start`, the difference that an earlier training made, which is part of the result.
    What the file `saved` holds of the same training is gone on with. Deterministic but for the order of additions.
    """
    torch.manual_seed(options.seed)
    network = AutoModel.from_pretrained(locate(model), local_files_only=True, attn_implementation="sdpa").to(DEVICE)
    kept = [f"layer.{i}." for i in range(round(FROZEN * network.config.num_hidden_layers))]
    learned = {
        name: parameter
        for name, parameter in network.named_parameters()
        if "layer." in name and not any(layer in name for layer in kept)
    }
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(name in learned)
    before = {name: parameter.detach().clone() for name, parameter in learned.items()}
    with torch.no_grad():
        for name, change in (start or {}).items():
            learned[name] += torch.from_numpy(change).to(DEVICE)
    optimizer = torch.optim.AdamW(learned.values(), lr=options.rate)
    order = schedule(work, options)
    every = max(1, len(order) // CHECKS)
    loss = Loss(network, work, options.mix)
    checked = Loss(network, held, options.mix)
    training = Training(
        learned, optimizer, saved, fingerprint(options, [one.ids for one in work.passes], work.documents)
    )
    at = training.resume()
    started = monotonic() - at.seconds
    while at.step < len(order) and at.worse < PATIENCE:
        spent = (monotonic() - started) / 60 / options.minutes if options.minutes else 0.0
        if spent >= 1:
            break
        for group in optimizer.param_groups:
            group["lr"] = options.rate * pace(max((at.step + 1) / len(order), spent))
        value = loss(order[at.step])
        optimizer.zero_grad()
        value.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(learned.values(), 1.0)
        optimizer.step()
        at.step += 1
        at.loss = value.item() if at.step == 1 else 0.98 * at.loss + 0.02 * value.item()
        report(at.step, len(order), at.loss)
        if at.step % every == 0 or at.step == len(order):
            at.seconds = monotonic() - started
            training.check(at, checked.mean(options.batch))
    best = training.best if held.passes and training.best else learned
    difference = {name: (best[name].detach() - before[name]).cpu().numpy() for name in learned}
    return TrainedDifference(
        difference, at.step, monotonic() - started, at.loss, at.least if held.passes else float("nan")
    )


def schedule(work: Lessons, options: EmbedderOptions) -> list[list[int]]:
    """Batches of windows, those of a document together and next to documents with windows as long, else shuffled."""
    rng = np.random.default_rng(options.seed)
    windows: dict[int, list[int]] = {}
    for i, one in enumerate(work.passes):
        windows.setdefault(int(work.documents[one.rows[0]]), []).append(i)
    longest = {d: max(len(work.passes[i].ids) for i in some) // STEP for d, some in windows.items()}
    batches: list[list[int]] = []
    for _ in range(int(np.ceil(options.epochs))):
        mixed = dict(zip(windows, rng.random(len(windows)), strict=True))
        row = [i for d in sorted(windows, key=lambda d: (longest[d], mixed[d])) for i in windows[d]]
        epoch = [row[i : i + options.batch] for i in range(0, len(row), options.batch)]
        batches += [epoch[i] for i in rng.permutation(len(epoch))]
    return batches[: round(options.epochs * len(work.passes) / options.batch + 0.5)]


class Loss:
    """The loss of a batch of windows."""

    def __init__(self, network: torch.nn.Module, work: Lessons, mix: float) -> None:
        self._network, self._work, self._mix = network, work, mix
        self._documents = torch.from_numpy(work.documents).to(DEVICE)
        self._asked: dict[int, list[int]] = {}
        for query, rows in enumerate(work.golds):
            for row in rows:
                self._asked.setdefault(row, []).append(query)

    def mean(self, size: int) -> float:
        """Of all windows, in their order; 0 where there are none."""
        n = len(self._work.passes)
        with torch.no_grad():
            total = sum(
                float(self(batch)) * len(batch) for batch in (range(i, min(i + size, n)) for i in range(0, n, size))
            )
        return total / n if n else 0.0

    def __call__(self, batch: Sequence[int]) -> Tensor:
        """Of the windows with these numbers."""
        work = self._work
        vectors, rows = self._read(batch)
        near = 1 - (vectors * work.frozen[rows]).sum(1).mean()
        asked = sorted({query for row in rows.tolist() for query in self._asked.get(row, ())})
        return CLOSE * near + self._contrast(vectors, rows, asked) if asked else CLOSE * near

    def _read(self, batch: Sequence[int]) -> tuple[Tensor, Tensor]:
        """The chunks' vectors (b, d) as late chunking makes them, and their rows."""
        passes = [self._work.passes[i] for i in batch]
        width = max(len(one.ids) for one in passes)
        ids = torch.tensor([[*one.ids, *[0] * (width - len(one.ids))] for one in passes], device=DEVICE)
        mask = torch.arange(width, device=DEVICE) < torch.tensor([[len(one.ids)] for one in passes], device=DEVICE)
        with torch.autocast(DEVICE, dtype=torch.bfloat16):
            hidden = self._network(input_ids=ids, attention_mask=mask.long()).last_hidden_state.float()
        sums = [
            torch.from_numpy(one.weights[:, 0]).to(DEVICE) @ hidden[i, : len(one.ids)] for i, one in enumerate(passes)
        ]  # unit length makes a mean of a sum
        rows = torch.from_numpy(np.concatenate([one.rows for one in passes])).to(DEVICE)
        return normalize(torch.cat(sums), dim=1), rows

    def _contrast(self, vectors: Tensor, rows: Tensor, asked: Sequence[int]) -> Tensor:
        """InSeNT of the queries whose chunk is among these (b, d), which stand in place of their frozen vectors."""
        work = self._work
        queries = work.queries[list(asked)]
        guide = queries @ work.frozen.T  # (q, n)
        gold = torch.zeros_like(guide, dtype=torch.bool)
        for i, query in enumerate(asked):
            gold[i, work.golds[query]] = True
        best = guide.masked_fill(~gold, float("-inf")).max(1, keepdim=True).values
        counted = guide <= best  # what the original model prefers to the answer may be one
        counted[gold] = False
        right = gold[:, rows]
        scores = queries @ vectors.T / TEMPERATURE  # (q, b)
        others = guide / TEMPERATURE
        others = others.masked_fill(~counted, float("-inf")).index_fill(1, rows, float("-inf"))
        found = torch.logsumexp(scores.masked_fill(~right, float("-inf")), 1)
        wrong = scores.masked_fill(~counted[:, rows], float("-inf"))
        own = self._documents[rows] == self._documents[[work.golds[query][0] for query in asked]][:, None]
        within = torch.logsumexp(torch.cat([found[:, None], wrong.masked_fill(~own, float("-inf"))], 1), 1)
        overall = torch.logsumexp(torch.cat([found[:, None], wrong, others], 1), 1)
        return (self._mix * within + (1 - self._mix) * overall - found).mean()
