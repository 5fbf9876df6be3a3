"""Answers without a language model: the sentences of the hits that support the question best, quoted word for word.

Every statement is a sentence of a hit in quotation marks with its marker, so a reader sees that nothing was written.
Sentences are picked greedily, as a set, by how well together they cover the question: in vector space (the cosine of
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

from __future__ import annotations

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
from rag.text.mentions import mentions
from rag.text.sentences import ENDED, sentence_spans
from rag.text.words import MARKER, tokens
from rag.types import Hit, Vector, Vectors

Weights: TypeAlias = NDArray[np.float64]

HITS, LONGEST = 10, 10  # hits read, and sentences of each
EMBEDDED = 16  # candidates embedded; embedding all of them found no more answers
VECTORS = 0.6  # the cosine's share of a score; the rest is words
TITLE = 0.3  # what a question word counts when only the title holds it
RANK = 0.1  # what the first hit's place is worth; the n-th hit's, an n-th of it
LINK = 0.12  # what a mention and a sentence of the hit it names are worth to each other
GAIN = 0.02  # what a further sentence must add
FRAGMENT = 3  # words; a shorter line without an end is a heading or a label


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
    sentences: Annotated[int, Field(description="Most sentences of an answer.")] = 3
    threshold: Annotated[
        float, Field(description="Least score (0 to about 1.1) of the best sentence; below it, nothing is said.")
    ] = 0.45

    def stream(self, question: str, hits: Sequence[Hit]) -> Iterator[str]:
        """One line per sentence, in the order they were picked: “Sentence.” [n]"""
        candidates = _candidates(hits)
        if not candidates:
            return
        cover, links = _cover(question, candidates), _links(candidates, hits)
        rank = np.array([RANK / candidate.marker for candidate in candidates])
        first = np.argsort(-(cover.sum(1) + rank + links.max(1)), kind="stable")[:EMBEDDED]
        kept = [candidates[i] for i in first]
        vectors, query = self._embed(question, kept)
        for i in self._pick(vectors, query, cover[first], rank[first], links[np.ix_(first, first)]):
            yield f"“{kept[i].text}” [{kept[i].marker}]\n"

    def _embed(self, question: str, candidates: Sequence[CandidateSentence]) -> tuple[Vectors, Vector]:
        """Unit vectors of the candidates (n, dim) and of the question (dim,)."""
        texts = [f"{c.frame}: {c.text}" if c.frame else c.text for c in candidates]
        dense = self.embedder.embed_queries([*texts, question]).dense
        if dense is None:
            raise ConfigError("generate: `extractive` needs an `embed` stage with dense vectors.")
        return dense[:-1], dense[-1]

    def _pick(self, vectors: Vectors, query: Vector, cover: Weights, rank: Weights, links: Weights) -> list[int]:
        """Indexes of the picked sentences; each is the one that lifts the score of the whole set most."""
        picked: list[int] = []
        total = np.zeros_like(query)  # the sum of the picked vectors
        covered = np.zeros(cover.shape[1])
        bonus = np.zeros(len(vectors))
        score = 0.0
        while len(picked) < min(self.sentences, len(vectors)):
            sums = total + vectors
            near = sums @ query / np.maximum(np.linalg.norm(sums, axis=1), 1e-9)
            words = np.maximum(covered, cover).sum(1)
            place = (rank[picked].sum() + rank) / (len(picked) + 1)
            scores = VECTORS * near + (1 - VECTORS) * words + place + bonus
            scores[picked] = -np.inf
            best = int(scores.argmax())
            if scores[best] < (score + GAIN if picked else self.threshold):
                break
            score, total, covered = float(scores[best]), sums[best], np.maximum(covered, cover[best])
            bonus = np.maximum(bonus, links[best])
            picked.append(best)
        return picked


def _candidates(hits: Sequence[Hit]) -> list[CandidateSentence]:
    """The sentences of the first hits, without headings, footnote marks and sentences that say next to nothing."""
    found = []
    for marker, hit in enumerate(hits[:HITS], 1):
        frame = " ".join((hit.chunk.context or hit.chunk.title).split())
        headings = {hit.chunk.title, *(section.label.rpartition(" > ")[2] for section in hit.chunk.sections)}
        for start, end in sentence_spans(hit.chunk.text)[:LONGEST]:
            text = " ".join(MARKER.sub("", hit.chunk.text[start:end]).split())
            if text.lstrip("# ") not in headings and len(tokens(text)) > (1 if ENDED.search(text) else FRAGMENT):
                found.append(CandidateSentence(text, marker, frame))
    return found


def _cover(question: str, candidates: Sequence[CandidateSentence]) -> Weights:
    """How much of each of the question's words a candidate holds, times the word's weight: (candidates, words)."""
    asked = list(dict.fromkeys(_stems(question)))
    said = [set(_stems(candidate.text)) for candidate in candidates]
    framed = {candidate.frame: set(_stems(candidate.frame)) for candidate in candidates}
    holders = Counter(stem for stems in said for stem in stems)
    weights = np.array([math.log(1 + len(said) / (1 + holders[stem])) for stem in asked])
    held = [
        [1.0 if stem in stems else TITLE * (stem in framed[candidate.frame]) for stem in asked]
        for stems, candidate in zip(said, candidates, strict=True)
    ]
    cover: Weights = np.array(held) * weights / max(weights.sum(), 1e-9)
    return cover


def _stems(text: str) -> list[str]:
    return [token.stem for token in tokens(text)]


def _links(candidates: Sequence[CandidateSentence], hits: Sequence[Hit]) -> Weights:
    """LINK between a sentence that mentions what another hit is about and the sentences of that hit."""
    links = np.zeros((len(candidates), len(candidates)))
    of = np.array([candidate.marker for candidate in candidates])
    about = [set(hit.chunk.about) for hit in hits[:HITS]]
    for i, candidate in enumerate(candidates):
        mentioned = set(mentions(candidate.text)) - about[candidate.marker - 1]
        for marker, keys in enumerate(about, 1):
            if marker != candidate.marker and not mentioned.isdisjoint(keys):
                links[i, of == marker] = links[of == marker, i] = LINK
    return links
