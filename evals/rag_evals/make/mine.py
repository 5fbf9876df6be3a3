"""Candidates from an index: what the forms make of its sentences, without what cannot be asked, varied and seeded."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import zip_longest

from rag import Chunk, Pipeline
from rag_evals.make.bridge import bridged, descriptions
from rag_evals.make.cloze import clozes
from rag_evals.make.draft import Draft, sound, words
from rag_evals.make.material import known_names, material
from rag_evals.make.single import kinds, singles
from rag_evals.make.table import of_row

TABLES = 1 / 3  # of the drafts at most
ALIKE = 1 / 20  # begin with the same four words at most


def chunks(pipeline: Pipeline) -> list[Chunk]:
    """Every chunk of the pipeline's index, in the order of the documents. Raises IndexMissing."""
    store = pipeline.stages.store
    found = [hit.chunk for hit in store.fetch(sorted(store.ids()))]
    return sorted(found, key=lambda chunk: (chunk.source, chunk.doc_id, chunk.start))


def mine(chunks: Sequence[Chunk], *, n: int, seed: int = 0) -> list[Draft]:
    """At most `n` drafts, two-hop and single-hop in turn, spread over the documents; the same seed gives the same.

    Tables give at most a share of `TABLES`, and sentences with a gap come when nothing else is left.
    """
    sentences, rows = material(chunks)
    known, what = known_names(chunks), kinds(sentences, rows)
    told = _sound(draft for sentence in sentences for draft in singles(sentence, what))
    listed = _sound(draft for row in rows for draft in of_row(row))
    about = descriptions(sentences, rows, known, what)
    double = _sound(made for draft in (*told, *listed) for made in bridged(draft, known, about))
    gaps = _sound(draft for sentence in sentences for draft in clozes(sentence, known))
    simple = _varied([*told, *listed], seed)
    pick = _Picker(n)
    hard = pick.take(_varied(double, seed), n - n // 2)
    easy = pick.take(simple, n - len(hard))
    return [*_in_turn(hard, easy), *pick.take(_varied(gaps, seed), n - len(hard) - len(easy))]


class _Picker:
    """Takes drafts in order: a quote for one answer only, tables up to their share, few that begin alike."""

    def __init__(self, n: int) -> None:
        self._tables = round(TABLES * n)
        self._alike = max(2, round(ALIKE * n))
        self._used: set[str] = set()
        self._begun: Counter[str] = Counter()

    def take(self, drafts: Iterable[Draft], most: int) -> list[Draft]:
        taken: list[Draft] = []
        for draft in drafts:
            quote = draft.supports[-1].quote
            table = draft.form.startswith("row")
            begins = " ".join(draft.question.rpartition("”, ")[2].split()[:4])
            fresh = quote not in self._used and self._begun[begins] < self._alike
            if len(taken) < most and fresh and self._tables >= table:
                self._used.add(quote)
                self._begun[begins] += 1
                self._tables -= table
                taken.append(draft)
        return taken


def _in_turn(first: Iterable[Draft], second: Iterable[Draft]) -> list[Draft]:
    return [draft for pair in zip_longest(first, second) for draft in pair if draft is not None]


def _sound(drafts: Iterable[Draft]) -> list[Draft]:
    """Those that can be asked and have one answer: a question that comes with two is left out."""
    kept = {(draft.question, draft.answer): draft for draft in drafts if sound(draft)}
    often = Counter(" ".join(words(question)) for question, _ in kept)
    return [draft for draft in kept.values() if often[" ".join(words(draft.question))] == 1]


def _varied(drafts: Sequence[Draft], seed: int) -> list[Draft]:
    """In random order, but with one of every document before the second of any."""
    order = list(drafts)
    random.Random(seed).shuffle(order)
    turn: Counter[str] = Counter()
    ranked = []
    for draft in order:
        places = {support.chunk.source for support in draft.supports}
        ranked.append((max(turn[place] for place in places), draft))
        turn.update(places)
    return [draft for _, draft in sorted(ranked, key=lambda item: item[0])]
