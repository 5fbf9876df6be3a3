"""Every answer that the passages may hold, each with the features that rank it and set its confidence.

The reader reads each passage alone, and the best ones then together, as many as fit into one input, so that they
compete. A question that asks for yes or no (by its first word) has these two as its candidates, from the joint reading;
a span would be no answer.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from rag.reader.network import Passage, ReaderModel, ReaderOutput, Span
from rag.text.words import Token, tokens

SPAN_FEATURES = ("margin", "relevant", "joint", "read", "lead", "agree", "place", "fact", "words", "named")
YES_NO_FEATURES = ("decided", "against span", "whole", "relevant")
MIN_RELEVANCE = -3.0  # of a passage that may support an answer: F1 near the best on HotpotQA dev
MIN_SCORE = -10.0  # stands for no score, and for any lower one
_YES_NO = re.compile(
    r"(?:is|are|was|were|am|do|does|did|has|have|had|can|could|will|would|shall|should|may|might|must)\b(?!.*\bor\b)",
    re.IGNORECASE,
)
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A candidate answer: a span of a passage or, where `yes_no`, "yes" or "no" from several passages.

    `documents` counts the documents that have the span's words in a relevant passage, its own among them.
    """

    text: str
    span: Span
    yes_no: bool
    features: tuple[float, ...]
    documents: int = 1


@dataclass(frozen=True, slots=True)
class Extraction:
    """The candidates, and what the reader says to each passage alone."""

    candidates: tuple[Candidate, ...]
    outputs: tuple[ReaderOutput, ...]


@dataclass(frozen=True, slots=True)
class _Reading:
    """Passages as read: the outputs of each alone, the numbers of those read together, and the spans found there."""

    passages: Sequence[Passage]
    outputs: Sequence[ReaderOutput]
    together: Sequence[int]
    joint_spans: Sequence[Span]


def asks_yes_no(question: str) -> bool:
    """Whether a question asks for yes or no, by its form."""
    return bool(_YES_NO.match(question.strip()))


def normalise_answer(text: str) -> str:
    """An answer without case, articles and punctuation, so that equal answers are equal strings."""
    return " ".join(word for word in _WORD.findall(text.lower()) if word not in {"a", "an", "the"})


def extract_candidates(
    question: str, passages: Sequence[Passage], reader: ReaderModel, documents: Sequence[str] | None = None
) -> Extraction:
    """All candidates of some passages, which stand best first; `documents` names that of each, by default its title."""
    if not passages:
        return Extraction((), ())
    outputs = reader.read(question, [[passage] for passage in passages])
    yes_no = asks_yes_no(question)
    order = _order(outputs, yes_no)
    together = sorted(order[: reader.count_fitting(question, [passages[i] for i in order])])
    (joint,) = reader.read(question, [[passages[i] for i in together]])
    if yes_no:
        return Extraction(tuple(_yes_no_candidates(outputs[order[0]], joint, order[0])), tuple(outputs))
    joint_spans = [replace(span, passage=together[span.passage]) for span in joint.spans]
    reading = _Reading(passages, outputs, together, joint_spans)
    names = documents or [title for title, _ in passages]
    return Extraction(tuple(_span_candidates(question, reading, names)), tuple(outputs))


def _order(outputs: Sequence[ReaderOutput], yes_no: bool) -> list[int]:
    """The passages, most promising first: by relevance, for a span also by the best score."""
    strength = [output.relevance for output in outputs]
    if not yes_no:
        strength = [(o.spans[0].score if o.spans else MIN_SCORE) + o.relevance for o in outputs]
    return [int(i) for i in np.argsort(-np.array(strength), kind="stable")]


def _yes_no_candidates(best: ReaderOutput, joint: ReaderOutput, passage: int) -> Iterator[Candidate]:
    """Yes and no, each with how far it is ahead; they stand for the best passage's best sentence."""
    sentence = max(best.evidence, key=lambda sentence: sentence.score, default=None)
    if sentence is None:
        return
    span, yes, no = joint.answer_types
    for text, own, other in (("yes", yes, no), ("no", no, yes)):
        features = (own - other, own - span, joint.relevance, best.relevance)
        yield Candidate(text, Span(passage, sentence.start, sentence.end, own - other), True, features)


def _span_candidates(question: str, reading: _Reading, names: Sequence[str]) -> Iterator[Candidate]:
    """Every span with words in it."""
    spans = _all_spans(reading)
    texts = [reading.passages[span.passage][1][span.start : span.end] for span in spans]
    answers = [normalise_answer(text) for text in texts]
    columns = _feature_columns(question, reading, spans, answers)
    rows = zip(*(columns[name] for name in SPAN_FEATURES), strict=True)
    relevant = [
        (name, f" {normalise_answer(' '.join(passage))} ")
        for name, passage, output in zip(names, reading.passages, reading.outputs, strict=True)
        if output.relevance > MIN_RELEVANCE
    ]
    for span, text, answer, features in zip(spans, texts, answers, rows, strict=True):
        if answer:
            documents = {names[span.passage]} | {name for name, words in relevant if f" {answer} " in words}
            yield Candidate(text, span, False, features, len(documents))


def _all_spans(reading: _Reading) -> list[Span]:
    """Those of passages read alone, and what only the joint reading found, passage by passage."""
    spans = [replace(span, passage=i) for i, output in enumerate(reading.outputs) for span in output.spans]
    known = {(span.passage, span.start, span.end) for span in spans}
    for span in sorted(reading.joint_spans, key=lambda span: span.passage):
        if (span.passage, span.start, span.end) not in known:
            spans.append(replace(span, score=MIN_SCORE))
    return list(dict.fromkeys(spans))


def _feature_columns(
    question: str, reading: _Reading, spans: Sequence[Span], answers: Sequence[str]
) -> dict[str, list[float]]:
    """The values of each span, by the name of the feature."""
    words = tokens(question)
    stems = [frozenset(token.stem for token in tokens(" ".join(passage))) for passage in reading.passages]
    plain = [token for token in words if token.kind != "number"]
    named = [token for token in words if token.kind in ("name", "number")]
    return {
        "margin": [max(MIN_SCORE, span.score) for span in spans],
        "relevant": [reading.outputs[span.passage].relevance for span in spans],
        "joint": [_joint_score(span, reading.joint_spans) for span in spans],
        "read": [float(span.passage in reading.together) for span in spans],
        "lead": [_lead(span, answer, spans, answers) for span, answer in zip(spans, answers, strict=True)],
        "agree": _agreement(reading, spans, answers),
        "place": [1 / (1 + span.passage) for span in spans],
        "fact": [_evidence_score(span, reading.outputs[span.passage].evidence) for span in spans],
        "words": [_coverage(plain, stems[span.passage]) for span in spans],
        "named": [max(_coverage(named, own) for own in stems)] * len(spans),
    }


def _joint_score(span: Span, joint_spans: Sequence[Span]) -> float:
    """The best score of an overlapping span in the joint reading."""
    scores = [s.score for s in joint_spans if s.passage == span.passage and s.start < span.end and span.start < s.end]
    return max([MIN_SCORE, *scores])


def _lead(span: Span, answer: str, spans: Sequence[Span], answers: Sequence[str]) -> float:
    """How far a span is ahead of the best one with another answer."""
    rivals = [other.score for other, text in zip(spans, answers, strict=True) if text != answer]
    return span.score - max([MIN_SCORE, *rivals])


def _agreement(reading: _Reading, spans: Sequence[Span], answers: Sequence[str]) -> list[float]:
    """How many other passages have each answer as their best."""
    best = {
        i: normalise_answer(reading.passages[i][1][output.spans[0].start : output.spans[0].end])
        for i, output in enumerate(reading.outputs)
        if output.spans
    }
    return [
        float(sum(text == answer for i, text in best.items() if i != span.passage))
        for span, answer in zip(spans, answers, strict=True)
    ]


def _evidence_score(span: Span, evidence: Sequence[Span]) -> float:
    """The score of the sentence that a span starts in."""
    return max((s.score for s in evidence if s.start <= span.start < s.end), default=MIN_SCORE)


def _coverage(words: Sequence[Token], stems: frozenset[str]) -> float:
    """The share of the question's words that a passage has; 1 where there are none."""
    return sum(token.stem in stems for token in words) / len(words) if words else 1.0
