"""Whether passages together answer a question, by what of the question they leave without a counterpart.

Decomposable attention (arXiv 1606.01933) over token vectors of the bundled network as it is: each token of the question
is aligned with the most similar token of all passages, and with that of their best sentences; it is compared with both,
and the comparisons are aggregated. The network that reads question and passage together remembers the articles it was
trained on; these few ten thousand weights cannot. The two err differently, so that the confidence has both.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag.errors import ModelError
from rag.models.encoder import TextEncoder
from rag.models.files import BUNDLED
from rag.models.pooling import normalize
from rag.reader.network import BATCH_TOKENS, Passage
from rag.reader.weights import load
from rag.text.sentences import sentence_spans
from rag.types import Vectors

PASSAGE_TOKENS = 384  # read of a passage, special ones included
QUESTION_TOKENS = 64  # compared of a question
FEATURES = 6  # numbers of a token beside its vectors
SCALE = 6.0  # what unit vectors are multiplied by ahead of the projections
SUM_SCALE = 0.1  # what the sum over a question's tokens is multiplied by
NEAREST = 3  # tokens of the passages whose mean similarity is taken

Tensors = Mapping[str, Vectors]


@dataclass(frozen=True, slots=True, eq=False)
class EncodedText:
    """A text's token vectors (tokens, width) of unit length, its token ids, and the indexes of each sentence's."""

    vectors: Vectors
    ids: NDArray[np.int64]
    sentences: tuple[NDArray[np.intp], ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Alignment:
    """Each token of a question beside its counterparts, (tokens, 3, width), and its FEATURES."""

    vectors: Vectors
    features: Vectors


@dataclass(frozen=True, eq=False)
class AnswerabilityModel:
    """An encoder, and the weights of several networks that vote."""

    encoder: TextEncoder
    networks: Sequence[Tensors]

    def logit(self, question: str, passages: Sequence[Passage]) -> float:
        """How likely the passages together answer the question: the mean of the votes."""
        first, *others = encode(self.encoder, [("", question), *passages])
        alignment = align(first, others)
        return sum(forward(network, alignment) for network in self.networks) / len(self.networks)


@lru_cache(2)
def load_answerability(path: Path) -> AnswerabilityModel:
    """The model in a file of `rag train reader`. Raises ModelError for a file without one."""
    from rag.models.onnx_backend import text_encoder
    from rag.models.processor import has_fast_int8
    from rag.models.spec import read

    weights = load(path)
    networks = weights.answerability
    if not networks:
        raise ModelError(f"{path}: has no weights of answerability; train it again.")
    spec = read(BUNDLED)
    if weights.facts.get("embedder") != spec.fingerprint():
        raise ModelError(f"{path}: its answerability is for another version of the bundled model; train it again.")
    spec = replace(spec, max_tokens=PASSAGE_TOKENS)
    return AnswerabilityModel(text_encoder(spec, batch_tokens=BATCH_TOKENS, int8=has_fast_int8()), networks)


def encode(encoder: TextEncoder, passages: Sequence[Passage]) -> list[EncodedText]:
    """Titles and texts, each pair as one, in tokens; a title belongs to no sentence."""
    heads = [f"{title}\n" if title else "" for title, _ in passages]
    encodings = encoder.tokenize([head + text for head, (_, text) in zip(heads, passages, strict=True)])
    for encoding in encodings:
        encoding.truncate(PASSAGE_TOKENS)
    texts: dict[int, EncodedText] = {}
    for batch, hidden, mask in encoder.hidden([encoding.ids for encoding in encodings]):
        for i, vectors, real in zip(batch, hidden, mask, strict=True):
            inner = np.array(encodings[i].special_tokens_mask) == 0
            starts = np.array(encodings[i].offsets).reshape(-1, 2)[inner, 0] - len(heads[i])
            spans = [np.flatnonzero((starts >= a) & (starts < b)) for a, b in sentence_spans(passages[i][1])]
            ids = np.array(encodings[i].ids, np.int64)[inner]
            texts[i] = EncodedText(normalize(vectors[real][inner]), ids, tuple(span for span in spans if len(span)))
    return [texts[i] for i in range(len(passages))]


def align(question: EncodedText, passages: Sequence[EncodedText]) -> Alignment:
    """The question's tokens with their counterparts in all passages, and in the best sentence of each."""
    own, ids = question.vectors[:QUESTION_TOKENS], question.ids[:QUESTION_TOKENS]
    if not len(ids) or not any(len(text.ids) for text in passages):
        width = question.vectors.shape[1]
        return Alignment(np.zeros((1, 3, width), np.float32), np.zeros((1, FEATURES), np.float32))
    vectors, passage_ids = np.concatenate([t.vectors for t in passages]), np.concatenate([t.ids for t in passages])
    similarity = own @ vectors.T
    starts = np.cumsum([0, *(len(text.ids) for text in passages)])
    groups = [[start + span for span in text.sentences] for start, text in zip(starts, passages, strict=False)]
    best = [max(spans, key=lambda span: float(similarity[:, span].max(1).sum())) for spans in groups if spans]
    inside = np.concatenate(best) if best else np.arange(len(passage_ids))
    first, second = similarity.argmax(1), inside[similarity[:, inside].argmax(1)]
    rows = np.arange(len(ids))
    features = [
        similarity[rows, first],
        similarity[rows, second],
        np.isin(ids, passage_ids),
        np.isin(ids, passage_ids[inside]),
        ids == passage_ids[first],
        np.sort(similarity, axis=1)[:, -NEAREST:].mean(1),
    ]
    return Alignment(np.stack([own, vectors[first], vectors[second]], 1), np.stack(features, 1).astype(np.float32))


def forward(network: Tensors, alignment: Alignment) -> float:
    """The logit of one network: compare, aggregate, classify."""
    token, first, second = (np.float32(SCALE) * alignment.vectors[:, i] for i in range(3))
    own, unlike, apart = (network[f"{name}.weight"].T for name in ("own", "unlike", "apart"))
    parts = [token @ own, (token - first) @ unlike, (token - second) @ unlike]
    parts += [np.abs((token - first) @ apart), np.abs((token - second) @ apart)]
    hidden = np.concatenate([alignment.features, *parts], 1)
    for name in ("compare", "deeper"):
        hidden = np.maximum(hidden @ network[f"{name}.weight"].T + network[f"{name}.bias"], 0)
    pooled = np.concatenate([hidden.max(0), SUM_SCALE * hidden.sum(0)])
    pooled = np.maximum(network["gather.weight"] @ pooled + network["gather.bias"], 0)
    return float(network["say.weight"][0] @ pooled + network["say.bias"][0])
