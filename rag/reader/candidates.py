"""Every answer that the passages may hold, each with the features that rank it and set its confidence.

The reader reads each passage alone, and the best ones then together (`rag.reader.together`), so that they compete. A
question that asks for yes or no (by its form) has these two as its candidates; a span would be no answer. They are read
from single sentences (`SENTENCES` of the `NEAREST` passages): one says yes or no to what is asked, where a passage says
much else. No span cuts a word, and none is what cannot be an answer (`rag.reader.unfit`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from rag.reader.agreement import agree, normalise_answer
from rag.reader.clauses import DENIAL, find_clause
from rag.reader.network import Passage, ReaderModel, ReaderOutput, Span
from rag.reader.together import read_together, sort_strongest
from rag.reader.unfit import find_fault
from rag.text.borders import mend_span
from rag.text.overlap import share_parts, weigh_parts
from rag.text.questions import asks_yes_no, is_nested
from rag.text.sentences import find_units, sentence_spans
from rag.text.words import Token, stems, tokens

SPAN_FEATURES = ("margin", "relevant", "joint", "read", "lead", "agree", "place", "fact", "words", "named")
YES_NO_FEATURES = ("said", "speaks", "relevant", "yes", "denied")
SENTENCES, NEAREST = 4, 4  # read one by one for yes or no; passages that they are of
STRONGEST = 4  # passages, by their best span and relevance: what answerability is asked of
MIN_RELEVANCE = -1.5  # of a passage that may support an answer: of SQuAD 2.0 dev, nine in ten that hold it have more
MIN_SCORE = -10.0  # stands for no score, and for any lower one


@dataclass(frozen=True, slots=True)
class Candidate:
    """A candidate answer: a span of a passage or, where `yes_no`, "yes" or "no" from several passages.

    `joint` is its score in the joint reading, `whole` whether what is read there holds all that an answer needs, a
    logit. `documents` counts the documents that have the span's words in a relevant passage, its own among them, which
    is its `source`. `nested` is whether the question has a clause inside, so that it takes a step on the way. `asked`
    is how much of the question its sentence has, with the heading above it, 0 to 1.
    """

    text: str
    span: Span
    yes_no: bool
    features: tuple[float, ...]
    joint: float = 0.0
    whole: float = 0.0
    documents: int = 1
    source: str = ""
    nested: bool = False
    asked: float = 0.0


@dataclass(frozen=True, slots=True)
class Extraction:
    """The candidates, what the reader says to each passage alone, and the places of those that likeliest answer."""

    candidates: tuple[Candidate, ...]
    outputs: tuple[ReaderOutput, ...]
    strongest: tuple[int, ...] = ()


def extract_candidates(
    question: str, passages: Sequence[Passage], reader: ReaderModel, documents: Sequence[str] | None = None
) -> Extraction:
    """All candidates of some passages, which stand best first; `documents` names that of each, by default its title."""
    if not passages:
        return Extraction((), ())
    outputs = tuple(reader.read(question, [[passage] for passage in passages]))
    strength = [(output.spans[0].score if output.spans else MIN_SCORE) + output.relevance for output in outputs]
    if asks_yes_no(question):
        candidates = _yes_no_candidates(question, passages, outputs, reader)
    else:
        places, joint = read_together(question, passages, outputs, strength, reader)
        names = documents or [title for title, _ in passages]
        candidates = _span_candidates(question, passages, names, outputs, places, joint)
    return Extraction(tuple(candidates), outputs, tuple(sorted(sort_strongest(strength)[:STRONGEST])))


def _yes_no_candidates(
    question: str, passages: Sequence[Passage], outputs: Sequence[ReaderOutput], reader: ReaderModel
) -> Iterator[Candidate]:
    """Yes and no, each with how far sentences put it ahead, and the sentence that speaks most for it.

    The sentences are those of the most relevant passages that speak most to the question, each read below its heading,
    or of one the clause that is asked about (`rag.reader.clauses`); labels and headings say nothing. They count by how
    much they speak to it. The features: how far it is ahead; how much the best sentence speaks to the question; how
    relevant the best passage is; whether it is yes; whether its sentence denies something, which speaks for no.
    """
    nearest = sort_strongest([output.relevance for output in outputs])[:NEAREST]
    says = {(i, unit.start) for i in nearest for unit in find_units(passages[i][1]) if unit.says}
    spans = [Span(i, one.start, one.end, one.score) for i in nearest for one in outputs[i].evidence]
    spans = [span for span in spans if (span.passage, span.start) in says]
    spans = sorted(spans, key=lambda span: -span.score)[:SENTENCES]
    if not spans:
        return
    said = [passages[span.passage][1][span.start : span.end] for span in spans]
    texts = [(passages[span.passage][0], find_clause(question, text)) for span, text in zip(spans, said, strict=True)]
    read = reader.read(question, [[text] for text in texts])
    speaks = np.array([span.score + output.relevance for span, output in zip(spans, read, strict=True)])
    weights = np.exp(speaks - speaks.max())
    weights /= weights.sum()
    towards_yes = np.array([yes - no for _, yes, no in (output.answer_types for output in read)])
    asked = weigh_parts(question, [text for _, text in texts])
    for text, ahead in (("yes", weights * towards_yes), ("no", -weights * towards_yes)):
        best = int(np.argmax(ahead))
        denied = float(bool(DENIAL.search(texts[best][1]))) * (1 if text == "no" else -1)
        relevant = outputs[nearest[0]].relevance
        features = float(ahead.sum()), float(speaks.max()), relevant, float(text == "yes"), denied
        yield Candidate(text, spans[best], True, features, asked=share_parts(asked, "\n".join(texts[best])))


def _span_candidates(
    question: str,
    passages: Sequence[Passage],
    names: Sequence[str],
    outputs: Sequence[ReaderOutput],
    together: Sequence[int],
    joint: ReaderOutput,
) -> Iterator[Candidate]:
    """Every span with words in it: of `outputs`, passages read alone, and of `joint`, those read `together`."""
    spans = _mend(question, passages, _all_spans(outputs, joint.spans))
    texts = [passages[span.passage][1][span.start : span.end] for span in spans]
    answers = [normalise_answer(text) for text in texts]
    first = {i: output.spans[0] for i, output in enumerate(outputs) if output.spans}
    best = {i: normalise_answer(passages[i][1][span.start : span.end]) for i, span in first.items()}
    words, nested = tokens(question), is_nested(question)
    plain = [token for token in words if token.kind != "number"]
    named = [token for token in words if token.kind in ("name", "number")]
    held = [stems(" ".join(passage)) for passage in passages]
    most_named = max(_coverage(named, own) for own in held)
    relevant = [
        (name, f" {normalise_answer(' '.join(passage))} ")
        for name, passage, output in zip(names, passages, outputs, strict=True)
        if output.relevance > MIN_RELEVANCE
    ]
    weights = weigh_parts(question, ["\n".join(passage) for passage in passages])
    for span, text, answer in zip(spans, texts, answers, strict=True):
        if not answer:
            continue
        at, output = span.passage, outputs[span.passage]
        rivals = [other.score for other, its in zip(spans, answers, strict=True) if not agree(its, answer)]
        overlapping = [s.score for s in joint.spans if s.passage == at and s.start < span.end and span.start < s.end]
        around = [sentence.score for sentence in output.evidence if sentence.start <= span.start < sentence.end]
        features = {
            "margin": max(MIN_SCORE, span.score),
            "relevant": output.relevance,
            "joint": max([MIN_SCORE, *overlapping]),  # in the joint reading
            "read": float(at in together),
            "lead": span.score - max([MIN_SCORE, *rivals]),  # over another answer
            "agree": float(
                len({names[i] for i, its in best.items() if its == answer} - {names[at]})
            ),  # that say it first
            "place": 1 / (1 + at),
            "fact": max(around, default=MIN_SCORE),  # the sentence that it starts in
            "words": _coverage(plain, held[at]),
            "named": most_named,
        }
        documents = {names[at]} | {name for name, its in relevant if f" {answer} " in its}
        values = tuple(features[name] for name in SPAN_FEATURES)
        asked = share_parts(weights, "\n".join((passages[at][0], _sentence_around(span, passages[at][1]))))
        yield Candidate(
            text, span, False, values, features["joint"], joint.relevance, len(documents), names[at], nested, asked
        )


def _sentence_around(span: Span, text: str) -> str:
    """The sentence that a span starts in."""
    return next((text[start:end] for start, end in sentence_spans(text) if start <= span.start < end), text)


def _all_spans(outputs: Sequence[ReaderOutput], joint_spans: Sequence[Span]) -> list[Span]:
    """Those of passages read alone, and what only the joint reading found, passage by passage."""
    spans = [replace(span, passage=i) for i, output in enumerate(outputs) for span in output.spans]
    known = {(span.passage, span.start, span.end) for span in spans}
    for span in sorted(joint_spans, key=lambda span: span.passage):
        if (span.passage, span.start, span.end) not in known:
            spans.append(replace(span, score=MIN_SCORE))
    return list(dict.fromkeys(spans))


def _mend(question: str, passages: Sequence[Passage], spans: Sequence[Span]) -> list[Span]:
    """Those that can be an answer, with borders that cut nothing; of those that become one the surest."""
    mended: dict[tuple[int, int, int], Span] = {}
    for span in spans:
        start, end = mend_span(passages[span.passage][1], span.start, span.end)
        if start < end and not find_fault(question, passages[span.passage], start, end):
            known = mended.get((span.passage, start, end))
            if known is None or known.score < span.score:
                mended[span.passage, start, end] = replace(span, start=start, end=end)
    return list(mended.values())


def _coverage(words: Sequence[Token], held: frozenset[str]) -> float:
    """The share of the question's words that a passage has; 1 where there are none."""
    return sum(token.stem in held for token in words) / len(words) if words else 1.0
