"""What the reader's network is trained on: inputs in tokens, and batches of them as tensors."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor

from rag.models.batching import pad
from rag.models.packed import token_types
from rag.reader.network import JOINT_TOKENS, QUESTION_TOKENS, SINGLE_TOKENS, TITLE_TOKENS, lay_out
from rag.reader.weights import special_ids
from rag.text.sentences import sentence_spans
from rag.train.reader.inputs import ReaderInput
from rag.train.reader.questions import ReaderPassage, Span

NO_TARGET = -100  # no target
LENGTH_STEP = 8  # tokens by which lengths are told apart
MOST_ROWS = 32  # of a batch


@dataclass(frozen=True, slots=True)
class ReaderExample:
    """An input in tokens. `sentences` are token ranges with whether they support the answer, where that is known."""

    ids: tuple[int, ...]
    texts: tuple[Span, ...]
    start: int
    end: int
    sentences: tuple[tuple[int, int, bool], ...]
    relevant: bool
    answer_type: int


@dataclass(frozen=True, slots=True, eq=False)
class TokenizedText:
    """A text in tokens: their ids, where each starts and ends, and sentences as characters and as tokens."""

    ids: tuple[int, ...]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    sentences: tuple[tuple[Span, Span], ...]

    def range(self, span: Span) -> Span:
        """The tokens that overlap a span of characters."""
        return int(np.searchsorted(self.ends, span[0], "right")), int(np.searchsorted(self.starts, span[1], "left"))


class InputEncoder:
    """Inputs to examples. Texts longer than their room are cut around what is to be found, at random."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self.cls, self.sep = special_ids(tokenizer)
        self.known: dict[str, TokenizedText] = {}

    def __call__(self, given: ReaderInput, rng: np.random.Generator) -> ReaderExample:
        alone = len(given.passages) == 1
        question = self._text(given.question).ids
        limit = SINGLE_TOKENS if alone else JOINT_TOKENS
        room = limit - len(question[:QUESTION_TOKENS]) - 2
        passages = self._fitting(given.passages, room)
        share = max(1, room // len(passages) - TITLE_TOKENS - 2)
        texts = [self._text(passage.text) for passage in passages]
        firsts = [_cut(text, passage.answer, share, rng) for passage, text in zip(passages, texts, strict=True)]
        layout = lay_out(
            question,
            [(self._text(p.title).ids, text.ids[n:]) for p, text, n in zip(passages, texts, firsts, strict=True)],
            cls=self.cls,
            sep=self.sep,
            limit=limit,
        )
        start = end = NO_TARGET if given.answer_type else 0
        sentences: list[tuple[int, int, bool]] = []
        for passage, text, first, at, n in zip(passages, texts, firsts, layout.starts, layout.lengths, strict=True):
            if passage.answer and not given.answer_type:
                low, high = text.range(passage.answer)
                if first <= low < high <= first + n:
                    start, end = at + low - first, at + high - 1 - first
            if passage.evidence or not passage.relevant:
                for span, (low, high) in text.sentences:
                    low, high = max(low, first), min(high, first + n)
                    if low < high:
                        supports = any(a < span[1] and span[0] < b for a, b in passage.evidence)
                        sentences.append((at + low - first, at + high - first, supports))
        return ReaderExample(
            ids=layout.ids,
            texts=tuple((at, at + n) for at, n in zip(layout.starts, layout.lengths, strict=True)),
            start=start,
            end=end,
            sentences=tuple(sentences),
            relevant=passages[0].relevant if alone else given.complete,
            answer_type=given.answer_type,
        )

    def _fitting(self, passages: Sequence[ReaderPassage], room: int) -> list[ReaderPassage]:
        """Passages without those that distract where all are too long together; two stay."""
        kept, spare = list(passages), [passage for passage in passages if not passage.relevant]
        while len(kept) > 2 and spare and sum(len(self._text(p.text).ids) + TITLE_TOKENS + 2 for p in kept) > room:
            kept.remove(spare.pop())
        return kept

    def _text(self, text: str) -> TokenizedText:
        if text not in self.known:
            encoding = self.tokenizer.encode(text, add_special_tokens=False)
            offsets = np.array(encoding.offsets, np.int64).reshape(-1, 2)
            bare = TokenizedText(tuple(encoding.ids), offsets[:, 0], offsets[:, 1], ())
            self.known[text] = replace(bare, sentences=tuple((s, bare.range(s)) for s in sentence_spans(text)))
        return self.known[text]


def _cut(text: TokenizedText, answer: Span | None, share: int, rng: np.random.Generator) -> int:
    """The first token that is read of a text: where it is too long for its share, one that leaves the answer in."""
    n = len(text.ids)
    if n <= share or not answer:
        return 0
    low, high = text.range(answer)
    latest = max(0, min(low, n - share))
    return int(rng.integers(min(latest, max(0, high - share)), latest + 1))


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Examples as tensors, (b, t): ids, mask, token types, which tokens a span may hold, each one's sentence or -1.

    `supports` says which sentences do, `relevant`, `start`, `end` and `answer_type` are (b,).
    """

    ids: Tensor
    mask: Tensor
    kinds: Tensor
    allowed: Tensor
    sentence: Tensor
    supports: Tensor
    relevant: Tensor
    start: Tensor
    end: Tensor
    answer_type: Tensor

    @classmethod
    def of(cls, examples: Sequence[ReaderExample], device: str, sep: int) -> Self:
        arrays = pad([example.ids for example in examples], 0)
        ids, mask, kinds = map(torch.from_numpy, (*arrays, token_types(*arrays, sep)))
        allowed, sentence = torch.zeros_like(mask), torch.full_like(ids, -1)
        allowed[:, 0] = True
        supports: list[bool] = []
        for row, example in enumerate(examples):
            for low, high in example.texts:
                allowed[row, low:high] = True
            for low, high, support in example.sentences:
                sentence[row, low:high] = len(supports)
                supports.append(support)
        names = ("relevant", "start", "end", "answer_type")
        columns = (torch.tensor([getattr(example, name) for example in examples]) for name in names)
        return cls(*(one.to(device) for one in (ids, mask, kinds, allowed, sentence, torch.tensor(supports), *columns)))


def batches(examples: Sequence[ReaderExample], tokens: int, rng: np.random.Generator) -> list[list[ReaderExample]]:
    """Batches of examples of similar length, at most so many `tokens` with padding, in random order."""
    mixed = rng.random(len(examples))
    lengths = [len(example.ids) for example in examples]
    batches: list[list[ReaderExample]] = []
    longest = 0
    for i in sorted(range(len(examples)), key=lambda i: (lengths[i] // LENGTH_STEP, mixed[i])):
        longest = max(longest, lengths[i])
        if not batches or len(batches[-1]) == MOST_ROWS or (len(batches[-1]) + 1) * longest > tokens:
            batches.append([])
            longest = lengths[i]
        batches[-1].append(examples[i])
    return [batches[i] for i in rng.permutation(len(batches))]
