"""A question that may become part of a dataset, with the exact quotes its answer rests on."""

from __future__ import annotations

import re
from dataclasses import dataclass

from rag import Chunk

LENGTH = range(4, 36)  # words of a question

_WORD = re.compile(r"\w+")
_SMALL = frozenset(
    "a an the of in on at to for by is are was were and or what which who how many when where does".split()
)


@dataclass(frozen=True, slots=True)
class Support:
    """A sentence or row that a question rests on: exactly as it stands in the document, and the chunk it is in."""

    quote: str
    chunk: Chunk


@dataclass(frozen=True, slots=True)
class Draft:
    """`form` names the rule that made it; `supports` are in the order in which one would find them."""

    question: str
    answer: str
    form: str
    supports: tuple[Support, ...]

    @property
    def hops(self) -> int:
        return len(self.supports)


def words(text: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(text)]


def sound(draft: Draft) -> bool:
    """Whether a draft can be asked: of sensible length, its answer in no part of it, and in the last quote only."""
    question, answer = words(draft.question), words(draft.answer)
    content = [word for word in question if word not in _SMALL]
    said = f" {' '.join(question)} "
    *before, last = (f" {' '.join(words(support.quote))} " for support in draft.supports)
    wanted = f" {' '.join(answer)} "
    return (
        bool(answer)
        and len(question) in LENGTH
        and len(content) >= 3
        and len(answer) <= 8
        and ";" not in draft.answer  # separates answers in a csv file
        and wanted not in said
        and not (len(answer) > 1 and all(f" {word} " in said for word in answer))
        and last.count(wanted) == 1
        and not any(wanted in text for text in before)
        and len(set(question)) > 0.6 * len(question)
    )
