"""Training of an embedder's document side: chunks read in the text around them come to say what the text is about.

A copy of the embedder's network reads windows of whole documents, and each chunk is pooled from its own tokens, as late
chunking does. Queries stay with the original network, and so do all vectors that are frozen here: the space is the
same, and a late vector can be mixed with a plain one. Two things are learned at once.

- InSeNT (arXiv 2505.24782, equations 2 and 3; the weighted loss of contextual_embeddings/models/long_context_model.py
  in its repository): questions find their chunk among the other chunks of its document (`mix` of the loss) and among
  those of other documents (the rest). Windows of one document stand next to each other in a batch; what is not in the
  batch counts by its frozen vector, of other documents alone. A chunk that the original model, shown the title, scores
  above the right one is no negative (GISTEmbed, arXiv 2402.16829). Beside labelled questions there is one mined from
  every chunk.
- The frozen vector of title and chunk is what the chunk's own vector, read without the title, should come near to.

Checks, early stopping and going on after a kill are those of `rag.train.common.loop`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import normalize

from rag.models.late import Pass
from rag.train.common import loop
from rag.train.common.checkpoint import fingerprint
from rag.types import Vectors

NEAR_WEIGHT = 10.0  # of coming near to the frozen vectors, beside the contrast at its temperature
CHECKS = 10  # of held-out documents, in a whole training
STEP = 64  # tokens by which windows count as equally long


@dataclass(frozen=True, slots=True)
class EmbedderOptions(loop.LoopOptions):
    """`batch` counts windows, `mix` is the weight of finding a chunk in its document."""

    batch: int = 8
    mix: float = 0.5


@dataclass(frozen=True, slots=True)
class EmbedderExamples:
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
    examples: EmbedderExamples,
    held_out: EmbedderExamples,
    options: EmbedderOptions,
    path: Path,
    start: Mapping[str, Vectors] | None,
    say: loop.Say,
) -> loop.TrainedDifference:
    """Train a copy of `model` ("bundled", a folder or a cached name); `path` keeps the state until it is done.

    It begins at `start`, the difference of an earlier training. Deterministic but for the order of additions.
    """
    torch.manual_seed(options.seed)
    network = loop.load_network(model).to(loop.DEVICE)
    return loop.fine_tune(
        network,
        schedule(examples, options),
        Loss(network, examples, options.mix),
        Loss(network, held_out, options.mix),
        range(len(held_out.passes)),
        checks=CHECKS,
        options=options,
        say=say,
        path=path,
        fingerprint=fingerprint(options, [one.ids for one in examples.passes], examples.documents),
        start=start,
    )


def schedule(examples: EmbedderExamples, options: EmbedderOptions) -> list[Sequence[int]]:
    """Batches of windows, those of a document together and next to documents with windows as long, else shuffled."""
    windows: dict[int, list[int]] = {}
    for i, one in enumerate(examples.passes):
        windows.setdefault(int(examples.documents[one.rows[0]]), []).append(i)
    longest = {d: max(len(examples.passes[i].ids) for i in some) // STEP for d, some in windows.items()}

    def order(rng: np.random.Generator) -> list[int]:
        mixed = dict(zip(windows, rng.random(len(windows)), strict=True))
        return [i for d in sorted(windows, key=lambda d: (longest[d], mixed[d])) for i in windows[d]]

    return loop.make_batches(order, len(examples.passes), options)


class Loss:
    """The loss of a batch of windows."""

    def __init__(self, network: torch.nn.Module, examples: EmbedderExamples, mix: float) -> None:
        self._network, self._examples, self._mix = network, examples, mix
        self._documents = torch.from_numpy(examples.documents).to(loop.DEVICE)
        self._queries_of: dict[int, list[int]] = {}
        for query, rows in enumerate(examples.golds):
            for row in rows:
                self._queries_of.setdefault(row, []).append(query)

    def __call__(self, batch: Sequence[int]) -> Tensor:
        """Of the windows with these numbers."""
        examples = self._examples
        vectors, rows = self._read(batch)
        near = 1 - (vectors * examples.frozen[rows]).sum(1).mean()
        queries = sorted({query for row in rows.tolist() for query in self._queries_of.get(row, ())})
        return NEAR_WEIGHT * near + self._contrast(vectors, rows, queries) if queries else NEAR_WEIGHT * near

    def _read(self, batch: Sequence[int]) -> tuple[Tensor, Tensor]:
        """The chunks' vectors (b, d) as late chunking makes them, and their rows."""
        passes = [self._examples.passes[i] for i in batch]
        hidden, _ = loop.read(self._network, [one.ids for one in passes])
        sums = [
            torch.from_numpy(one.weights[:, 0]).to(loop.DEVICE) @ hidden[i, : len(one.ids)]
            for i, one in enumerate(passes)
        ]  # unit length makes a mean of a sum
        rows = torch.from_numpy(np.concatenate([one.rows for one in passes])).to(loop.DEVICE)
        return normalize(torch.cat(sums), dim=1), rows

    def _contrast(self, vectors: Tensor, rows: Tensor, numbers: Sequence[int]) -> Tensor:
        """InSeNT of the queries whose chunk is among these (b, d), which stand in place of their frozen vectors."""
        examples = self._examples
        queries = examples.queries[list(numbers)]
        guide = queries @ examples.frozen.T  # (q, n)
        gold = torch.zeros_like(guide, dtype=torch.bool)
        for i, query in enumerate(numbers):
            gold[i, examples.golds[query]] = True
        best = guide.masked_fill(~gold, float("-inf")).max(1, keepdim=True).values
        counted = guide <= best  # what the original model prefers to the answer may be one
        counted[gold] = False
        right = gold[:, rows]
        scores = queries @ vectors.T / loop.TEMPERATURE  # (q, b)
        others = guide / loop.TEMPERATURE
        others = others.masked_fill(~counted, float("-inf")).index_fill(1, rows, float("-inf"))
        found = torch.logsumexp(scores.masked_fill(~right, float("-inf")), 1)
        wrong = scores.masked_fill(~counted[:, rows], float("-inf"))
        documents = self._documents[[examples.golds[query][0] for query in numbers]][:, None]
        own = self._documents[rows] == documents
        within = torch.logsumexp(torch.cat([found[:, None], wrong.masked_fill(~own, float("-inf"))], 1), 1)
        wrong = wrong.masked_fill(own, float("-inf"))
        others = others.masked_fill(self._documents == documents, float("-inf"))
        beyond = torch.logsumexp(torch.cat([found[:, None], wrong, others], 1), 1)
        return (self._mix * within + (1 - self._mix) * beyond - found).mean()
