"""Training of the reader: a copy of the bundled network with five linear heads, on labelled questions.

Start and end of the answer are softmaxes over the tokens of the passages read and the first token, which stands for
"no answer here" (BERT on SQuAD 2.0, arXiv 1810.04805); two passages in one input compete for it, like the shared
normalisation of arXiv 1710.10723. Beside these, a question with one passage trains the passage's relevance, the
sentences of every passage their support, and two passages at once the choice between a span, yes and no. Word and
position vectors stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy
from transformers import AutoModel

from rag.embed.modelfiles import locate
from rag.read.layout import lay_out
from rag.read.reader import marks
from rag.read.weights import load
from rag.sentences import sentence_spans
from rag.train.hop import Report, pace
from rag.train.readings import Part, Reading, Span
from rag.types import Vectors

HEADS = {"span": 2, "fact": 1, "relevant": 1, "kind": 3}  # outputs of each linear head
WEIGHTS = {"span": 1.0, "fact": 0.5, "relevant": 0.3, "kind": 0.5}
FROZEN = 1  # layers from below that stay as they are
HEAD_RATE = 10  # times the network's learning rate
NOTHING = -100  # no target

Save = Callable[["Trained"], None]


@dataclass(frozen=True, slots=True)
class Options:
    """How long and how fast; `alone` and `together` are the tokens of an input of one and of two passages."""

    epochs: int = 1
    batch: int = 24
    rate: float = 1.5e-4
    alone: int = 192
    together: int = 256
    seed: int = 0
    minutes: float | None = None
    every: int = 100  # steps between two saves


@dataclass(frozen=True, slots=True)
class Trained:
    """What was added to the model's tensors, by their names; the heads' own; and what it took."""

    difference: Mapping[str, Vectors]
    heads: Mapping[str, Vectors]
    steps: int
    seconds: float
    loss: float


@dataclass(frozen=True, slots=True)
class Example:
    """A reading in tokens. `sentences` are token ranges with their label, None where it is not known."""

    ids: tuple[int, ...]
    texts: tuple[tuple[int, int], ...]
    start: int
    end: int
    sentences: tuple[tuple[int, int, float], ...]
    relevant: float | None
    kind: int


class Network(nn.Module):
    """The encoder with its heads: token ids and mask to the outputs of each head, for every token."""

    def __init__(self, model: str) -> None:
        super().__init__()
        self.encoder = AutoModel.from_pretrained(locate(model), local_files_only=True, attn_implementation="sdpa")
        width = int(self.encoder.config.hidden_size)
        self.heads = nn.ModuleDict({name: nn.Linear(width, n) for name, n in HEADS.items()})
        for name, parameter in self.encoder.named_parameters():
            parameter.requires_grad_("layer." in name and not any(f"layer.{i}." in name for i in range(FROZEN)))
        self.before = {name: p.detach().clone() for name, p in self.encoder.named_parameters() if p.requires_grad}

    def forward(self, ids: Tensor, mask: Tensor) -> dict[str, Tensor]:
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.training):
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
        return {name: (now[name].detach() - before).numpy() for name, before in self.before.items()}

    def head_tensors(self) -> dict[str, Vectors]:
        return {name: tensor.detach().clone().numpy() for name, tensor in self.heads.named_parameters()}


class Encoder:
    """Readings to examples. Texts longer than their room are cut around what is to be found, at random."""

    def __init__(self, model: str, options: Options) -> None:
        self.tokenizer = Tokenizer.from_file(str(locate(model) / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.no_truncation()
        self.cls, self.sep = marks(self.tokenizer)
        self.options = options
        self.known: dict[str, tuple[list[int], list[Span]]] = {}

    def __call__(self, reading: Reading, rng: np.random.Generator) -> Example:
        limit = self.options.alone if len(reading.parts) == 1 else self.options.together
        question = self._tokens(reading.question)[0]
        room = (limit - len(question) - 40) // len(reading.parts)
        cut = [self._cut(part, room, rng) for part in reading.parts]
        titles = [self._tokens(part.title)[0] for part in reading.parts]
        texts = [self._tokens(part.text)[0][first:last] for part, (first, last) in zip(reading.parts, cut, strict=True)]
        layout = lay_out(question, list(zip(titles, texts, strict=True)), cls=self.cls, sep=self.sep, limit=limit)
        start = end = NOTHING if reading.kind else 0
        sentences: list[tuple[int, int, float]] = []
        for part, (first, _), at, n in zip(reading.parts, cut, layout.starts, layout.lengths, strict=True):
            if part.answer and not reading.kind:
                low, high = self._range(part.text, part.answer)
                if first <= low and high <= first + n:
                    start, end = at + low - first, at + high - 1 - first
            if part.facts or not part.relevant:
                for span in sentence_spans(part.text):
                    low, high = self._range(part.text, span)
                    low, high = max(low, first), min(high, first + n)
                    if low < high:
                        held = any(a < span[1] and span[0] < b for a, b in part.facts)
                        sentences.append((at + low - first, at + high - first, float(held)))
        alone = len(reading.parts) == 1
        return Example(
            ids=layout.ids,
            texts=tuple((at, at + n) for at, n in zip(layout.starts, layout.lengths, strict=True)),
            start=start,
            end=end,
            sentences=tuple(sentences),
            relevant=float(reading.parts[0].relevant) if alone else None,
            kind=NOTHING if alone else reading.kind,
        )

    def _tokens(self, text: str) -> tuple[list[int], list[Span]]:
        if text not in self.known:
            encoding = self.tokenizer.encode(text, add_special_tokens=False)
            self.known[text] = encoding.ids, encoding.offsets
        return self.known[text]

    def _range(self, text: str, span: Span) -> Span:
        """The tokens that overlap a span of characters."""
        inside = [i for i, (a, b) in enumerate(self._tokens(text)[1]) if a < span[1] and span[0] < b]
        return (inside[0], inside[-1] + 1) if inside else (0, 0)

    def _cut(self, part: Part, room: int, rng: np.random.Generator) -> Span:
        n = len(self._tokens(part.text)[0])
        if n <= room:
            return 0, n
        low, high = self._range(part.text, part.answer) if part.answer else (0, 0)
        first = int(rng.integers(max(0, high - room), min(low, n - room) + 1)) if part.answer else 0
        return first, first + room


def train(
    model: str,
    epoch: Callable[[np.random.Generator], Iterator[Reading]],
    options: Options,
    *,
    start: Path | None,
    report: Report,
    save: Save,
) -> Trained:
    """Train on `epoch`'s readings, drawn anew each time, from `model` or from the file of an earlier training.

    Deterministic but for the order of additions.
    """
    torch.manual_seed(options.seed)
    rng = np.random.default_rng(options.seed)
    network, encode = Network(model), Encoder(model, options)
    if start is not None:
        network.resume(start)
    network.train()
    layers = [p for p in network.encoder.parameters() if p.requires_grad]
    groups = [{"params": layers, "scale": 1}, {"params": network.heads.parameters(), "scale": HEAD_RATE}]
    optimizer = torch.optim.AdamW(groups, lr=options.rate)
    loss, step, steps, started = float("nan"), 0, 0, monotonic()
    for n in range(options.epochs):
        examples = [encode(reading, rng) for reading in epoch(rng)]
        batches = _batches(examples, options.batch, rng)
        if n == 0:
            started, steps = monotonic(), len(batches) * options.epochs
        for batch in batches:
            spent = (monotonic() - started) / 60 / options.minutes if options.minutes else 0.0
            if spent >= 1:
                break
            step += 1
            for group in optimizer.param_groups:
                group["lr"] = options.rate * group["scale"] * pace(min(1.0, max(step / steps, spent)))
            value = _loss(network, batch)
            optimizer.zero_grad()
            value.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(layers, 1.0)
            optimizer.step()
            loss = value.item() if loss != loss else 0.98 * loss + 0.02 * value.item()
            report(step, steps, loss)
            if step % options.every == 0:
                save(Trained(network.difference(), network.head_tensors(), step, monotonic() - started, loss))
    return Trained(network.difference(), network.head_tensors(), step, monotonic() - started, loss)


def _batches(examples: Sequence[Example], size: int, rng: np.random.Generator) -> list[list[Example]]:
    """Batches of examples of similar length, in random order."""
    mixed = rng.random(len(examples))
    order = sorted(range(len(examples)), key=lambda i: (len(examples[i].ids) // 8, mixed[i]))
    batches = [[examples[i] for i in order[at : at + size]] for at in range(0, len(order), size)]
    return [batches[i] for i in rng.permutation(len(batches))]


def padded(rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Ids (b, t), 0 where there are none, and their mask."""
    width = max(map(len, rows))
    ids = torch.tensor([[*row, *[0] * (width - len(row))] for row in rows])
    return ids, torch.arange(width) < torch.tensor([[len(row)] for row in rows])


def _loss(network: Network, batch: Sequence[Example]) -> Tensor:
    ids, mask = padded([example.ids for example in batch])
    out = network(ids, mask)
    allowed = torch.zeros_like(mask)
    allowed[:, 0] = True
    for row, example in enumerate(batch):
        for low, high in example.texts:
            allowed[row, low:high] = True
    span = out["span"].masked_fill(~allowed[:, :, None], float("-inf"))
    losses = {
        "span": _chosen(span[:, :, 0], [e.start for e in batch]) + _chosen(span[:, :, 1], [e.end for e in batch]),
        "kind": _chosen(out["kind"][:, 0], [e.kind for e in batch]),
        "relevant": _judged(out["relevant"][:, 0, 0], [(i, i + 1, e.relevant) for i, e in enumerate(batch)]),
        "fact": _judged(
            out["fact"].flatten(),
            [(i * ids.shape[1] + a, i * ids.shape[1] + b, x) for i, e in enumerate(batch) for a, b, x in e.sentences],
        ),
    }
    return torch.stack([WEIGHTS[name] * loss for name, loss in losses.items()]).sum()


def _chosen(logits: Tensor, targets: Sequence[int]) -> Tensor:
    """Cross entropy over those rows that have a target."""
    wanted = torch.tensor(targets)
    return cross_entropy(logits, wanted, ignore_index=NOTHING) if (wanted != NOTHING).any() else logits.new_zeros(())


def _judged(scores: Tensor, ranges: Sequence[tuple[int, int, float | None]]) -> Tensor:
    """Binary cross entropy of the means of ranges of scores, for those with a label."""
    known = [(a, b, x) for a, b, x in ranges if x is not None]
    if not known:
        return scores.new_zeros(())
    means = torch.stack([scores[a:b].mean() for a, b, _ in known])
    return binary_cross_entropy_with_logits(means, torch.tensor([x for _, _, x in known]))
