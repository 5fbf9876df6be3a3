"""Which passages are near-copies of each other: five copies of a file are one source, whatever their names are.

Two passages are near-copies where most runs of three words of the shorter one stand in the other (shingles and
containment, Broder 1997), so that a prefix, a changed name, small edits or another place of the cut hide nothing.
Copies of copies belong together. What it does not do: it sees no copy in other words, and which one came first it
cannot know.
"""

import re
from collections.abc import Sequence
from itertools import combinations

from rag.text.words import fold

RUN = 3  # words of a shingle
CONTAINED = 0.5  # of the shorter passage's shingles, from which on it is a near-copy
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W_\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+")

Shingles = frozenset[tuple[str, ...]]


def group_copies(texts: Sequence[str]) -> tuple[int, ...]:
    """For each text the place of the first one of its group; one that is like no other has its own place."""
    groups, shingles = list(range(len(texts))), [_shingles(text) for text in texts]
    for i, j in combinations(range(len(texts)), 2):
        if _are_copies(shingles[i], shingles[j]):
            _join(groups, i, j)
    return tuple(groups)


def name_sources(documents: Sequence[str], texts: Sequence[str]) -> tuple[str, ...]:
    """Of each text its independent source: the first document's name among those that are near-copies of each other.

    `documents` names that of each text. Documents are one source where any two of their texts are near-copies.
    """
    groups = list(group_copies(texts))
    for i, name in enumerate(documents):
        _join(groups, documents.index(name), i)
    return tuple(documents[group] for group in groups)


def _join(groups: list[int], i: int, j: int) -> None:
    low, high = sorted((groups[i], groups[j]))
    groups[:] = [low if group == high else group for group in groups]


def _are_copies(one: Shingles, other: Shingles) -> bool:
    return len(one & other) >= CONTAINED * max(1, min(len(one), len(other)))


def _shingles(text: str) -> Shingles:
    """All runs of words; of a shorter text the text."""
    words = _WORD.findall(fold(text))
    return frozenset(tuple(words[i : i + RUN]) for i in range(max(1, len(words) - RUN + 1)))
