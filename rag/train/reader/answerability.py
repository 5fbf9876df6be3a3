"""Training of answerability (`rag.reader.answerability`) on the reader's own inputs: is the answer there or not?

The token vectors are those of the bundled network as it is, computed once; only what compares and gathers is learned.
Positive are inputs with an answer, or a yes or no, negative all others: questions that people wrote to have no answer
(SQuAD 2.0), distractors, chains of which a part is missing. Questions altered by rule take no part.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.nn.utils.rnn import pad_sequence

from rag.models.encoder import TextEncoder
from rag.models.onnx_backend import text_encoder
from rag.models.spec import ModelSpec
from rag.reader.answerability import FEATURES, PASSAGE_TOKENS, SCALE, SUM_SCALE, Alignment, EncodedText, align, encode
from rag.reader.network import BATCH_TOKENS, Passage
from rag.train.common.loop import Say, step
from rag.train.reader.inputs import SHARES, ReaderInput, draw_inputs
from rag.train.reader.questions import ReaderQuestion
from rag.types import Vectors

NETWORKS = 4
WIDTH, HIDDEN, GATHERED = 16, 48, 16
EPOCHS, BATCH, RATE, WEIGHT_DECAY = 4, 128, 2e-3, 1e-2
DROPOUT = 0.3
GROUP = 256  # inputs whose passages are encoded together
LEAST = -1e4  # below everything that is compared


@dataclass(frozen=True, slots=True, eq=False)
class AnswerabilityExample:
    """A question aligned with passages, and whether the answer is there."""

    alignment: Alignment
    answerable: bool


def train_answerability(
    questions: Sequence[ReaderQuestion], model: ModelSpec, *, seed: int, say: Say
) -> list[dict[str, Vectors]]:
    """The networks learned from the inputs of one epoch."""
    inputs = list(draw_inputs(questions, np.random.default_rng(seed), {**SHARES, "altered": 0.0}))
    encoder = text_encoder(replace(model, max_tokens=PASSAGE_TOKENS), batch_tokens=BATCH_TOKENS)
    return train(make_examples(inputs, encoder, say), seed=seed, say=say)


def make_examples(inputs: Sequence[ReaderInput], encoder: TextEncoder, say: Say) -> list[AnswerabilityExample]:
    """Inputs aligned, their vectors in two bytes a number."""
    examples: list[AnswerabilityExample] = []
    known: dict[Passage, EncodedText] = {}
    for at in range(0, len(inputs), GROUP):
        group = inputs[at : at + GROUP]
        questions = [("", one.question) for one in group]
        passages = [[(passage.title, passage.text) for passage in one.passages] for one in group]
        texts = list(dict.fromkeys(text for some in (questions, *passages) for text in some))
        new = [text for text in texts if text not in known]
        known = {text: known[text] for text in texts if text in known}
        known |= dict(zip(new, encode(encoder, new), strict=True))
        for one, question, some in zip(group, questions, passages, strict=True):
            found = align(known[question], [known[text] for text in some])
            answerable = one.answer_type > 0 or any(passage.answer for passage in one.passages)
            small = Alignment(found.vectors.astype(np.float16), found.features)
            examples.append(AnswerabilityExample(small, answerable))
        say(f"answerability: {len(examples):,} of {len(inputs):,} inputs")
    return examples


class AnswerabilityNetwork(nn.Module):
    """What `rag.reader.answerability.forward` computes, for a batch."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.own, self.unlike, self.apart = (nn.Linear(width, WIDTH, bias=False) for _ in range(3))
        self.compare = nn.Linear(FEATURES + 5 * WIDTH, HIDDEN)
        self.deeper = nn.Linear(HIDDEN, HIDDEN)
        self.gather = nn.Linear(2 * HIDDEN, GATHERED)
        self.say = nn.Linear(GATHERED, 1)
        self.drop = nn.Dropout(DROPOUT)

    def forward(self, vectors: Tensor, features: Tensor, mask: Tensor) -> Tensor:
        """Logits (b,) of token vectors (b, t, 3, width), features (b, t, FEATURES) and the mask of tokens (b, t)."""
        token, first, second = (SCALE * vectors).unbind(2)
        parts = [self.own(token), self.unlike(token - first), self.unlike(token - second)]
        parts += [self.apart(token - first).abs(), self.apart(token - second).abs()]
        hidden = torch.cat([features, self.drop(torch.cat(parts, -1))], -1)
        hidden = torch.relu(self.deeper(torch.relu(self.compare(hidden))))
        most = hidden.masked_fill(~mask[..., None], LEAST).amax(1)
        pooled = torch.cat([most, SUM_SCALE * (hidden * mask[..., None]).sum(1)], 1)
        logits: Tensor = self.say(torch.relu(self.gather(self.drop(pooled))))
        return logits[:, 0]

    def tensors(self) -> dict[str, Vectors]:
        """By the names that `forward` knows."""
        return {name: tensor.detach().clone().numpy() for name, tensor in self.named_parameters()}


def train(examples: Sequence[AnswerabilityExample], *, seed: int, say: Say) -> list[dict[str, Vectors]]:
    """NETWORKS networks, each from another beginning."""
    networks = []
    for n in range(NETWORKS):
        torch.manual_seed(seed + n)
        network = AnswerabilityNetwork(examples[0].alignment.vectors.shape[2])
        optimizer = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=WEIGHT_DECAY)
        losses: list[float] = []
        for _ in range(EPOCHS):
            losses = []
            for batch in torch.split(torch.randperm(len(examples)), BATCH):
                rows = [examples[int(i)] for i in batch]
                targets = torch.tensor([float(row.answerable) for row in rows])
                loss = binary_cross_entropy_with_logits(network(*pad([row.alignment for row in rows])), targets)
                step(optimizer, loss, RATE)
                losses.append(loss.item())
        say(f"answerability: {n + 1} of {NETWORKS}, loss {np.mean(losses):.3f}")
        networks.append(network.tensors())
    return networks


def pad(rows: Sequence[Alignment]) -> tuple[Tensor, Tensor, Tensor]:
    """Vectors, features and the mask of a batch."""
    vectors = [torch.from_numpy(row.vectors).float() for row in rows]
    features = [torch.from_numpy(row.features) for row in rows]
    mask = [torch.ones(len(row.features), dtype=torch.bool) for row in rows]
    return pad_sequence(vectors, True), pad_sequence(features, True), pad_sequence(mask, True)
