"""Training of the judge (`rag.reader.answerability`) on the reader's own readings: is the answer there or not?

The token vectors are those of the bundled network as it is, computed once; only what compares and gathers is learned.
Positive are readings with an answer, or a yes or no, negative all others: questions that people wrote to have no answer
(SQuAD 2.0), passages that only look right, chains of which a part is missing. Questions altered by rule take no part.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from rag.models.encoder import TextEncoder
from rag.models.onnx_backend import text_encoder
from rag.models.spec import ModelSpec
from rag.reader.answerability import COUNT, FEATURES, LONGEST, SCALE, Aligned, EncodedText, align, texts
from rag.reader.network import AT_ONCE, Passage
from rag.train.common.loop import step
from rag.train.reader.inputs import SHARES, ReaderInput, readings
from rag.train.reader.questions import ReaderQuestion
from rag.types import Vectors

VOTES = 4  # networks
WIDTH, HIDDEN, GATHERED = 16, 48, 16
EPOCHS, BATCH, RATE, DECAY = 4, 128, 2e-3, 1e-2
DROPPED = 0.3
GROUP = 256  # readings whose passages are encoded together
LEAST = -1e4  # below everything that is compared


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """What is judged, and whether the answer is there."""

    aligned: Aligned
    answered: bool


def judges(
    questions: Sequence[ReaderQuestion], model: ModelSpec, *, seed: int, say: Callable[[str], None]
) -> list[dict[str, Vectors]]:
    """The networks learned from the readings of one epoch."""
    drawn = list(readings(questions, np.random.default_rng(seed), {**SHARES, "altered": 0.0}))
    encoder = text_encoder(replace(model, max_tokens=LONGEST), batch_tokens=AT_ONCE)
    found = lessons(drawn, encoder, lambda n: say(f"judge: {n:,} of {len(drawn):,} readings"))
    return train(found, seed=seed, say=lambda vote, loss: say(f"judge: {vote + 1} of {VOTES}, loss {loss:.3f}"))


def lessons(readings: Sequence[ReaderInput], encoder: TextEncoder, say: Callable[[int], None]) -> list[Lesson]:
    """Readings aligned, their vectors in two bytes a number; `say` is told how many there are so far."""
    found: list[Lesson] = []
    known: dict[Passage, EncodedText] = {}
    for at in range(0, len(readings), GROUP):
        group = readings[at : at + GROUP]
        asked = [("", reading.question) for reading in group]
        parts = [[(part.title, part.text) for part in reading.parts] for reading in group]
        wanted = list(dict.fromkeys(passage for passages in (asked, *parts) for passage in passages))
        new = [passage for passage in wanted if passage not in known]
        known = {passage: known[passage] for passage in wanted if passage in known}
        known |= dict(zip(new, texts(encoder, new), strict=True))
        for reading, question, passages in zip(group, asked, parts, strict=True):
            one = align(known[question], [known[passage] for passage in passages])
            right = reading.kind > 0 or any(part.answer for part in reading.parts)
            found.append(Lesson(Aligned(one.vectors.astype(np.float16), one.features), right))
        say(len(found))
    return found


class AnswerabilityNetwork(nn.Module):
    """What `rag.reader.answerability.logit` computes, for a batch."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.own, self.unlike, self.apart = (nn.Linear(width, WIDTH, bias=False) for _ in range(3))
        self.compare = nn.Linear(FEATURES + 5 * WIDTH, HIDDEN)
        self.deeper = nn.Linear(HIDDEN, HIDDEN)
        self.gather = nn.Linear(2 * HIDDEN, GATHERED)
        self.say = nn.Linear(GATHERED, 1)
        self.drop = nn.Dropout(DROPPED)

    def forward(self, vectors: Tensor, features: Tensor, mask: Tensor) -> Tensor:
        """Logits (b,) of token vectors (b, t, 3, width), features (b, t, FEATURES) and the mask of tokens (b, t)."""
        asked, first, second = (SCALE * vectors).unbind(2)
        parts = [self.own(asked), self.unlike(asked - first), self.unlike(asked - second)]
        parts += [self.apart(asked - first).abs(), self.apart(asked - second).abs()]
        hidden = torch.cat([features, self.drop(torch.cat(parts, -1))], -1)
        hidden = torch.relu(self.deeper(torch.relu(self.compare(hidden))))
        most = hidden.masked_fill(~mask[..., None], LEAST).amax(1)
        whole = torch.cat([most, COUNT * (hidden * mask[..., None]).sum(1)], 1)
        said: Tensor = self.say(torch.relu(self.gather(self.drop(whole))))
        return said[:, 0]

    def tensors(self) -> dict[str, Vectors]:
        """By the names that `logit` knows."""
        return {name: tensor.detach().clone().numpy() for name, tensor in self.named_parameters()}


def train(found: Sequence[Lesson], *, seed: int, say: Callable[[int, float], None]) -> list[dict[str, Vectors]]:
    """VOTES networks, each from another beginning; `say` is told which, and its mean loss over the last epoch."""
    networks = []
    for vote in range(VOTES):
        torch.manual_seed(seed + vote)
        network = AnswerabilityNetwork(found[0].aligned.vectors.shape[2])
        optimizer = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=DECAY)
        losses: list[float] = []
        for _ in range(EPOCHS):
            losses = []
            for batch in torch.split(torch.randperm(len(found)), BATCH):
                rows = [found[int(i)] for i in batch]
                right = torch.tensor([float(row.answered) for row in rows])
                loss = binary_cross_entropy_with_logits(network(*padded([row.aligned for row in rows])), right)
                step(optimizer, loss, RATE)
                losses.append(loss.item())
        say(vote, float(np.mean(losses)))
        networks.append(network.tensors())
    return networks


def padded(rows: Sequence[Aligned]) -> tuple[Tensor, Tensor, Tensor]:
    """Vectors, features and the mask of a batch."""
    longest = max(len(row.features) for row in rows)
    vectors = np.zeros((len(rows), longest, *rows[0].vectors.shape[1:]), np.float32)
    features = np.zeros((len(rows), longest, FEATURES), np.float32)
    mask = np.zeros((len(rows), longest), bool)
    for i, row in enumerate(rows):
        n = len(row.features)
        vectors[i, :n], features[i, :n], mask[i, :n] = row.vectors, row.features, True
    return torch.from_numpy(vectors), torch.from_numpy(features), torch.from_numpy(mask)
