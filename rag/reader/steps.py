"""Which sentences lead on to others, so that they are shown together, the one that answers last.

A sentence leads to another one where it mentions what that one's passage is about, in words that the question lacks.
Two sentences are linked, too, where both have a name that the question lacks and that few of the passages have, or an
identifier: "the Grey Heron has a Capra W40 winch", "the bearings of the W40"; then the one with more of the question's
names leads, and a sentence about the W25 is beside the point. The heading of a passage counts as its sentences, a label
inside it as those below. A row of a table is about what stands in it, whatever the other rows are about.
What it does not do: it resolves no "it" and no "the company".
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rag.reader.evidence import find_label
from rag.reader.network import Passage, Span
from rag.text.identifiers import Identifier, find_identifiers, name_another
from rag.text.mentions import mentions
from rag.text.words import stems, tokens

RARE = 3  # passages that have a name, at most, by which sentences are linked
DIGITS = 3  # of a number that is a name

_DATE = re.compile(r"month \d+|(?:1\d|20)\d\d")
_UNIT = re.compile(r"[a-z]{1,2}\d")  # m2, h2
_COLUMN = re.compile(r"(?:^|; )([^:;|]{1,60}): ")
_ROW = re.compile(r"[^:;|]{1,60}: [^;|]*; [^:;|]{1,60}: |[^|]+\|")  # Berth: 9; Depth: 4.3


@dataclass(frozen=True, slots=True)
class Steps:
    """Of each sentence the place of its passage, the keys that it mentions and is about, and its names."""

    places: Sequence[int]
    mentioned: Sequence[frozenset[str]]
    subjects: Sequence[frozenset[str]]
    names: Sequence[frozenset[str]]
    around: Sequence[frozenset[str]]  # with those of the heading
    texts: Sequence[str]  # the sentences, each below its label
    identifiers: Sequence[tuple[Identifier, ...]]  # those that the question lacks, and several passages have
    asked: Sequence[frozenset[str]]  # names of the question, with those in the heading
    columns: Sequence[tuple[str, ...]]  # the labels of a row

    def leads(self, i: int, j: int) -> bool:
        """Whether a sentence leads to another one, of another passage."""
        if self.places[i] == self.places[j]:
            return False
        told = self.share_identifier(i, j) and not self.asked[i] <= self.asked[j]
        return told or not self.mentioned[i].isdisjoint(self.subjects[j] - self.subjects[i])

    def share_name(self, i: int, j: int) -> bool:
        """Whether a name links two sentences of different passages."""
        apart = self.places[i] != self.places[j]
        return apart and bool(self.names[i] & self.around[j] or self.names[j] & self.around[i])

    def share_identifier(self, i: int, j: int) -> bool:
        """Whether an identifier links two sentences of different passages; no two rows of one table."""
        if self.places[i] == self.places[j] or (self.columns[i] and self.columns[i] == self.columns[j]):
            return False
        return any(one.is_in(self.texts[j]) for one in self.identifiers[i])

    def lead_on(self, i: int, j: int) -> bool:
        """Whether one leads to the other, or has its identifier."""
        return self.leads(i, j) or self.leads(j, i) or self.share_identifier(i, j)

    def are_linked(self, i: int, j: int) -> bool:
        """Whether one leads on to the other, or a name links them."""
        return self.lead_on(i, j) or self.share_name(i, j)

    def leads_past(self, i: int, j: int) -> bool:
        """Whether a sentence leads on to one thing, and another one is about another thing of this kind."""
        return name_another(self.identifiers[i], self.texts[j])

    def order(self, chosen: Sequence[int]) -> list[int]:
        """Those that are linked, each behind those that lead to it; one that is led to last, the first of `chosen`."""
        ordered: list[int] = []
        left = [i for i in reversed(chosen) if any(self.are_linked(i, j) for j in chosen)]
        while left:
            free = [i for i in left if not any(self.leads(j, i) for j in left if j != i)]
            ordered.append(free[0] if free else left[0])
            left.remove(ordered[-1])
        led = [i for i in ordered if any(self.leads(j, i) for j in ordered)]
        return [*(i for i in ordered if i not in led[-1:]), *led[-1:]]


def find_steps(
    question: str,
    sentences: Sequence[Span],
    passages: Sequence[Passage],
    about: Sequence[Sequence[str]],
) -> Steps:
    """The steps among some sentences; `about` are the keys of what each passage is about."""
    places = [one.passage for one in sentences]
    texts = [passages[one.passage][1][one.start : one.end] for one in sentences]
    labelled = [f"{find_label(one, passages)}\n{text}" for one, text in zip(sentences, texts, strict=True)]
    asked = stems(question)
    keys = frozenset(key for own in about for key in own if not stems(key) <= asked) - frozenset(mentions(question))
    asked_names = _find_names(question)
    mentioned = [keys & frozenset(mentions(text)) if keys else frozenset[str]() for text in texts]
    own = [keys & frozenset(about[place]) if keys else frozenset[str]() for place in places]
    counts = Counter(stem for passage in passages for stem in stems("\n".join(passage)))
    known = asked | {stem for stem, count in counts.items() if count > RARE}
    names = [_find_names(text) - known for text in texts]
    having = Counter(thing for passage in passages for thing in _find_things("\n".join(passage)))
    things = {thing for thing, count in having.items() if count > 1 and not thing.is_in(question)}
    headings = [_find_names(heading) - known for heading, _ in passages]
    return Steps(
        places,
        mentioned,
        [has & says if _ROW.match(text) else has for has, says, text in zip(own, mentioned, texts, strict=True)],
        names,
        [one | headings[place] for one, place in zip(names, places, strict=True)],
        labelled,
        [tuple(one for one in _find_things(text) if one in things) for text in labelled],
        [asked_names & (stems(text) | stems(passages[place][0])) for text, place in zip(texts, places, strict=True)],
        [tuple(_COLUMN.findall(text)) if _ROW.match(text) else () for text in texts],
    )


def _find_things(text: str) -> tuple[Identifier, ...]:
    """The identifiers of a text but units (m2)."""
    return tuple(one for one in find_identifiers(text) if not _UNIT.fullmatch(one.written))


def _find_names(text: str) -> frozenset[str]:
    """The stems of a text's names and long numbers; days and years link nothing."""
    found = (token for token in tokens(text) if token.kind == "name" or len(token.key) >= DIGITS)
    return frozenset(t.stem for t in found if t.kind == "name" or (t.kind == "number" and not _DATE.fullmatch(t.key)))
