"""Answers out of a passage about something else: it has none of the names that the question is about.

"What is the default replication factor of HDFS?" must not be answered from a paper on another file system. A passage
need not have the names where a step leads to it from one that has them: that one mentions what it is about, or the
other way round ("the yard that built the Grey Heron"). What it does not do: it knows no other name of the same thing,
and lets pass long questions, which mention names by the way.
"""

from collections.abc import Sequence

from rag.reader.network import Passage
from rag.text.absent import has_form, telling_words
from rag.text.mentions import mentions
from rag.text.questions import analyse
from rag.text.words import NAMED

NAMES = 0.25  # of a question's telling words, from which on it is about them


def is_astray(question: str, place: int, passages: Sequence[Passage], about: Sequence[Sequence[str]]) -> bool:
    """Whether the passage at a place has none of a question's names, and none leads there.

    `about` are the keys of what each passage is about (`rag.text.mentions`).
    """
    telling = telling_words(question)
    names = [token for token in telling if token.kind in NAMED]
    if not names or len(names) < NAMES * len(telling) or analyse(question).kind == "choice":
        return False
    texts = ["\n".join(passage) for passage in passages]
    holders = [n for n, text in enumerate(texts) if any(has_form(name, text) for name in names)]
    if place in holders:
        return False
    mentioned = frozenset(mentions(texts[place]))
    own = frozenset(about[place])
    return all(mentioned.isdisjoint(about[n]) and own.isdisjoint(mentions(texts[n])) for n in holders)
