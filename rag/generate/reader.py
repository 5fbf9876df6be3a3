"""Answers without a language model: the reader's span in its sentence, or the sentences that speak to the question.

Where the estimated chance of being wrong is at most `risk`, the first line is the short answer and, in quotation marks,
the sentence it stands in; every further line quotes a supporting sentence of another passage or place. Otherwise the
lines only quote: the sentence that holds the likeliest answer, and others that speak to the question. So they do where
question or answer are in a language that the reader was not trained for. Nothing is said where no passage is relevant.
All of it is the documents' own text but "Yes" and "No". What it does not do: it composes nothing, counts nothing and
compares no dates.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Annotated

from pydantic import Field

from rag.reader.answerability import AnswerabilityModel, load_answerability
from rag.reader.candidates import Candidate, extract_candidates
from rag.reader.confidence import Calibration, read_calibration
from rag.reader.copies import name_sources
from rag.reader.echo import set_apart
from rag.reader.evidence import best_sentence, drop_repeats, find_speaking, rank_support, says_something
from rag.reader.network import SHIPPED, Passage, ReaderModel, ReaderOutput, Span, load_reader
from rag.reader.weigh import find_contradictions
from rag.reader.weights import load
from rag.stages import component
from rag.text.dates import find_date
from rag.text.identifiers import Identifier, find_identifiers, is_of_another, name_another
from rag.text.languages import detect_language, named_language
from rag.text.quotes import put_on_line, quote
from rag.text.sentences import sentence_spans
from rag.text.words import fold
from rag.types import AnswerSide, Hit

CACHED = 16  # answers kept, so that text and confidence come from one


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


@dataclass(frozen=True, slots=True)
class NamedPassage:
    """A passage as it is read, the name of its document, and the keys of what it is about."""

    passage: Passage
    document: str
    about: tuple[str, ...]


@component
class ReaderGenerator:
    """Finds the answer in the passages and quotes the sentences that show it."""

    weights: Annotated[str, Field(description='A file of `rag train reader`; "" means the shipped one.')] = ""
    hits: Annotated[int, Field(ge=1, description="How many passages are read.")] = 8
    sentences: Annotated[int, Field(ge=1, description="Most quoted sentences of an answer.")] = 2
    evidence: Annotated[int, Field(ge=1, description="Most sentences where there is no short answer.")] = 3
    risk: Annotated[float, Field(ge=0, le=1, description="Accepted chance of a wrong short answer; 1: any is.")] = 0.25
    languages: Annotated[tuple[str, ...], Field(description="Codes of those it answers in; else it quotes.")] = ("en",)

    def stream(self, question: str, hits: Sequence[Hit]) -> Iterator[str]:
        """Paris: “Its capital is Paris.” [1], and a line for each further sentence; “Sentence.” [1] where unsure."""
        reading = self._reading(question, self._sources(hits))
        if self._is_sure(reading) and self._speaks(question, reading, hits):
            yield f"{reading.short}: "
            yield from self._quote(reading.quotes, hits)
        else:
            yield from self._quote(reading.evidence, hits)

    def stream_evidence(self, question: str, hits: Sequence[Hit]) -> Iterator[str]:
        """The sentences that speak to the question, whatever the answer is."""
        yield from self._quote(self._reading(question, self._sources(hits)).evidence, hits)

    def _quote(self, sentences: Sequence[Span], hits: Sequence[Hit]) -> Iterator[str]:
        """A line for each sentence: “Sentence.” [1]"""
        for one in sentences:
            yield f"{quote(hits[one.passage].chunk.text[one.start : one.end])} [{one.passage + 1}]\n"

    def _is_sure(self, reading: Reading) -> bool:
        """Whether its short answer is likely enough, and no source says another one."""
        return bool(reading.short) and reading.confidence >= 1 - self.risk and not self._is_disputed(reading)

    def _speaks(self, question: str, reading: Reading, hits: Sequence[Hit]) -> bool:
        """Whether question and answer are in the reader's languages, as far as these are known."""
        named = named_language(hits[reading.quotes[0].passage].chunk.meta)
        return {named, detect_language(question)} <= {"", *self.languages}

    def confidence(self, question: str, hits: Sequence[Hit]) -> float:
        """How likely the best answer is right, said or not; 0 where there is nothing to read."""
        return self._reading(question, self._sources(hits)).confidence

    def sides(self, question: str, hits: Sequence[Hit]) -> tuple[AnswerSide, ...]:
        """What documents that disagree say, the surest first, each with the marker of its quote and its date."""
        reading = self._reading(question, self._sources(hits))
        told = reading.sides if self._is_disputed(reading) else ()
        return tuple(AnswerSide(text, place + 1, find_date(hits[place].chunk.meta)) for text, place in told)

    def _is_disputed(self, reading: Reading) -> bool:
        """Whether documents disagree, and any answer is not wanted all the same."""
        return bool(reading.sides) and self.risk < 1

    def passages(self, hits: Sequence[Hit]) -> tuple[Passage, ...]:
        """What is read of the hits: what they are about, and their text."""
        return tuple(source.passage for source in self._sources(hits))

    def _sources(self, hits: Sequence[Hit]) -> tuple[NamedPassage, ...]:
        chunks = [hit.chunk for hit in hits[: self.hits]]
        return tuple(NamedPassage((c.heading, c.text), c.title or c.source, c.about) for c in chunks)

    @cached_property
    def _reading(self) -> Callable[[str, tuple[NamedPassage, ...]], Reading]:
        return lru_cache(CACHED)(self._read)

    def _read(self, question: str, sources: tuple[NamedPassage, ...]) -> Reading:
        """What echoes the question is read apart, and answers nothing: an entry is evidence, the rest where none is."""
        free, entries, echoes = set_apart(question, [source.passage for source in sources])
        reading = self._read_some(question, sources, free)
        if entries and not reading.sides:
            reading = replace(reading, evidence=self._read_some(question, sources, sorted(free + entries)).evidence)
        if echoes and not reading.evidence:
            reading = replace(reading, evidence=self._read_some(question, sources, echoes).evidence)
        return reading

    def _read_some(self, question: str, sources: Sequence[NamedPassage], places: Sequence[int]) -> Reading:
        """The reading of the passages at some places alone, with its spans at these places."""
        reading = self._read_all(question, [sources[place] for place in places])
        quotes, evidence = (
            tuple(replace(span, passage=places[span.passage]) for span in spans)
            for spans in (reading.quotes, reading.evidence)
        )
        sides = tuple((text, places[place]) for text, place in reading.sides)
        return replace(reading, quotes=quotes, evidence=evidence, sides=sides)

    def _read_all(self, question: str, sources: Sequence[NamedPassage]) -> Reading:
        reader, calibration, answerability = self._models
        passages = [source.passage for source in sources]
        documents = [source.document for source in sources]
        names = name_sources(documents, [text for _, text in passages])
        extraction = extract_candidates(question, passages, reader, names)
        identifiers = find_identifiers(question)
        candidates = [one for one in extraction.candidates if not _strays(one, passages, identifiers)]
        doubt = answerability.logit(question, passages) if candidates else 0.0

        def estimate(some: Sequence[Candidate]) -> tuple[Candidate, float] | None:
            found = calibration.best(some)
            return found and (found[0], calibration.confidence(*found, doubt))

        best = estimate(candidates)
        if best is None:
            return Reading("", 0.0, (), ())
        sides = find_contradictions(question, candidates, passages, documents, names, estimate)
        if len(sides) == 1:
            chosen = documents[sides[0].answers[0].passage]
            best = estimate([one for one in candidates if documents[one.span.passage] == chosen]) or best
        candidate, confidence = best
        first = _sentence(candidate, passages[candidate.span.passage][1])
        asked = fold(question)  # what it names itself is no step on the way
        about = {key for key in sources[first.passage].about if key not in asked}
        support = rank_support(first, extraction.outputs, passages, about)
        support = [one for one in support if not _is_of_another(one, passages, identifiers)]
        span, text = candidate.span, passages[first.passage][1]
        bare = _bare(text[span.start : min(span.end, first.end)], span.end >= first.end)
        short = candidate.text.capitalize() if candidate.yes_no else bare
        quotes = drop_repeats([first, *support], passages)[: self.sentences]
        evidence = self._choose_evidence(question, first, support, extraction.outputs, passages)
        if len(sides) > 1:
            told = [side.answers[0] for side in sides[: max(2, self.evidence)]]
            evidence = [_sentence_at(one.passage, one.start, passages[one.passage][1]) for one in told]
            said = tuple((put_on_line(one.text), one.passage) for one in told)
            return Reading(put_on_line(short), confidence, tuple(quotes), tuple(evidence), said)
        return Reading(put_on_line(short), confidence, tuple(quotes), tuple(evidence))

    def _choose_evidence(
        self,
        question: str,
        first: Span,
        support: Sequence[Span],
        outputs: Sequence[ReaderOutput],
        passages: Sequence[Passage],
    ) -> list[Span]:
        """The sentence with the likeliest answer, where its passage speaks to the question; and others that do."""
        speaking = find_speaking(question, passages, outputs)
        holds = first.passage in speaking and says_something(first, passages)
        best = first if holds else best_sentence(speaking & {first.passage} or speaking, outputs, passages)
        rest = [one for one in support if one.passage in speaking]
        return drop_repeats([best, *rest], passages)[: self.evidence] if best else []

    @cached_property
    def _models(self) -> tuple[ReaderModel, Calibration, AnswerabilityModel]:
        path = Path(self.weights) if self.weights else SHIPPED
        return load_reader(path), read_calibration(load(path).facts, path), load_answerability(path)


def _sentence(candidate: Candidate, text: str) -> Span:
    """The sentence that a candidate starts in."""
    span = candidate.span
    start, end = next((s for s in sentence_spans(text) if s[0] <= span.start < s[1]), (span.start, span.end))
    return Span(span.passage, start, end, span.score)


def _sentence_at(passage: int, at: int, text: str) -> Span:
    """The sentence at an offset of a passage's text."""
    start, end = next((s for s in sentence_spans(text) if s[0] <= at < s[1]), (0, len(text)))
    return Span(passage, start, end, 0.0)


def _strays(candidate: Candidate, passages: Sequence[Passage], identifiers: Sequence[Identifier]) -> bool:
    """Whether a candidate stands in a sentence about another thing than the question's, and is not its name."""
    text = passages[candidate.span.passage][1]
    sentence = _sentence(candidate, text)
    said = text[candidate.span.start : min(candidate.span.end, sentence.end)]
    return _is_of_another(sentence, passages, identifiers) and not name_another(identifiers, said)


def _is_of_another(sentence: Span, passages: Sequence[Passage], identifiers: Sequence[Identifier]) -> bool:
    heading, text = passages[sentence.passage]
    return is_of_another(identifiers, text[sentence.start : sentence.end], f"{heading}\n{text}")


def _bare(text: str, closes: bool) -> str:
    """An answer without the marks that stand around it, and without the full stop where it `closes` its sentence."""
    return text.strip(' \n\t,;:“”"' + ("." if closes else ""))
