"""Every answer the passages may hold, as a row of numbers: what a choice and a confidence are made from.

All passages are read alone; the best then together, as many as fit into one input, so that they compete. A question
that asks for yes or no (by its first word) has these two as its candidates, from the latter; a span would be no answer.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rag.reader.network import Passage, Reader, Reading, Span
from rag.text.words import Token, tokens

FEATURES = ("margin", "relevant", "joint", "read", "lead", "agree", "place", "fact", "words", "named")
CLOSED = ("decided", "against span", "whole", "relevant")
RELEVANT = -3.0  # least relevance of a passage that may support an answer: F1 near the best on HotpotQA dev
LOWEST = -10.0  # a score that was not taken, or lower
_POLAR = re.compile(
    r"(?:is|are|was|were|am|do|does|did|has|have|had|can|could|will|would|shall|should|may|might|must)\b(?!.*\bor\b)",
    re.IGNORECASE,
)
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Candidate:
    """An answer: a span of a passage, or (`closed`) "yes" or "no" from several; `values` are its features.

    `documents` is how many have a span's words, its own and others, in passages that are `RELEVANT`.
    """

    text: str
    span: Span
    closed: bool
    values: tuple[float, ...]
    documents: int = 1


@dataclass(frozen=True, slots=True)
class Read:
    """The candidates, and what each passage said when read alone."""

    candidates: tuple[Candidate, ...]
    alone: tuple[Reading, ...]


def polar(question: str) -> bool:
    """Whether a question asks for yes or no, by its form."""
    return bool(_POLAR.match(question.strip()))


def key(text: str) -> str:
    """An answer without case, articles and punctuation, to see whether two are the same."""
    return " ".join(word for word in _WORD.findall(text.lower()) if word not in {"a", "an", "the"})


def candidates(
    question: str, passages: Sequence[Passage], reader: Reader, documents: Sequence[str] | None = None
) -> Read:
    """All candidates of some passages, which stand best first.

    `documents` names the one that each passage is of; its title, unless given.
    """
    if not passages:
        return Read((), ())
    alone = reader.read(question, [[passage] for passage in passages])
    strength = [reading.relevant for reading in alone]
    if not polar(question):
        strength = [(r.spans[0].score if r.spans else LOWEST) + r.relevant for r in alone]
    order = [int(i) for i in np.argsort(-np.array(strength), kind="stable")]
    best = sorted(order[: reader.fitting(question, [passages[i] for i in order])])
    (together,) = reader.read(question, [[passages[i] for i in best]])
    if polar(question):
        return Read(_closed(alone, together, order[0]), tuple(alone))
    joint: dict[int, list[Span]] = {i: [] for i in best}
    for span in together.spans:
        joint[best[span.passage]].append(span)
    spans = [Span(i, span.start, span.end, span.score) for i, reading in enumerate(alone) for span in reading.spans]
    known = {(span.passage, span.start, span.end) for span in spans}
    spans += [
        Span(i, span.start, span.end, LOWEST)
        for i, found in joint.items()
        for span in found
        if (i, span.start, span.end) not in known
    ]
    spans = list(dict.fromkeys(spans))
    texts = [passages[span.passage][1][span.start : span.end] for span in spans]
    keys = [key(text) for text in texts]
    top = {i: key(passages[i][1][r.spans[0].start : r.spans[0].end]) for i, r in enumerate(alone) if r.spans}
    asked = tokens(question)
    names = documents or [title for title, _ in passages]
    said = [
        (name, f" {key(' '.join(passage))} ")
        for name, passage, reading in zip(names, passages, alone, strict=True)
        if reading.relevant > RELEVANT
    ]
    held = [frozenset(token.stem for token in tokens(" ".join(passage))) for passage in passages]
    found = []
    for span, text, own in zip(spans, texts, keys, strict=True):
        rivals = [s.score for s, k in zip(spans, keys, strict=True) if k != own]
        seen = [s.score for s in joint.get(span.passage, ()) if s.start < span.end and span.start < s.end]
        sentence = max((f.score for f in alone[span.passage].facts if f.start <= span.start < f.end), default=LOWEST)
        values = {
            "margin": max(LOWEST, span.score),
            "relevant": alone[span.passage].relevant,
            "joint": max([LOWEST, *seen]),
            "read": float(span.passage in joint),
            "lead": span.score - max([LOWEST, *rivals]),
            "agree": float(sum(k == own for i, k in top.items() if i != span.passage)),
            "place": 1 / (1 + span.passage),
            "fact": sentence,
            "words": _share([token for token in asked if token.kind != "number"], held[span.passage]),
            "named": max(_share([token for token in asked if token.kind in ("name", "number")], bag) for bag in held),
        }
        if own:
            saying = {names[span.passage]} | {name for name, words in said if f" {own} " in words}
            found.append(Candidate(text, span, False, tuple(values[name] for name in FEATURES), len(saying)))
    return Read(tuple(found), tuple(alone))


def _closed(alone: Sequence[Reading], together: Reading, best: int) -> tuple[Candidate, ...]:
    """Yes and no, each with how far it is ahead; they stand for the best passage's best sentence."""
    fact = max(alone[best].facts, key=lambda fact: fact.score, default=None)
    if fact is None:
        return ()
    span, yes, no = together.kinds
    found = []
    for text, own, other in (("yes", yes, no), ("no", no, yes)):
        values = (own - other, own - span, together.relevant, alone[best].relevant)
        found.append(Candidate(text, Span(best, fact.start, fact.end, own - other), True, values))
    return tuple(found)


def _share(wanted: Sequence[Token], held: frozenset[str]) -> float:
    """How many of the question's words a passage has; all of them when there are none."""
    return sum(token.stem in held for token in wanted) / len(wanted) if wanted else 1.0
