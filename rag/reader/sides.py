"""Sources that disagree: what the documents say to one question, side by side, and whether one side has it.

Answers that say the same are one side: one's words stand in the other's, or they have equal numbers and words (3 May
2024, 2024-05-03). A side counts its independent sources (`rag.reader.copies`), not its passages. A side has it where it
has a clear majority, or where the question names a year, a product or another name that it speaks of, while the other
sides speak of another one. Otherwise the sources disagree, and a person should see both. What it does not do: it cannot
know who is right. An answer less than half as sure as the surest, or hardly likely itself, contradicts nothing.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rag.text.identifiers import find_identifiers, name_another
from rag.text.words import Token, fold, tokens

CREDIBLE = 0.3  # the confidence from which on an answer may contradict another
RIVAL = 0.5  # of the best answer's confidence, from which on another answer is one
MAJORITY = 2.0  # times the sources of the next side
ARTICLES = frozenset({"a", "an", "the"})
NEGATIONS = frozenset({"no", "not", "never", "none", "without", "neither", "nor", "cannot"})
_WORD = re.compile(r"\w+")
_YEAR = re.compile(r"(?:1\d|20)\d\d")


@dataclass(frozen=True, slots=True)
class SourceAnswer:
    """What a passage says to the question: an answer, its source, how sure it is, and the words around it.

    `passage` is its place among the passages, `start` its place in the text there; `source` names its independent
    source; `context` is the passage with what stands above it.
    """

    text: str
    passage: int
    source: str
    confidence: float
    context: str = ""
    start: int = 0


@dataclass(frozen=True, slots=True)
class Side:
    """Answers that say the same, the surest first; `sources` are independent, in that order."""

    answers: tuple[SourceAnswer, ...]

    @property
    def sources(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(answer.source for answer in self.answers))

    @property
    def confidence(self) -> float:
        return self.answers[0].confidence


def find_sides(question: str, answers: Sequence[SourceAnswer]) -> tuple[Side, ...]:
    """The sides that a reader should see: the first alone where it has the answer, two or more where sources disagree.

    The first is that of the surest answer; nothing for no answers.
    """
    best = max((answer.confidence for answer in answers), default=0.0)
    least = min(best, max(RIVAL * best, CREDIBLE))
    sides = _group([answer for answer in answers if answer.confidence >= least])
    if winner := _winner(question, sides):
        return (winner,)
    return tuple(sides)


def say_same(one: str, other: str) -> bool:
    """Whether two answers are one: one's words stand in a row in the other, or their numbers and words are equal.

    One that negates is never the same as one that does not.
    """
    short, long = sorted((_words(one), _words(other)), key=len)
    if not short or NEGATIONS.isdisjoint(short) != NEGATIONS.isdisjoint(long):
        return short == long
    keys = [{token.key for token in tokens(text)} for text in (one, other)]
    return f" {' '.join(short)} " in f" {' '.join(long)} " or (bool(keys[0]) and keys[0] == keys[1])


def _group(answers: Sequence[SourceAnswer]) -> list[Side]:
    sides: list[list[SourceAnswer]] = []
    for answer in sorted(answers, key=lambda answer: -answer.confidence):
        same = next((side for side in sides if say_same(side[0].text, answer.text)), None)
        if same is None:
            sides.append([answer])
        else:
            same.append(answer)
    return [Side(tuple(side)) for side in sides]


def _winner(question: str, sides: Sequence[Side]) -> Side | None:
    """The side that the question itself chooses, else the one with a clear majority of sources."""
    for side in sides:
        others = [other for other in sides if other is not side]
        if all(_is_qualified(question, side, other) for other in others):
            return side
    for side in sides:
        if all(len(side.sources) >= MAJORITY * len(other.sources) for other in sides if other is not side):
            return side
    return None


def _is_qualified(question: str, side: Side, other: Side) -> bool:
    """Whether the question names what this side is about, and the other side is about another such thing."""
    own, its = _around(side), _around(other)
    identifiers = [one for one in find_identifiers(question) if one.is_in(own)]
    if identifiers and name_another(identifiers, its):
        return True
    asked = tokens(question)
    mine, yours = tokens(own), tokens(its)
    years, others = {key for key in _numbers(asked) if _YEAR.fullmatch(key)}, _numbers(yours)
    if years & _numbers(mine) and not years & others and any(_YEAR.fullmatch(key) for key in others):
        return True
    names = {token.stem for token in asked if token.kind == "name"}
    here, there = {token.stem for token in mine}, {token.stem for token in yours}
    rest = {token.stem for token in asked} - names
    return bool(rest and names and names <= here and names.isdisjoint(there) and rest <= there & here)


def _around(side: Side) -> str:
    return "\n".join(answer.context for answer in side.answers)


def _numbers(found: Sequence[Token]) -> set[str]:
    return {token.key for token in found if token.kind == "number"}


def _words(text: str) -> list[str]:
    return [word for word in _WORD.findall(fold(text)) if word not in ARTICLES]
