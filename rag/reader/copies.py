"""Which passages are near-copies of each other: five copies of a file are one source, whatever their names are.

Two passages are near-copies where most runs of three words of the shorter one stand in the other (shingles and
containment, Broder 1997), so that a prefix, a changed name, small edits or another place of the cut hide nothing.
Copies of copies belong together. What it does not do: it sees no copy in other words, and which one came first it
cannot know.

Versions of a document are near-copies, too, and a reader should see what they say differently. So a near-copy repeats
another text only where no word is changed between them, but those of a label at either end; where two such texts stand
there, plain words may be changed: no number, name or negation.
"""

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from functools import lru_cache
from itertools import combinations

from rag.text.words import fold

RUN = 3  # words of a shingle
CONTAINED = 0.5  # of the shorter passage's shingles, from which on it is a near-copy
LABEL = 6  # words at an end: "Copy for the archive."
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W_\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+")
_WHOLE_WORD = re.compile(r"[\w'’]+")
_NEGATION = re.compile(r"(?:no|not|nor|never|none|neither|without|cannot|.*n['’]t)", re.IGNORECASE)

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


def repeats(text: str, others: Sequence[str]) -> bool:
    """Whether a text says nothing beside the others, as one of them says it."""
    own = _shingles(text)
    changes = [{*_changed_words(text, other)} for other in others if _are_copies(own, _shingles(other))]
    return any(not words or (len(changes) > 1 and not any(map(_tells, words))) for words in changes)


def _changed_words(text: str, other: str) -> Iterator[str]:
    """The words of a text that the other has not in their place, and negations that it lacks; without its label."""
    own, its = _WHOLE_WORD.findall(text), _WHOLE_WORD.findall(other)
    match = SequenceMatcher(None, [word.casefold() for word in its], [word.casefold() for word in own], autojunk=False)
    for kind, lost, lost_end, start, end in match.get_opcodes():
        if kind != "equal":
            is_label = kind == "insert" and end - start <= LABEL and (start == 0 or end == len(own))
            yield from filter(_NEGATION.fullmatch, its[lost:lost_end] + own[start:end])
            yield from () if is_label else own[start:end]


def _tells(word: str) -> bool:
    return bool(_NEGATION.fullmatch(word)) or any(letter.isdigit() or letter.isupper() for letter in word)


def _join(groups: list[int], i: int, j: int) -> None:
    low, high = sorted((groups[i], groups[j]))
    groups[:] = [low if group == high else group for group in groups]


def _are_copies(one: Shingles, other: Shingles) -> bool:
    return len(one & other) >= CONTAINED * max(1, min(len(one), len(other)))


@lru_cache(64)
def _shingles(text: str) -> Shingles:
    """All runs of words; of a shorter text the text."""
    words = _WORD.findall(fold(text))
    return frozenset(tuple(words[i : i + RUN]) for i in range(max(1, len(words) - RUN + 1)))
