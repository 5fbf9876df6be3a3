"""Answers without a language model: the reader's span in its sentence, or the sentences that speak to the question.

Where the estimated chance of being wrong is at most `risk`, the first line is the short answer and, in quotation marks,
the sentence it stands in; every further line quotes a supporting sentence of another passage or place. Otherwise the
lines only quote: the sentence that holds the likeliest answer, and others that speak to the question. So they do where
question or answer are in a language that the reader was not trained for. Nothing is said where no passage is relevant.
All of it is the documents' own text but "Yes" and "No". What it does not do: it composes nothing, counts nothing and
compares no dates.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property, lru_cache
from itertools import zip_longest
from pathlib import Path
from typing import Annotated

from pydantic import Field

from rag.reader.answerability import load_answerability
from rag.reader.confidence import read_calibration
from rag.reader.echo import set_apart
from rag.reader.network import SHIPPED, Passage, Span, load_reader
from rag.reader.reading import NamedPassage, ReaderModels, Reading, read_answer
from rag.reader.weights import load
from rag.stages import component
from rag.text.dates import find_date
from rag.text.languages import detect_language, named_language
from rag.text.question_parts import split_question
from rag.text.quotes import quote
from rag.types import AnswerSide, Hit

YES_NO = 1.12  # times the risk that is accepted for yes and no: of what is said at the default one, 23% is wrong
CACHED = 16  # answers kept, so that text and confidence come from one


@component
class ReaderGenerator:
    """Finds the answer in the passages and quotes the sentences that show it."""

    weights: Annotated[str, Field(description='A file of `rag train reader`; "" means the shipped one.')] = ""
    hits: Annotated[int, Field(ge=1, description="How many passages are read.")] = 8
    sentences: Annotated[int, Field(ge=1, description="Most quoted sentences of an answer.")] = 2
    evidence: Annotated[int, Field(ge=1, description="Most sentences where there is no short answer.")] = 3
    risk: Annotated[float, Field(ge=0, le=1, description="Accepted chance of a wrong short answer; 1: any is.")] = 0.35
    languages: Annotated[tuple[str, ...], Field(description="Codes of those it answers in; else it quotes.")] = ("en",)

    def stream(self, question: str, hits: Sequence[Hit]) -> Iterator[str]:
        """Paris: “Its capital is Paris.” [1], and a line for each further sentence; “Sentence.” [1] where unsure."""
        readings = self._readings(question, hits)
        if all(self._is_sure(one) and self._speaks(question, one, hits) for one in readings):
            for one in readings:
                yield f"{one.short}: "
                yield from self._quote(one.quotes if len(readings) == 1 else one.quotes[:1], hits)
        else:
            yield from self.stream_evidence(question, hits)

    def stream_evidence(self, question: str, hits: Sequence[Hit]) -> Iterator[str]:
        """The sentences that speak to the question, whatever the answer is; of each part the first ones."""
        rows = zip_longest(*(one.evidence for one in self._readings(question, hits)))
        sentences = dict.fromkeys(one for row in rows for one in row if one)
        yield from self._quote(list(sentences)[: self.evidence], hits)

    def _quote(self, sentences: Sequence[Span], hits: Sequence[Hit]) -> Iterator[str]:
        """A line for each sentence: “Sentence.” [1]"""
        for one in sentences:
            yield f"{quote(hits[one.passage].chunk.text[one.start : one.end])} [{one.passage + 1}]\n"

    def confidence(self, question: str, hits: Sequence[Hit]) -> float:
        """How likely the best answer is right, said or not; 0 where there is nothing to read. Of parts the least."""
        return min(one.confidence for one in self._readings(question, hits))

    def sides(self, question: str, hits: Sequence[Hit]) -> tuple[AnswerSide, ...]:
        """What documents that disagree say, the surest first, each with the marker of its quote and its date."""
        told = [side for one in self._readings(question, hits) if self._is_disputed(one) for side in one.sides]
        return tuple(AnswerSide(text, place + 1, find_date(hits[place].chunk.meta)) for text, place in told)

    def _is_sure(self, reading: Reading) -> bool:
        """Whether its short answer is likely enough, and no source says another one."""
        risk = self.risk * (YES_NO if reading.yes_no else 1)
        return bool(reading.short) and reading.confidence >= 1 - risk and not self._is_disputed(reading)

    def _speaks(self, question: str, reading: Reading, hits: Sequence[Hit]) -> bool:
        """Whether question and answer are in the reader's languages, as far as these are known."""
        return self._knows(named_language(hits[reading.quotes[0].passage].chunk.meta)) and self._knows(
            detect_language(question)
        )

    def _is_disputed(self, reading: Reading) -> bool:
        """Whether documents disagree, and any answer is not wanted all the same."""
        return bool(reading.sides) and self.risk < 1

    def passages(self, hits: Sequence[Hit]) -> tuple[Passage, ...]:
        """What is read of the hits: what they are about, and their text."""
        return tuple((hit.chunk.heading, hit.chunk.text) for hit in hits[: self.hits])

    def _sources(self, question: str, hits: Sequence[Hit]) -> tuple[NamedPassage, ...]:
        chunks = [hit.chunk for hit in hits[: self.hits]]
        readable = [self._knows(detect_language(question)) and self._knows(named_language(c.meta)) for c in chunks]
        return tuple(
            NamedPassage((chunk.heading, chunk.text), chunk.title or chunk.source, chunk.about, known)
            for chunk, known in zip(chunks, readable, strict=True)
        )

    def _knows(self, language: str) -> bool:
        """Whether the reader was trained for a language, as far as this is known."""
        return language in ("", *self.languages)

    def _readings(self, question: str, hits: Sequence[Hit]) -> list[Reading]:
        """One for each part of the question."""
        sources = self._sources(question, hits)
        return [self._reading(part, sources) for part in split_question(question)]

    @cached_property
    def _reading(self) -> Callable[[str, tuple[NamedPassage, ...]], Reading]:
        return lru_cache(CACHED)(self._read)

    def _read(self, question: str, sources: tuple[NamedPassage, ...]) -> Reading:
        """What echoes the question is read apart, and answers nothing.

        Of entries one sentence is evidence, and others where there is room; of the rest some where there is none else.
        """
        free, entries, echoes = set_apart(question, [source.passage for source in sources])
        reading = self._read_some(question, sources, free, self.evidence - bool(entries))
        if entries and not reading.sides:
            own = self._read_some(question, sources, entries, self.evidence).evidence
            reading = replace(reading, evidence=(*own[:1], *reading.evidence, *own[1:])[: self.evidence])
        if echoes and not reading.evidence:
            reading = replace(reading, evidence=self._read_some(question, sources, echoes, self.evidence).evidence)
        return reading

    def _read_some(
        self, question: str, sources: Sequence[NamedPassage], places: Sequence[int], evidence: int
    ) -> Reading:
        """The reading of the passages at some places alone, with its spans at these places."""
        some = [sources[place] for place in places]
        reading = read_answer(question, some, self._models, sentences=self.sentences, evidence=evidence)
        quotes, shown = (
            tuple(replace(span, passage=places[span.passage]) for span in spans)
            for spans in (reading.quotes, reading.evidence)
        )
        sides = tuple((text, places[place]) for text, place in reading.sides)
        return replace(reading, quotes=quotes, evidence=shown, sides=sides)

    @cached_property
    def _models(self) -> ReaderModels:
        path = Path(self.weights) if self.weights else SHIPPED
        return ReaderModels(load_reader(path), read_calibration(load(path).facts, path), load_answerability(path))
