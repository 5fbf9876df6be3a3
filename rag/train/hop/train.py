"""Training of the hop encoder: the query side of an embedder learns which passage comes next; the index stays as it is.

A copy of the embedder's network reads `question`, or `question [SEP] title + passage`, and its mean-pooled unit vector
is pulled to the frozen index vector of the next gold passage: InfoNCE at temperature 0.05 against every passage of
every folder at once (the vectors are frozen, so that all negatives cost less than one layer). The question's other gold
passages and near copies of the target count neither way; the passage read is a negative. Word and position vectors and
the lower third of the layers stay as they are, which saves half of the file and a quarter of the time.

Now and then the loss on held-out pairs is taken. The weights that did best there are kept, and training stops when
`PATIENCE` checks in a row were no better. A training that was killed goes on from its last check
(`rag.train.common.checkpoint`).

Related: MDR (arXiv 2009.12756), which trains both sides; InfoNCE (arXiv 1807.03748).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import normalize
from transformers import AutoModel, AutoTokenizer

from rag.models.files import locate
from rag.train.common.checkpoint import Training, fingerprint
from rag.train.common.dataset import Labelled, Pair
from rag.types import Vectors

TEMPERATURE = 0.05
COPY = 0.9  # passages closer than this to the target are copies of it, not negatives
WARMUP = 0.05  # of all steps
FROZEN = 1 / 3  # of the layers, from below
CHECKS = 20  # of held-out pairs, in a whole training
PATIENCE = 5
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
Report = Callable[[int, int, float], None]  # step, steps, loss
Encode = Callable[[list[str]], list[list[int]]]  # texts -> token ids


@dataclass(frozen=True, slots=True)
class HopOptions:
    """How long and how fast; `limit` is the tokens of an input that are read."""

    epochs: float = 1.0
    batch: int = 32
    rate: float = 8e-5
    limit: int = 128
    seed: int = 0
    minutes: float | None = None


@dataclass(frozen=True, slots=True)
class TrainedDifference:
    """What was added to the model's tensors, by their names, and what it took.

    `loss` is a running mean; `checked` that of the held-out pairs at the weights kept, NaN where there are none.
    """

    difference: Mapping[str, Vectors]
    steps: int
    seconds: float
    loss: float
    checked: float


@dataclass(frozen=True, slots=True)
class HopTask:
    """Pairs as token ids, and rows of one matrix with every passage's vector."""

    ids: Sequence[Sequence[int]]
    targets: NDArray[np.int64]
    others: Sequence[Sequence[int]]
    passages: Tensor


def task(sources: Sequence[Labelled], vectors: Sequence[Vectors], encode: Encode) -> tuple[HopTask, HopTask]:
    """What to train on and what to check on, in one numbering: `vectors[i]` (n, d) are of `sources[i].passages`."""
    passages = torch.from_numpy(np.concatenate(vectors)).to(DEVICE)
    trained = _numbered(sources, [source.pairs for source in sources], encode, passages)
    return trained, _numbered(sources, [source.checks for source in sources], encode, passages)


def _numbered(
    sources: Sequence[Labelled], chosen: Sequence[Sequence[Pair]], encode: Encode, passages: Tensor
) -> HopTask:
    texts: list[str] = []
    targets: list[int] = []
    others: list[list[int]] = []
    first = 0
    for source, some in zip(sources, chosen, strict=True):
        row = {pid: first + i for i, pid in enumerate(source.passages)}
        texts += [source.text(pair) for pair in some]
        targets += [row[pair.target] for pair in some]
        others += [[row[pid] for pid in pair.others] for pair in some]
        first += len(row)
    return HopTask(encode(texts) if texts else [], np.array(targets, np.int64), others, passages)


def train(
    model: str, given: Callable[[Encode], tuple[HopTask, HopTask]], options: HopOptions, report: Report, saved: Path
) -> TrainedDifference:
    """Train a copy of `model` ("bundled", a folder or a cached name), on a GPU where there is one.

    What the file `saved` holds of the same training is gone on with. Deterministic but for the order of additions.
    """
    torch.manual_seed(options.seed)
    folder = locate(model)
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    network = AutoModel.from_pretrained(folder, local_files_only=True, attn_implementation="sdpa").to(DEVICE)

    def encode(texts: list[str]) -> list[list[int]]:
        found: list[list[int]] = tokenizer(texts, truncation=True, max_length=options.limit)["input_ids"]
        return found

    work, held = given(encode)
    kept = [f"layer.{i}." for i in range(round(FROZEN * network.config.num_hidden_layers))]
    learned = {
        name: parameter
        for name, parameter in network.named_parameters()
        if "layer." in name and not any(layer in name for layer in kept)
    }
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(name in learned)
    before = {name: parameter.detach().clone() for name, parameter in learned.items()}
    optimizer = torch.optim.AdamW(learned.values(), lr=options.rate)
    order = schedule([len(ids) for ids in work.ids], options)
    every = max(1, len(order) // CHECKS)
    training = Training(learned, optimizer, saved, fingerprint(options, work.ids, work.targets))
    at = training.resume()
    started = monotonic() - at.seconds
    while at.step < len(order) and at.worse < PATIENCE:
        spent = (monotonic() - started) / 60 / options.minutes if options.minutes else 0.0
        if spent >= 1:
            break
        for group in optimizer.param_groups:
            group["lr"] = options.rate * pace(max((at.step + 1) / len(order), spent))
        value = _loss(network, work, order[at.step], int(tokenizer.pad_token_id))
        optimizer.zero_grad()
        value.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(learned.values(), 1.0)
        optimizer.step()
        at.step += 1
        at.loss = value.item() if at.step == 1 else 0.98 * at.loss + 0.02 * value.item()
        report(at.step, len(order), at.loss)
        if at.step % every == 0 or at.step == len(order):
            at.seconds = monotonic() - started
            training.check(at, _checked(network, held, options.batch, int(tokenizer.pad_token_id)))
    best = training.best if held.ids and training.best else learned
    difference = {name: (best[name].detach() - before[name]).cpu().numpy() for name in learned}
    return TrainedDifference(
        difference, at.step, monotonic() - started, at.loss, at.least if held.ids else float("nan")
    )


def pace(done: float) -> float:
    """The share of the learning rate when `done` of the training is over: up in a straight line, and down to 0."""
    return min(done / WARMUP, (1 - done) / (1 - WARMUP))


def schedule(lengths: Sequence[int], options: HopOptions) -> list[list[int]]:
    """Batches of pairs of similar length, in random order; every pair once in an epoch."""
    rng = np.random.default_rng(options.seed)
    batches: list[list[int]] = []
    for _ in range(int(np.ceil(options.epochs))):
        mixed = rng.permutation(len(lengths)) + rng.random(len(lengths))
        by_length = sorted(range(len(lengths)), key=lambda i: (lengths[i] // 8, mixed[i]))
        epoch = [by_length[i : i + options.batch] for i in range(0, len(lengths), options.batch)]
        batches += [epoch[i] for i in rng.permutation(len(epoch))]
    return batches[: round(options.epochs * len(lengths) / options.batch + 0.5)]


def _checked(network: torch.nn.Module, held: HopTask, size: int, pad: int) -> float:
    """The mean loss of all held-out pairs; 0 where there are none."""
    order = sorted(range(len(held.ids)), key=lambda i: len(held.ids[i]))
    batches = [order[i : i + size] for i in range(0, len(order), size)]
    with torch.no_grad():
        total = sum(float(_loss(network, held, batch, pad)) * len(batch) for batch in batches)
    return total / len(order) if order else 0.0


def _loss(network: torch.nn.Module, work: HopTask, batch: Sequence[int], pad: int) -> Tensor:
    rows = [work.ids[i] for i in batch]
    width = max(map(len, rows))
    ids = torch.tensor([[*row, *[pad] * (width - len(row))] for row in rows], device=DEVICE)
    mask = torch.arange(width, device=DEVICE) < torch.tensor([[len(row)] for row in rows], device=DEVICE)
    with torch.autocast(DEVICE, dtype=torch.bfloat16):
        hidden = network(input_ids=ids, attention_mask=mask.long()).last_hidden_state
    weights = mask.float() / mask.sum(1, keepdim=True)
    queries = normalize((hidden.float() * weights[:, :, None]).sum(1), dim=1)
    targets = torch.from_numpy(work.targets[list(batch)]).to(DEVICE)
    with torch.no_grad():
        ignored = work.passages[targets] @ work.passages.T > COPY
        for row, i in enumerate(batch):
            ignored[row, work.others[i]] = True
        ignored[torch.arange(len(batch)), targets] = False
    scores = (queries @ work.passages.T / TEMPERATURE).masked_fill(ignored, float("-inf"))
    return torch.nn.functional.cross_entropy(scores, targets)
