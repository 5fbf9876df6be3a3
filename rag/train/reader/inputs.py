"""Training examples for the reader: what it reads, and what it should find there.

A question is read with a passage alone (one that holds the answer, one that only leads to it, or one that merely looks
right) and with several at once, as the reader does: all it needs among others, or some of it missing; some are then
asked of something else (`alter`), which the passages do not answer. Questions without an answer are read with their
own passage.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rag.reader.network import MAX_PASSAGES
from rag.text.words import NAMED, Token, tokens
from rag.train.reader.questions import ReaderPassage, ReaderQuestion

# Of the questions.
SHARES = {"alone": 0.75, "leading": 0.3, "distractor": 0.35, "complete": 0.35, "incomplete": 0.2, "altered": 0.25}


@dataclass(frozen=True, slots=True)
class ReaderInput:
    """A question with a passage or several; `answer_type` is that of `ReaderQuestion`.

    `complete` says of several whether they hold all that the answer needs.
    """

    question: str
    passages: tuple[ReaderPassage, ...]
    answer_type: int = 0
    complete: bool = False


def draw_inputs(
    questions: Sequence[ReaderQuestion], rng: np.random.Generator, shares: Mapping[str, float] = SHARES
) -> Iterator[ReaderInput]:
    """The inputs of one epoch, drawn anew each time; `shares` says of how many questions each kind is made."""
    for one in questions:
        chance = {name: rng.random() < share for name, share in shares.items()}
        yield from (_several if len(one.gold) > 1 else _single)(one, chance, rng)


def _single(one: ReaderQuestion, chance: Mapping[str, bool], rng: np.random.Generator) -> Iterator[ReaderInput]:
    """A question that one passage answers, or seems to."""
    (passage,) = one.gold
    if chance["alone"] or not one.distractors:
        yield ReaderInput(one.text, one.gold)
    if chance["distractor"] and one.distractors:
        yield ReaderInput(one.text, (_pick(one.distractors, rng),))
    if chance["complete"] and one.distractors:
        yield ReaderInput(one.text, _group(one.gold, one.distractors, rng), complete=one.answerable)
    if chance["incomplete"] and one.answerable and len(one.distractors) > 1:
        yield ReaderInput(one.text, _group((), one.distractors, rng))
    if chance["altered"] and one.answerable and (question := alter(one.text, passage, rng)):
        unanswering = (ReaderPassage(passage.title, passage.text),)
        yield ReaderInput(question, unanswering if rng.random() < 0.5 else _group(unanswering, one.distractors, rng))


def _several(one: ReaderQuestion, chance: Mapping[str, bool], rng: np.random.Generator) -> Iterator[ReaderInput]:
    """A question that needs all its passages."""
    with_answer = [passage for passage in one.gold if passage.answer]
    leading = [passage for passage in one.gold if not passage.answer]
    if chance["alone"] and with_answer and not one.answer_type:
        yield ReaderInput(one.text, (_pick(with_answer, rng),))
    if chance["leading"] and leading:
        yield ReaderInput(one.text, (_pick(leading, rng),))
    if chance["distractor"] and one.distractors:
        yield ReaderInput(one.text, (_pick(one.distractors, rng),))
    for _ in range(2 if one.answer_type else int(chance["complete"] and one.answerable)):
        yield ReaderInput(one.text, _group(one.gold, one.distractors, rng), one.answer_type, complete=True)
    if chance["incomplete"]:
        missing = int(rng.integers(len(one.gold)))
        rest = [passage for n, passage in enumerate(one.gold) if n != missing]
        yield ReaderInput(one.text, _group(rest, one.distractors, rng))
    if chance["altered"] and (question := alter(one.text, _pick(one.gold, rng), rng)):
        unanswering = [ReaderPassage(passage.title, passage.text) for passage in one.gold]
        yield ReaderInput(question, _group(unanswering, one.distractors, rng))


def _pick(passages: Sequence[ReaderPassage], rng: np.random.Generator) -> ReaderPassage:
    return passages[int(rng.integers(len(passages)))]


def _group(
    gold: Sequence[ReaderPassage], distractors: Sequence[ReaderPassage], rng: np.random.Generator
) -> tuple[ReaderPassage, ...]:
    """Some passages and a random number of others, in random order."""
    room = min(len(distractors), max(0, MAX_PASSAGES - len(gold)))
    least = min(room, max(0, 2 - len(gold)))
    others = rng.permutation(len(distractors))[: int(rng.integers(least, room + 1))]
    passages = [*gold, *(distractors[i] for i in others)]
    return tuple(passages[i] for i in rng.permutation(len(passages)))


def alter(question: str, passage: ReaderPassage, rng: np.random.Generator) -> str:
    """The question with one of its names or numbers exchanged for another of the passage's; "" where there is none.

    What the passage says of the one it mostly does not say of the other: an unanswerable question that looks right, as
    people wrote them for SQuAD 2.0 (arXiv 1806.03822).
    """
    stems = {token.stem for token in tokens(f"{passage.title} {passage.text}")}
    named = [token for token in tokens(question) if token.kind in NAMED and token.stem in stems]
    if not named:
        return ""
    one = named[int(rng.integers(len(named)))]
    known = {token.stem for token in tokens(question)}
    answer = passage.text[slice(*passage.answer)] if passage.answer else ""
    known |= {token.stem for token in tokens(answer)}
    others = [token.text for token in tokens(passage.text) if _interchangeable(token, one) and token.stem not in known]
    if not others:
        return ""
    new = others[int(rng.integers(len(others)))]
    return re.sub(rf"(?<!\w){re.escape(one.text)}(?!\w)", lambda _: new, question, count=1)


def _interchangeable(a: Token, b: Token) -> bool:
    """Whether two names, or two numbers as long, could stand in each other's place."""
    number = b.kind == "number"
    return a.kind == b.kind and (not number or (a.text[0].isdigit(), len(a.text)) == (b.text[0].isdigit(), len(b.text)))
