"""A question read over some passages: the best answer, how sure it is, and the sentences to quote.

What tables and key-value lines decide by themselves (`rag.reader.decided`) is the answer, else the best candidate of
the network. Where documents disagree, all sides are kept. A question for a way to do something has evidence and no
short answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from rag.reader.answerability import AnswerabilityModel
from rag.reader.astray import is_astray
from rag.reader.candidates import Candidate, extract_candidates
from rag.reader.choice import choose_evidence
from rag.reader.confidence import Calibration
from rag.reader.copies import name_sources
from rag.reader.decided import DECIDED, find_decided
from rag.reader.evidence import drop_repeats, find_label, find_speaking, rank_support
from rag.reader.network import Passage, ReaderModel, Span
from rag.reader.partway import is_partway
from rag.reader.weigh import find_contradictions
from rag.text.identifiers import Identifier, find_identifiers, is_of_another, name_another
from rag.text.numbered import Numbered, find_numbered
from rag.text.questions import analyse
from rag.text.quotes import put_on_line
from rag.text.sentences import sentence_spans
from rag.text.words import fold

ASTRAY = 0.13  # how often a span is right out of a passage about something else: see docs/research/answers.md
PARTWAY = 0.29  # how often one is right that answers a question inside the question: 4 of 14
BESIDE = 0.53  # how often a yes or no is, from a sentence with less than ASKED of the question: 9 of 17
ASKED = 0.2


@dataclass(frozen=True, slots=True)
class Reading:
    """The best answer, how likely it is right, the sentences that show it, and those that speak to the question.

    The first of the quotes holds the answer, and is the first of the evidence where its passage is relevant.
    """

    short: str
    confidence: float
    quotes: tuple[Span, ...]
    evidence: tuple[Span, ...]
    sides: tuple[tuple[str, int], ...] = ()  # where documents disagree: what each says, and its passage
    yes_no: bool = False  # whether it says yes or no


@dataclass(frozen=True, slots=True)
class NamedPassage:
    """A passage as it is read, the name of its document, the keys of what it is about, and whether the reader knows
    the language."""

    passage: Passage
    document: str
    about: tuple[str, ...]
    readable: bool = True


@dataclass(frozen=True, slots=True)
class ReaderModels:
    """What reads: the network, how its candidates are weighed, and how answerable a question is."""

    reader: ReaderModel
    calibration: Calibration
    answerability: AnswerabilityModel


def read_answer(
    question: str, sources: Sequence[NamedPassage], models: ReaderModels, *, sentences: int, evidence: int
) -> Reading:
    """The reading of a question that asks for one thing; at most so many quotes, and sentences of evidence."""
    passages = [source.passage for source in sources]
    documents = [source.document for source in sources]
    keys = [source.about for source in sources]
    names = name_sources(documents, [text for _, text in passages])
    extraction = extract_candidates(question, passages, models.reader, names)
    identifiers = find_identifiers(question)
    numbered = find_numbered(question, [text for _, text in passages])
    candidates = [one for one in extraction.candidates if not _strays(one, passages, identifiers, numbered)]

    @cache
    def answerability() -> float:
        return models.answerability.logit(question, [passages[place] for place in extraction.strongest])

    def estimate(some: Sequence[Candidate]) -> tuple[Candidate, float] | None:
        if (found := models.calibration.best(some, among=candidates)) is None:
            return None
        doubt = 0.0 if found[0].yes_no else answerability()  # yes and no are not weighed by it
        return found[0], models.calibration.confidence(*found, doubt)

    best: tuple[Candidate, float] | None
    astray = set[int]()
    if sides := find_decided(question, passages, documents, names):
        one = sides[0].answers[0]
        best = Candidate(one.text, Span(one.passage, one.start, one.start + 1, 0.0), False, ()), DECIDED
    elif best := estimate(candidates):
        astray.update(n for n in range(len(passages)) if is_astray(question, n, passages, keys))
        rivals = [one for one in candidates if one.span.passage not in astray]  # others contradict nothing
        if best[0].span.passage not in astray:
            sides = find_contradictions(question, rivals, passages, documents, names, estimate)
        if len(sides) == 1:
            chosen = documents[sides[0].answers[0].passage]
            best = estimate([one for one in candidates if documents[one.span.passage] == chosen]) or best
    if best is None:
        return Reading("", 0.0, (), ())
    candidate, confidence = best
    first = _sentence(candidate, passages[candidate.span.passage][1])
    if candidate.features and not candidate.yes_no:
        heading, text = passages[first.passage]
        if first.passage in astray:
            confidence = min(confidence, ASTRAY)
        elif is_partway(question, heading, text[first.start : first.end]):
            confidence = min(confidence, PARTWAY)
    elif candidate.yes_no and candidate.asked < ASKED:
        confidence = min(confidence, BESIDE)
    asked = fold(question)  # what it names itself is no step on the way
    about = {key for key in sources[first.passage].about if key not in asked}
    support = (
        rank_support(first, extraction.outputs, passages, about) if candidate.features else []
    )  # a cell needs none
    support = [one for one in support if not _is_of_another(one, passages, identifiers, numbered)]
    quotes = drop_repeats([first, *support], passages)[:sentences]
    unread = {n for n, source in enumerate(sources) if not source.readable}
    heard = find_speaking(question, passages, extraction.outputs, unread)
    speaking = choose_evidence(
        question,
        passages,
        extraction.outputs,
        heard,
        most=evidence,
        first=first,
        unread=unread,
        about=keys,
    )
    speaking = [one for one in speaking if not _is_of_another(one, passages, identifiers, numbered)]
    short = _shorten(candidate, first, passages[first.passage][1]) if analyse(question).kind != "way" else ""
    if len(sides) > 1:
        told = [side.answers[0] for side in sides[: max(2, evidence)]]
        speaking = [_sentence_at(one.passage, one.start, passages[one.passage][1]) for one in told]
        said = tuple((put_on_line(one.text), one.passage) for one in told)
        return Reading(short, confidence, tuple(quotes), tuple(speaking), said)
    return Reading(short, confidence, tuple(quotes), tuple(speaking), yes_no=candidate.yes_no)


def _shorten(candidate: Candidate, first: Span, text: str) -> str:
    """What a candidate says, without the marks around it."""
    if candidate.yes_no:
        return candidate.text.capitalize()
    if not candidate.features:  # decided by a table
        return put_on_line(candidate.text)
    said = text[candidate.span.start : min(candidate.span.end, first.end)]
    return put_on_line(_bare(said, candidate.span.end >= first.end))


def _sentence(candidate: Candidate, text: str) -> Span:
    """The sentence that a candidate starts in."""
    span = candidate.span
    start, end = next((s for s in sentence_spans(text) if s[0] <= span.start < s[1]), (span.start, span.end))
    return Span(span.passage, start, end, span.score)


def _sentence_at(passage: int, at: int, text: str) -> Span:
    """The sentence at an offset of a passage's text."""
    start, end = next((s for s in sentence_spans(text) if s[0] <= at < s[1]), (0, len(text)))
    return Span(passage, start, end, 0.0)


def _strays(
    candidate: Candidate,
    passages: Sequence[Passage],
    identifiers: Sequence[Identifier],
    numbered: Sequence[Numbered],
) -> bool:
    """Whether a candidate stands in a sentence about another thing than the question's, and is not its name."""
    text = passages[candidate.span.passage][1]
    sentence = _sentence(candidate, text)
    said = text[candidate.span.start : min(candidate.span.end, sentence.end)]
    names = name_another(identifiers, said) or any(one.is_another_in(said) for one in numbered)
    return _is_of_another(sentence, passages, identifiers, numbered) and not names


def _is_of_another(
    sentence: Span, passages: Sequence[Passage], identifiers: Sequence[Identifier], numbered: Sequence[Numbered]
) -> bool:
    heading, text = passages[sentence.passage]
    said = f"{find_label(sentence, passages)}\n{text[sentence.start : sentence.end]}"
    return is_of_another(identifiers, said, f"{heading}\n{text}") or any(one.is_another_in(said) for one in numbered)


def _bare(text: str, closes: bool) -> str:
    """An answer without the marks that stand around it, and without the full stop where it `closes` its sentence."""
    return text.strip(' \n\t,;:“”"' + ("." if closes else ""))
