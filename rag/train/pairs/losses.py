"""What a whole embedder is trained to: each function is one equation of its paper, of vectors at length one.

A batch has b questions, their b passages, and m further passages, negatives. A guide is a model that is not trained.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import kl_div, log_softmax, normalize, softmax


@dataclass(frozen=True, slots=True)
class PairVectors:
    """Questions (b, d), their passages (b, d) and negatives (m, d)."""

    questions: Tensor
    passages: Tensor
    negatives: Tensor

    @property
    def scores(self) -> Tensor:
        """Of every question with every passage and negative (b, b + m)."""
        return self.questions @ torch.cat([self.passages, self.negatives]).T

    def first(self, columns: int) -> "PairVectors":
        """The first columns of each, at length one again, as `truncate_dim` has them."""
        parts = (one[:, :columns] for one in (self.questions, self.passages, self.negatives))
        return PairVectors(*(normalize(part, dim=1) for part in parts))


Loss = Callable[[PairVectors], Tensor]


def gist(vectors: PairVectors, guide: PairVectors | None, answers: Tensor, temperature: float) -> Tensor:
    """InfoNCE in which a guide leaves out what may be an answer (GISTEmbed, arXiv 2402.16829).

    A question stands against the other passages and negatives, and against the other questions, its passage against the
    other passages. What the guide finds nearer than it finds question and passage is left out, and so are `answers`
    (b, b + m), what is known to answer a question, its own passage included. Without a guide these alone are.
    """
    own = torch.eye(len(answers), dtype=torch.bool, device=answers.device)
    found = (vectors.questions * vectors.passages).sum(1) / temperature
    left_out = [answers, own, own | answers[:, : len(answers)]]
    if guide:
        right = (guide.questions * guide.passages).sum(1, keepdim=True)
        left_out = [(near > right) | known for near, known in zip(_contrasts(guide), left_out, strict=True)]
    others = [
        (scores / temperature).masked_fill(known, float("-inf"))
        for scores, known in zip(_contrasts(vectors), left_out, strict=True)
    ]
    return (torch.logsumexp(torch.cat([found[:, None], *others], 1), 1) - found).mean()


def _contrasts(given: PairVectors) -> tuple[Tensor, Tensor, Tensor]:
    """Scores of questions with passages and negatives, with questions, and of passages with passages."""
    return given.scores, given.questions @ given.questions.T, given.passages @ given.passages.T


def soft_labels(scores: Tensor, logits: Tensor, temperature: float) -> Tensor:
    """KL(reranker || embedder) over each question's own candidates (b, n): cosines, and a cross-encoder's logits.

    What LG-ANNA-Embedding (arXiv 2506.07438) and DSE learn from a cross-encoder.
    """
    return kl_div(log_softmax(scores / temperature, 1), softmax(logits, 1), reduction="batchmean")


def elastic(whole: PairVectors, cuts: Sequence[tuple[PairVectors, int]], loss: Loss, temperature: float) -> Tensor:
    """The loss of the whole model and of each cut, a layer's vectors and how many columns; with KL(whole || cut).

    Cuts of the last layer are Matryoshka's (arXiv 2205.13147); with another layer, drawn anew at each step, those of 2D
    Matryoshka (arXiv 2402.14776); fixed ones Starbucks' (arXiv 2410.13230). The sum is that of retrieval/modeling.py in
    Starbucks' repository, KL over a question's scores; but a cut has length one here, as it is used.
    """
    target = softmax(whole.scores.detach() / temperature, 1)
    total: Tensor = loss(whole)
    for layer, columns in cuts:
        cut = layer.first(columns)
        near = kl_div(log_softmax(cut.scores / temperature, 1), target, reduction="batchmean")
        total = total + loss(cut) + near
    return total


def leaf(student: Tensor, teacher: Tensor) -> Tensor:
    """The mean distance of a student's vectors (n, d), projected, to its teacher's (LEAF, arXiv 2509.12539)."""
    distances: Tensor = (student - teacher).norm(dim=1)
    return distances.mean()


def keep_negatives(scores: Tensor, right: Tensor, share: float) -> Tensor:
    """Which candidates (b, n) are negatives: those below `share` of the right passage's score (b,).

    NV-Retriever (arXiv 2407.15831), TopK-PercPos.
    """
    return scores < share * right[:, None]
