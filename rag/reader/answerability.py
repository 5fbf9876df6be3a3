"""Whether passages together answer a question, judged by what of the question they leave without a counterpart.

Decomposable attention (arXiv 1606.01933) over token vectors of the bundled network as it is: each token of the question
is aligned with the most similar token of all passages, and with that of their best sentences; it is compared with both,
and the comparisons are aggregated. The network that reads question and passage together remembers the articles it was
trained on; these few ten thousand weights cannot. The two err differently, so that the confidence has both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag.errors import ModelError
from rag.models.encoder import TextEncoder
from rag.models.pooling import normalize
from rag.reader.network import AT_ONCE, Passage
from rag.reader.weights import load
from rag.text.sentences import sentence_spans
from rag.types import Vectors

LONGEST = 384  # tokens read of a passage, special ones included
QUESTION = 64  # tokens judged of a question
FEATURES = 6  # numbers of a token beside its vectors
SCALE = 6.0  # what unit vectors are multiplied by ahead of the projections
COUNT = 0.1  # what the sum over a question's tokens is multiplied by
NEAR = 3  # tokens of the passages whose mean similarity is taken

Tensors = Mapping[str, Vectors]


@dataclass(frozen=True, slots=True, eq=False)
class EncodedText:
    """A text's token vectors (tokens, width) of unit length, its token ids, and the indexes of each sentence's."""

    vectors: Vectors
    ids: NDArray[np.int64]
    sentences: tuple[NDArray[np.intp], ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Aligned:
    """Each token of a question beside its counterparts, (tokens, 3, width), and its FEATURES."""

    vectors: Vectors
    features: Vectors


@dataclass(frozen=True, eq=False)
class Judge:
    """An encoder, and the weights of several networks that vote."""

    encoder: TextEncoder
    networks: Sequence[Tensors]

    def __call__(self, question: str, passages: Sequence[Passage]) -> float:
        """How likely the passages together answer the question, as a logit: the mean of the votes."""
        asked, *found = texts(self.encoder, [("", question), *passages])
        aligned = align(asked, found)
        return sum(logit(network, aligned) for network in self.networks) / len(self.networks)


@lru_cache(2)
def opened(path: Path) -> Judge:
    """The judge in a file of `rag train reader`. Raises ModelError for a file without one."""
    from rag.models.onnx_backend import text_encoder
    from rag.models.spec import read

    weights = load(path)
    networks = weights.judges
    if not networks:
        raise ModelError(f"{path}: has no weights to judge an answer with; train it again.")
    spec = replace(read(weights.facts["model"]), max_tokens=LONGEST)
    return Judge(text_encoder(spec, batch_tokens=AT_ONCE), networks)


def texts(encoder: TextEncoder, passages: Sequence[Passage]) -> list[EncodedText]:
    """Titles and texts, each pair as one, in tokens; a title belongs to no sentence."""
    heads = [f"{title}\n" if title else "" for title, _ in passages]
    encodings = encoder.tokenize([head + text for head, (_, text) in zip(heads, passages, strict=True)])
    for encoding in encodings:
        encoding.truncate(LONGEST)
    found: dict[int, EncodedText] = {}
    for batch, hidden, mask in encoder.hidden([encoding.ids for encoding in encodings]):
        for i, vectors, real in zip(batch, hidden, mask, strict=True):
            inner = np.array(encodings[i].special_tokens_mask) == 0
            starts = np.array(encodings[i].offsets).reshape(-1, 2)[inner, 0] - len(heads[i])
            spans = [np.flatnonzero((starts >= a) & (starts < b)) for a, b in sentence_spans(passages[i][1])]
            ids = np.array(encodings[i].ids, np.int64)[inner]
            found[i] = EncodedText(normalize(vectors[real][inner]), ids, tuple(span for span in spans if len(span)))
    return [found[i] for i in range(len(passages))]


def align(question: EncodedText, passages: Sequence[EncodedText]) -> Aligned:
    """The question's tokens with their counterparts in all passages, and in the best sentence of each."""
    asked, ids = question.vectors[:QUESTION], question.ids[:QUESTION]
    if not len(ids) or not any(len(text.ids) for text in passages):
        width = question.vectors.shape[1]
        return Aligned(np.zeros((1, 3, width), np.float32), np.zeros((1, FEATURES), np.float32))
    vectors, said = np.concatenate([t.vectors for t in passages]), np.concatenate([t.ids for t in passages])
    near = asked @ vectors.T
    starts = np.cumsum([0, *(len(text.ids) for text in passages)])
    groups = [[start + span for span in text.sentences] for start, text in zip(starts, passages, strict=False)]
    best = [max(spans, key=lambda span: float(near[:, span].max(1).sum())) for spans in groups if spans]
    inside = np.concatenate(best) if best else np.arange(len(said))
    first, second, rows = near.argmax(1), inside[near[:, inside].argmax(1)], np.arange(len(ids))
    features = [
        near[rows, first],
        near[rows, second],
        np.isin(ids, said),
        np.isin(ids, said[inside]),
        ids == said[first],
        np.sort(near, axis=1)[:, -NEAR:].mean(1),
    ]
    return Aligned(np.stack([asked, vectors[first], vectors[second]], 1), np.stack(features, 1).astype(np.float32))


def logit(network: Tensors, aligned: Aligned) -> float:
    """What one network says of it: align, compare, aggregate."""
    asked, first, second = (np.float32(SCALE) * aligned.vectors[:, i] for i in range(3))
    own, unlike, apart = (network[f"{name}.weight"].T for name in ("own", "unlike", "apart"))
    parts = [asked @ own, (asked - first) @ unlike, (asked - second) @ unlike]
    parts += [np.abs((asked - first) @ apart), np.abs((asked - second) @ apart)]
    hidden = np.concatenate([aligned.features, *parts], 1)
    for name in ("compare", "deeper"):
        hidden = np.maximum(hidden @ network[f"{name}.weight"].T + network[f"{name}.bias"], 0)
    whole = np.concatenate([hidden.max(0), COUNT * hidden.sum(0)])
    whole = np.maximum(network["gather.weight"] @ whole + network["gather.bias"], 0)
    return float(network["say.weight"][0] @ whole + network["say.bias"][0])
