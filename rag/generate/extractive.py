"""Answers without a language model: the sentences of the hits that support the question best, quoted word for word.

Every statement is a sentence of a hit in quotation marks with its marker, so a reader sees that nothing was written:
the answer's level is "evidence".
Sentences are chosen greedily, as a set, by how well together they cover the question: in vector space (the cosine of
the question and the sum of their vectors, each embedded behind its title) and in words (the question's words that
they hold, weighted by rarity among all candidates). A sentence gains beside one of a hit that it mentions, so that a
chain is quoted whole. Only the candidates best by words are embedded. Nothing is said when even the best sentence
scores below the threshold. What it does not do: it composes nothing, and it cannot tell a passage about the right
thing from one that holds the answer.

Constants and threshold were chosen on 300 questions of squad and 150 of 2wikimultihopqa: the quotes hold the answer
for 82 % and 49 % of them (the texts of the hits do for 94 % and 88 %); the threshold lets 95 % and 100 % of them
pass, and silences 88 % of the questions about something else, 28 % and 33 % of those whose passages are missing, but
only 9 % of squad's adversarial ones.
"""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rag.errors import ConfigError
from rag.stages import Embedder, component
from rag.text.identifiers import find_identifiers, is_of_another
from rag.text.mentions import mentions
from rag.text.quotes import put_on_line, quote
from rag.text.sentences import ENDED, sentence_spans
from rag.text.words import tokens
from rag.types import Hit, Vector, Vectors

Weights: TypeAlias = NDArray[np.float64]

MAX_HITS, MAX_SENTENCES = 10, 10  # hits, and sentences of each, that are candidates
MAX_EMBEDDED = 16  # candidates embedded; embedding all of them found no more answers
VECTORS = 0.6  # the cosine's share of a score; the rest is words
TITLE = 0.3  # what a question word counts when only the title holds it
RANK = 0.1  # what the first hit's place is worth; the n-th hit's, an n-th of it
LINK = 0.12  # what a mention and a sentence of the hit it names are worth to each other
GAIN = 0.02  # what a further sentence must add
MIN_WORDS = 3  # words; a shorter line without an end is a heading or a label


@dataclass(frozen=True, slots=True)
class CandidateSentence:
    """A sentence of the hit that `marker` names, on one line; `frame` is what stands above it: title and headings."""

    text: str
    marker: int
    frame: str


@component
class ExtractiveGenerator:
    """Quotes the sentences that together cover the question best."""

    embedder: Embedder
    sentences: Annotated[int, Field(ge=1, description="Most sentences of an answer.")] = 3
    threshold: Annotated[float, Field(description="Least score (0 to about 1.1) of the best sentence.")] = 0.45

    def stream(self, question: str, hits: Sequence[Hit]) -> Iterator[str]:
        """One line per sentence, in the order of choice: “Sentence.” [n]"""
        asked = find_identifiers(question)
        candidates = [
            one
            for one in _find_candidates(hits)
            if not is_of_another(asked, one.text, f"{one.frame}\n{hits[one.marker - 1].chunk.text}")
        ]
        if not candidates:
            return
        cover, links = _cover(question, candidates), _links(candidates, hits)
        rank = np.array([RANK / candidate.marker for candidate in candidates])
        best = np.argsort(-(cover.sum(1) + rank + links.max(1)), kind="stable")[:MAX_EMBEDDED]
        candidates = [candidates[i] for i in best]
        vectors, query = self._embed(question, candidates)
        for i in self._pick(vectors, query, cover[best], rank[best], links[np.ix_(best, best)]):
            yield f"{quote(candidates[i].text)} [{candidates[i].marker}]\n"

    def _embed(self, question: str, candidates: Sequence[CandidateSentence]) -> tuple[Vectors, Vector]:
        """Unit vectors of the candidates (n, dim) and of the question (dim,)."""
        texts = [f"{c.frame}: {c.text}" if c.frame else c.text for c in candidates]
        dense = self.embedder.embed_queries([*texts, question]).dense
        if dense is None:
            raise ConfigError("generate: `extractive` needs an `embed` stage with dense vectors.")
        return dense[:-1], dense[-1]

    def _pick(self, vectors: Vectors, query: Vector, cover: Weights, rank: Weights, links: Weights) -> list[int]:
        """Indexes of the quoted sentences; each is the one that lifts the score of the whole set most."""
        quotes: list[int] = []
        total = np.zeros_like(query)  # the sum of their vectors
        coverage = np.zeros(cover.shape[1])
        bonus = np.zeros(len(vectors))
        score = 0.0
        while len(quotes) < min(self.sentences, len(vectors)):
            sums = total + vectors
            near = sums @ query / np.maximum(np.linalg.norm(sums, axis=1), 1e-9)
            words = np.maximum(coverage, cover).sum(1)
            place = (rank[quotes].sum() + rank) / (len(quotes) + 1)
            scores = VECTORS * near + (1 - VECTORS) * words + place + bonus
            scores[quotes] = -np.inf
            best = int(scores.argmax())
            if scores[best] < (score + GAIN if quotes else self.threshold):
                break
            score, total, coverage = float(scores[best]), sums[best], np.maximum(coverage, cover[best])
            bonus = np.maximum(bonus, links[best])
            quotes.append(best)
        return quotes


def _find_candidates(hits: Sequence[Hit]) -> list[CandidateSentence]:
    """The sentences of the first hits, without headings, footnote marks and sentences that say next to nothing."""
    candidates = []
    for marker, hit in enumerate(hits[:MAX_HITS], 1):
        headings = {hit.chunk.title, *(section.label.rpartition(" > ")[2] for section in hit.chunk.sections)}
        for start, end in sentence_spans(hit.chunk.text)[:MAX_SENTENCES]:
            text = put_on_line(hit.chunk.text[start:end])
            if text.lstrip("# ") not in headings and len(tokens(text)) > (1 if ENDED.search(text) else MIN_WORDS):
                candidates.append(CandidateSentence(text, marker, hit.chunk.heading))
    return candidates


def _cover(question: str, candidates: Sequence[CandidateSentence]) -> Weights:
    """How much of each of the question's words a candidate holds, times the word's weight: (candidates, words)."""
    words = list(dict.fromkeys(_stems(question)))
    sentences = [set(_stems(candidate.text)) for candidate in candidates]
    frames = {candidate.frame: set(_stems(candidate.frame)) for candidate in candidates}
    counts = Counter(stem for sentence in sentences for stem in sentence)
    weights = np.array([math.log(1 + len(sentences) / (1 + counts[word])) for word in words])
    shares = [
        [1.0 if word in sentence else TITLE * (word in frames[candidate.frame]) for word in words]
        for sentence, candidate in zip(sentences, candidates, strict=True)
    ]
    cover: Weights = np.array(shares) * weights / max(weights.sum(), 1e-9)
    return cover


def _stems(text: str) -> list[str]:
    return [token.stem for token in tokens(text)]


def _links(candidates: Sequence[CandidateSentence], hits: Sequence[Hit]) -> Weights:
    """LINK between a sentence that mentions what another hit is about and the sentences of that hit."""
    links = np.zeros((len(candidates), len(candidates)))
    markers = np.array([candidate.marker for candidate in candidates])
    about = [set(hit.chunk.about) for hit in hits[:MAX_HITS]]
    for i, candidate in enumerate(candidates):
        keys = set(mentions(candidate.text)) - about[candidate.marker - 1]
        for marker, own in enumerate(about, 1):
            if marker != candidate.marker and not keys.isdisjoint(own):
                links[i, markers == marker] = links[markers == marker, i] = LINK
    return links
