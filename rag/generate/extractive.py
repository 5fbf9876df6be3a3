"""Answers without a language model: the sentences of the hits that support the question best, quoted word for word.

Every statement is a verbatim sentence in quotation marks with its marker, so a reader sees that nothing was written.
Sentences are picked greedily, as a set, by how well together they cover the question: in vector space (the cosine of
the question and the sum of the picked sentences' vectors, each embedded behind its title) and in words (the
question's words they hold, weighted by rarity among all candidates). A sentence that mentions what a hop led to is
worth more beside the sentences found there, so that a chain is quoted whole. Only the candidates that are best by
words are embedded. Nothing is said when even the best sentence scores below the threshold. What it does not do: it
composes nothing, and it cannot tell a passage about the right thing from one that holds the answer.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from rag.citations import MARKER
from rag.links import mentions
from rag.sentences import sentence_spans
from rag.stages import Embedder, component
from rag.types import Hit, Vectors
from rag.words import tokens

HITS, LONGEST = 10, 10  # hits read, and sentences of each
EMBEDDED = 16  # candidates embedded: on 150 questions of squad, as good as all of them
VECTORS = 0.7  # the cosine's share of a score; the rest is words
TITLE = 0.5  # what a question word counts when only the title holds it
RANK = 0.1  # what the first hit's place is worth; the n-th hit's, an n-th of it
LINK = 0.1  # what a mention is worth beside a sentence that it led to
GAIN = 0.02  # what a further sentence must add


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sentence of the hit that `marker` names."""

    text: str
    marker: int
    title: str


@component
class Extractive:
    """Quotes at most `sentences` sentences; none when the best one's score (0 to about 1) is below `threshold`."""

    embedder: Embedder
    sentences: int = 3
    threshold: float = 0.4

    def stream(self, question: str, hits: Sequence[Hit]) -> Iterator[str]:
        """One line per sentence: “Sentence.” [n]"""
        candidates = list(_candidates(hits))
        cover = _cover(question, candidates)  # (candidates, words of the question)
        links = _links(candidates, hits)  # (candidates, candidates)
        rank = np.array([RANK / candidate.marker for candidate in candidates])
        best = np.argsort(-(cover.sum(1) + rank + links.any(1) * LINK), kind="stable")[:EMBEDDED]
        kept = [candidates[i] for i in best]
        near = self._vectors(question, kept)
        for i in self._pick(near, cover[best], rank[best], links[np.ix_(best, best)]):
            yield f"“{kept[i].text}” [{kept[i].marker}]\n"
