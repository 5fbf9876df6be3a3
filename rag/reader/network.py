"""The reader: a small network that finds the span of a passage that answers a question, if it does.

A BERT of its own with four linear heads, run by onnxruntime without torch; token types tell the question from the rest.
One pass over (question, passage) gives answer spans with their scores against "no answer here", the passage's
relevance and the support of each of its sentences; one over (question, several passages) lets them compete for the
answer, and says whether they hold all it needs. Either weighs yes and no. All scores are logits. What it does not do:
it writes nothing, and it knows nothing but what it reads.

Related: BERT on SQuAD 2.0 (arXiv 1810.04805, 1806.03822), shared normalisation (arXiv 1710.10723).
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from itertools import accumulate
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from rag.models.batching import Output, run_batches
from rag.reader.weights import load, special_ids
from rag.text.sentences import sentence_spans
from rag.types import Vectors

SHIPPED = Path(__file__).parent / "weights" / "reader.safetensors"
SINGLE_TOKENS, JOINT_TOKENS = 256, 512  # of an input with one passage, and with several
QUESTION_TOKENS, TITLE_TOKENS = 64, 24  # read of each, at most
MAX_PASSAGES = 5  # of an input
MAX_ANSWER_TOKENS = 24
MAX_SPANS = 3  # of an input
BATCH_TOKENS = 256  # one or two passages; four took 1.7 times as long

_SURROGATES = re.compile("[\ud800-\udfff]")  # which no tokenizer takes
Passage = tuple[str, str]  # title, text


@dataclass(frozen=True, slots=True)
class Span:
    """A span of a passage's text (characters) and its score, start + end, less that of no answer."""

    passage: int
    start: int
    end: int
    score: float


@dataclass(frozen=True, slots=True)
class Layout:
    """Token ids; where each text starts among them, and how many of its tokens are there."""

    ids: tuple[int, ...]
    starts: tuple[int, ...]
    lengths: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ReaderOutput:
    """What the reader says to one input: the best spans, best first; the scores of (span, yes, no); all sentences.

    `relevance` is that of one passage; of several, whether they hold all that the answer needs. `evidence` has every
    sentence, scored by how much it supports the answer.
    """

    spans: tuple[Span, ...]
    relevance: float
    answer_types: tuple[float, ...]
    evidence: tuple[Span, ...]


@dataclass(frozen=True, eq=False)
class ReaderModel:
    """A network ready to run: `body` gives rows of token ids their vectors.

    `heads` are matrices (outputs, hidden) and biases (outputs,) by name.
    """

    tokenizer: Tokenizer
    body: Callable[[Sequence[Sequence[int]]], Iterator[Output]]
    heads: Mapping[str, Vectors]

    def count(self, text: str) -> int:
        """How many tokens a text has."""
        return len(self._tokens(text)[0])

    def count_fitting(self, question: str, passages: Sequence[Passage]) -> int:
        """How many of the passages, in their order, are read at once: MAX_PASSAGES at most, two even if cut."""
        room = JOINT_TOKENS - len(self._tokens(question)[0][:QUESTION_TOKENS]) - 2
        sizes = [
            len(self._tokens(title)[0][:TITLE_TOKENS]) + len(self._tokens(text)[0]) + 2 for title, text in passages
        ]
        return max(2, sum(size <= room for size in accumulate(sizes[:MAX_PASSAGES])))

    def read(self, question: str, inputs: Sequence[Sequence[Passage]]) -> list[ReaderOutput]:
        """Read the question with each input's passages, one or several."""
        question_ids, (cls, sep) = self._tokens(question)[0], special_ids(self.tokenizer)
        layouts = []
        for parts in inputs:
            ids = [(self._tokens(title)[0], self._tokens(text)[0]) for title, text in parts]
            limit = SINGLE_TOKENS if len(parts) == 1 else JOINT_TOKENS
            layouts.append(lay_out(question_ids, ids, cls=cls, sep=sep, limit=limit))
        outputs: dict[int, Mapping[str, Vectors]] = {}
        for batch, hidden, _ in self.body([layout.ids for layout in layouts]):
            for i, vectors in zip(batch, hidden, strict=True):
                outputs[i] = {
                    name: vectors @ self.heads[f"{name}.weight"].T + self.heads[f"{name}.bias"]
                    for name in ("span", "fact", "relevant", "kind")
                }
        return [self._output(parts, layouts[i], outputs[i]) for i, parts in enumerate(inputs)]

    def _output(self, passages: Sequence[Passage], layout: Layout, out: Mapping[str, Vectors]) -> ReaderOutput:
        spans: list[Span] = []
        evidence: list[Span] = []
        nothing = float(out["span"][0].sum())
        for n, (_, text) in enumerate(passages):
            at, length = layout.starts[n], layout.lengths[n]
            offsets = self._tokens(text)[1][:length]
            spans += _spans(n, out["span"][at : at + length], offsets, nothing)
            evidence += _evidence(n, text, out["fact"][at : at + length, 0], offsets)
        spans.sort(key=lambda span: (-span.score, span.passage, span.start))
        best = tuple(spans[: MAX_SPANS + len(passages) - 1])
        answer_types = tuple(float(value) for value in out["kind"][0])
        return ReaderOutput(best, float(out["relevant"][0, 0]), answer_types, tuple(evidence))

    @cached_property
    def _tokens(self) -> Callable[[str], tuple[list[int], list[tuple[int, int]]]]:
        def tokens(text: str) -> tuple[list[int], list[tuple[int, int]]]:
            encoding = self.tokenizer.encode(_SURROGATES.sub("\ufffd", text), add_special_tokens=False)
            return encoding.ids, encoding.offsets

        return lru_cache(256)(tokens)


def lay_out(
    question: Sequence[int], parts: Sequence[tuple[Sequence[int], Sequence[int]]], *, cls: int, sep: int, limit: int
) -> Layout:
    """What the network sees: [CLS] question [SEP] title [SEP] text, and title and text again for each further one.

    At most `limit` token ids; texts too long lose their ends, and one that needs less than its share leaves the rest to
    the others. Training and use lay out tokens by this one function, so that they cannot differ.
    """
    ids = [cls, *question[:QUESTION_TOKENS], sep]
    room = limit - len(ids) - sum(min(len(title), TITLE_TOKENS) + 2 for title, _ in parts)
    starts, lengths = [], []
    for i, (title, text) in enumerate(parts):
        later = [len(other) for _, other in parts[i + 1 :]]
        share = max(room // (len(later) + 1), room - sum(later))
        taken = text[: max(0, share)]
        room -= len(taken)
        ids += [*title[:TITLE_TOKENS], sep]
        starts.append(len(ids))
        lengths.append(len(taken))
        ids += [*taken, sep]
    return Layout(tuple(ids), tuple(starts), tuple(lengths))


@lru_cache(2)
def load_reader(path: Path, *, int8: bool | None = None) -> ReaderModel:
    """The reader in a file of `rag train reader`; `int8` is as in `rag.models.packed`. ModelError for another file."""
    from rag.models.packed import load as load_body
    from rag.models.processor import count_cores

    weights = load(path)
    _, sep = special_ids(weights.tokenizer)
    forward = load_body(weights.body, weights.config, sep=sep, where=path, int8=int8)
    pad_id = int(weights.config.get("pad_token_id") or 0)
    run = partial(run_batches, forward, budget=BATCH_TOKENS, pad_id=pad_id, workers=count_cores())
    return ReaderModel(weights.tokenizer, run, weights.heads)


def _spans(passage: int, scores: Vectors, offsets: Sequence[tuple[int, int]], nothing: float) -> list[Span]:
    """The best spans of a text's tokens, none inside another; scores (tokens, 2) for start and end."""
    n = len(offsets)
    if n == 0:
        return []
    width = min(MAX_ANSWER_TOKENS, n)
    ends = np.full((n, width), -np.inf, np.float32)
    for ahead in range(width):
        ends[: n - ahead, ahead] = scores[ahead:, 1]
    table = scores[:, :1] + ends
    spans: list[Span] = []
    ranges: list[tuple[int, int]] = []
    for flat in np.argsort(-table, axis=None, kind="stable"):
        first, ahead = divmod(int(flat), width)
        last = first + ahead
        if not np.isfinite(table[first, ahead]) or len(spans) == MAX_SPANS:
            break
        if any(a <= last and first <= b for a, b in ranges):
            continue
        ranges.append((first, last))
        spans.append(Span(passage, offsets[first][0], offsets[last][1], float(table[first, ahead]) - nothing))
    return spans


def _evidence(passage: int, text: str, scores: Vectors, offsets: Sequence[tuple[int, int]]) -> list[Span]:
    """Every sentence that was read, with the mean score of its tokens."""
    sentences = []
    starts = np.array([start for start, _ in offsets])
    for start, end in sentence_spans(text):
        inside = (starts >= start) & (starts < end)
        if inside.any():
            sentences.append(Span(passage, start, end, float(scores[inside].mean())))
    return sentences
