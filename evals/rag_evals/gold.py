"""From hits to the names that gold is given in: passage ids, file names, or quotes found in the text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path, PurePath

from rag import Hit
from rag_evals.datasets import Passage, Question


def ranking(question: Question, hits: Iterable[Hit], documents: Sequence[str]) -> dict[str, int]:
    """Each name in the order of its first hit, with the hop of that hit."""
    found: dict[str, int] = {}
    for hit in hits:
        for name in names_of(question, hit, documents):
            found.setdefault(name, hit.hop)
    return found


def names_of(question: Question, hit: Hit, documents: Sequence[str]) -> tuple[str, ...]:
    """What a hit is called: the name of its passage or file, or the quotes of the question that it holds.

    With quotes its own name counts only where that is gold, too: a found quote must not push the next one down.
    """
    text = " ".join(hit.chunk.text.split()) if question.quotes else ""
    held = tuple(quote for quote in question.quotes if " ".join(quote.split()) in text)
    name = name_of(hit, documents)
    return (*held, name) if not held or name in question.gold else held


def name_of(hit: Hit, documents: Sequence[str]) -> str:
    """The pid of a corpus passage; of a document, its file as seen from the folder that was ingested."""
    if not documents:
        return str(hit.chunk.meta.get("id", hit.chunk.source))
    path = PurePath(hit.chunk.source)
    tops = [Path(folder).resolve() for folder in documents]
    return next((path.relative_to(top).as_posix() for top in tops if path.is_relative_to(top)), path.as_posix())


def sentences_at(passage: Passage, start: int, end: int) -> list[int]:
    """Numbers of the sentences of a passage that overlap a span of its text."""
    numbers: list[int] = []
    at = 0
    for number, sentence in enumerate(passage.sentences):
        at = passage.text.find(sentence, at)
        if at < 0:
            break
        if at < end and start < at + len(sentence):
            numbers.append(number)
        at += len(sentence)
    return numbers
