"""Training examples for the reader: what it reads, and what it should find there.

A question is read with a passage alone (one that holds the answer, one that only leads to it, or one that merely looks
right) and with several at once, as the reader does: all it needs among others, or some of it missing; some are then
asked of something else (`altered`), which the passages do not answer. Questions without an answer are read with their
own passage.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rag.reader.network import GROUP
from rag.text.words import NAMED, Token, tokens
from rag.train.reader.questions import Part, ReaderQuestion

SHARES = {  # of the questions
    "alone": 0.7,
    "leading": 0.4,
    "wrong": 0.4,
    "whole": 0.8,
    "missing": 0.5,
    "altered": 0.3,
}


@dataclass(frozen=True, slots=True)
class ReaderInput:
    """A question with a passage or several; `kind` is 0 for a span or nothing, 1 for yes, 2 for no.

    `whole` says of several whether they hold all that the answer needs.
    """

    question: str
    parts: tuple[Part, ...]
    kind: int = 0
    whole: bool = False


def readings(
    questions: Sequence[ReaderQuestion], rng: np.random.Generator, shares: Mapping[str, float] = SHARES
) -> Iterator[ReaderInput]:
    """The readings of one epoch, drawn anew each time; `shares` says of how many questions each kind is made."""
    for one in questions:
        chance = {name: rng.random() < share for name, share in shares.items()}
        yield from (_several if len(one.golds) > 1 else _single)(one, chance, rng)


def _single(one: ReaderQuestion, chance: Mapping[str, bool], rng: np.random.Generator) -> Iterator[ReaderInput]:
    """A question that one passage answers, or seems to."""
    (part,) = one.golds
    if chance["alone"] or not one.near:
        yield ReaderInput(one.question, one.golds)
    if chance["wrong"] and one.near:
        yield ReaderInput(one.question, (_one(one.near, rng),))
    if chance["whole"] and one.near:
        yield ReaderInput(one.question, _group(one.golds, one.near, rng), whole=one.answerable)
    if chance["missing"] and one.answerable and len(one.near) > 1:
        yield ReaderInput(one.question, _group((), one.near, rng))
    if chance["altered"] and one.answerable and (question := altered(one.question, part, rng)):
        unread = (Part(part.title, part.text),)
        yield ReaderInput(question, unread if rng.random() < 0.5 else _group(unread, one.near, rng))


def _several(one: ReaderQuestion, chance: Mapping[str, bool], rng: np.random.Generator) -> Iterator[ReaderInput]:
    """A question that needs all its passages."""
    holders = [part for part in one.golds if part.answer]
    leading = [part for part in one.golds if not part.answer]
    if chance["alone"] and holders and not one.kind:
        yield ReaderInput(one.question, (_one(holders, rng),))
    if chance["leading"] and leading:
        yield ReaderInput(one.question, (_one(leading, rng),))
    if chance["wrong"] and one.near:
        yield ReaderInput(one.question, (_one(one.near, rng),))
    for _ in range(2 if one.kind else int(chance["whole"] and one.answerable)):
        yield ReaderInput(one.question, _group(one.golds, one.near, rng), one.kind, whole=True)
    if chance["missing"]:
        lost = int(rng.integers(len(one.golds)))
        left = [part for n, part in enumerate(one.golds) if n != lost]
        yield ReaderInput(one.question, _group(left, one.near, rng))
    if chance["altered"] and (question := altered(one.question, _one(one.golds, rng), rng)):
        unread = [Part(part.title, part.text) for part in one.golds]
        yield ReaderInput(question, _group(unread, one.near, rng))


def _one(parts: Sequence[Part], rng: np.random.Generator) -> Part:
    return parts[int(rng.integers(len(parts)))]


def _group(golds: Sequence[Part], near: Sequence[Part], rng: np.random.Generator) -> tuple[Part, ...]:
    """Some passages and a random number of others, in random order."""
    room = min(len(near), max(0, GROUP - len(golds)))
    least = min(room, max(0, 2 - len(golds)))
    others = rng.permutation(len(near))[: int(rng.integers(least, room + 1))]
    parts = [*golds, *(near[i] for i in others)]
    return tuple(parts[i] for i in rng.permutation(len(parts)))


def altered(question: str, part: Part, rng: np.random.Generator) -> str:
    """The question with one of its names or numbers exchanged for another of the passage's; "" where there is none.

    What the passage says of the one it mostly does not say of the other: an unanswerable question that looks right, as
    people wrote them for SQuAD 2.0 (arXiv 1806.03822).
    """
    held = {token.stem for token in tokens(f"{part.title} {part.text}")}
    asked = [token for token in tokens(question) if token.kind in NAMED]
    replaced = [token for token in asked if token.stem in held]
    if not replaced:
        return ""
    one = replaced[int(rng.integers(len(replaced)))]
    known = {token.stem for token in tokens(question)}
    answer = part.text[slice(*part.answer)] if part.answer else ""
    known |= {token.stem for token in tokens(answer)}
    others = [token.text for token in tokens(part.text) if _alike(token, one) and token.stem not in known]
    if not others:
        return ""
    new = others[int(rng.integers(len(others)))]
    return re.sub(rf"(?<!\w){re.escape(one.text)}(?!\w)", lambda _: new, question, count=1)


def _alike(a: Token, b: Token) -> bool:
    """Whether two names, or two numbers as long, could stand in each other's place."""
    number = b.kind == "number"
    return a.kind == b.kind and (not number or (a.text[0].isdigit(), len(a.text)) == (b.text[0].isdigit(), len(b.text)))
