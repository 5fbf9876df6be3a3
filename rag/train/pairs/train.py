"""Training of a whole embedder: one network reads questions and passages, and both sides change.

What it learns from is in `rag.train.pairs.losses`: contrast under a guide, which is the model as it was unless another
is named, with negatives that the guide finds nearly right; a reranker's logits, where there is one; cuts of layers and
columns, where they are asked for. Or else a teacher's vectors alone, through a projection that becomes part of the
model.

Checks, early stopping and going on after a kill are those of `rag.train.common.loop`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from random import Random

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import normalize

from rag.models.batching import make_batches, pad
from rag.train.common import loop
from rag.train.pairs.exchange import Exchange
from rag.train.pairs.losses import PairVectors, elastic, gist, leaf, soft_labels

Ids = Sequence[Sequence[int]]


@dataclass(frozen=True, slots=True)
class PairOptions(loop.LoopOptions):
    """`limit` tokens of a text are read; `negatives` of each question; `dims`, `layers` are trained to be cut at.

    Unless `guided`, every passage that is not labelled is a negative, however near a guide finds it. With `exchange`,
    negatives that grew easy give way. Without `negatives` and guide there are the other passages of a batch alone.
    With `fixed`, layer i is cut at dims i (Starbucks); else each step draws a layer for all of them (2D Matryoshka).
    """

    limit: int = 128
    negatives: int = 1
    guided: bool = True
    exchange: bool = False
    dims: tuple[int, ...] = ()
    layers: tuple[int, ...] = ()
    fixed: bool = False


@dataclass(frozen=True, slots=True)
class PairTask:
    """Token ids of questions and passages, rows of golds and negatives (n, m), and what is frozen.

    `logits` (n, 1 + m) are a reranker's, of the first gold passage and the negatives.
    """

    questions: Ids
    passages: Ids
    golds: Sequence[Sequence[int]]
    negatives: NDArray[np.int64]
    guide_questions: Tensor
    guide_passages: Tensor
    logits: Tensor | None = None
    exchange: Exchange | None = None


def read_layers(network: torch.nn.Module, rows: Ids, pooling: str) -> list[Tensor]:
    """What each layer makes of texts, the embeddings first: (n, d) each, pooled, at length one.

    Texts of similar length are read together.
    """
    order: list[int] = []
    parts = []
    for some in make_batches([len(row) for row in rows], loop.PASS_TOKENS):
        ids, mask = (torch.from_numpy(array).to(loop.DEVICE) for array in pad([rows[i] for i in some], 0))
        with loop.precision():
            output = network(input_ids=ids, attention_mask=mask.long(), output_hidden_states=True)
        parts.append([normalize(pool(hidden.float(), mask, pooling), dim=1) for hidden in output.hidden_states])
        order += some
    back = torch.tensor(order, device=loop.DEVICE).argsort()
    return [torch.cat(layer)[back] for layer in zip(*parts, strict=True)]


def pool(hidden: Tensor, mask: Tensor, pooling: str) -> Tensor:
    """(n, t, d) to (n, d), as `rag.models.pooling` does it."""
    order = mask.cumsum(1)
    weights = {
        "mean": lambda: mask / mask.sum(1, keepdim=True),
        "cls": lambda: (order == 1) & mask,
        "lasttoken": lambda: (order == mask.sum(1, keepdim=True)) & mask,
    }[pooling]()
    return torch.einsum("nt,ntd->nd", weights.float(), hidden)


class PairLoss:
    """The loss of a batch of questions, by their numbers."""

    def __init__(self, network: torch.nn.Module, task: PairTask, options: PairOptions, pooling: str) -> None:
        self._network, self._task, self._options, self._pooling = network, task, options, pooling

    def __call__(self, batch: Sequence[int]) -> Tensor:
        task, b = self._task, len(batch)
        right = [task.golds[i][0] for i in batch]
        wrong = task.negatives[list(batch)].reshape(-1).tolist()
        texts = [*(task.questions[i] for i in batch), *(task.passages[row] for row in (*right, *wrong))]
        layers = [self._split(layer, b) for layer in read_layers(self._network, texts, self._pooling)]
        columns = [*right, *wrong]
        answers = torch.tensor([[row in task.golds[i] for row in columns] for i in batch], device=loop.DEVICE)
        frozen = None
        if self._options.guided:
            of = task.guide_passages
            frozen = PairVectors(task.guide_questions[list(batch)], of[right], of[wrong])
        loss = partial(gist, guide=frozen, answers=answers, temperature=loop.TEMPERATURE)
        if task.exchange and torch.is_grad_enabled():
            own = layers[-1].negatives.view(b, -1, layers[-1].negatives.shape[1])
            task.exchange(batch, torch.einsum("bd,bnd->bn", layers[-1].questions, own))
        total = elastic(layers[-1], self._cuts(layers, batch), loss, loop.TEMPERATURE)
        if task.logits is not None:
            own = layers[-1].negatives.view(b, -1, layers[-1].negatives.shape[1])
            candidates = torch.cat([layers[-1].passages[:, None], own], 1)
            scores = torch.einsum("bd,bnd->bn", layers[-1].questions, candidates)
            total = total + soft_labels(scores, task.logits[list(batch)], loop.TEMPERATURE)
        return total

    def _cuts(self, layers: Sequence[PairVectors], batch: Sequence[int]) -> list[tuple[PairVectors, int]]:
        given, width = self._options, layers[-1].questions.shape[1]
        if given.fixed:
            return [(layers[n], columns) for n, columns in zip(given.layers, given.dims, strict=True)]
        cuts = [(layers[-1], columns) for columns in given.dims]
        if given.layers:  # drawn by the batch, so that a training that goes on draws the same
            layer = Random(f"{given.seed} {list(batch)}").choice(given.layers)
            cuts += [(layers[layer], columns) for columns in (*given.dims, width)]
        return cuts

    @staticmethod
    def _split(vectors: Tensor, b: int) -> PairVectors:
        return PairVectors(vectors[:b], vectors[b : 2 * b], vectors[2 * b :])


class TeacherLoss:
    """LEAF of a batch of texts, by their numbers: `vectors` (n, teacher) are what the teacher makes of them."""

    def __init__(
        self, network: torch.nn.Module, projection: torch.nn.Linear, texts: Ids, vectors: Tensor, pooling: str
    ) -> None:
        self._network, self._projection, self._texts = network, projection, texts
        self._vectors, self._pooling = vectors, pooling

    def __call__(self, batch: Sequence[int]) -> Tensor:
        student = read_layers(self._network, [self._texts[i] for i in batch], self._pooling)[-1]
        return leaf(normalize(self._projection(student), dim=1), self._vectors[list(batch)])


def schedule(sources: Sequence[int], options: PairOptions) -> list[Sequence[int]]:
    """Batches of one source each, but where one ends and the next begins (CoDiEmb); everything once in an epoch.

    So the other passages of a batch are of the same corpus, which is what a search has to tell apart.
    """

    def order(rng: np.random.Generator) -> list[int]:
        mixed = rng.random(len(sources))
        return sorted(range(len(sources)), key=lambda i: (sources[i], mixed[i]))

    return loop.make_batches(order, len(sources), options)
