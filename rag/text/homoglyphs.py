"""Words that may look like others: with letters of another alphabet than the rest of the text.

Latin, Greek, Cyrillic and Armenian letters, and those of the phonetic alphabet, are easily taken for one another. A
word that mixes them, or is written in another one than most of its text, is held only by evidence that writes it
exactly so. Source: the idea of mixed-script confusables, Unicode technical standard 39, without its tables.
"""

import re
from collections import Counter
from collections.abc import Sequence

_ALPHABETS = re.compile(
    "(?P<phonetic>[ɐ-ʯᴀ-ᶿ])|(?P<latin>[A-Za-zª-ɏḀ-ỿ])|(?P<greek>[Ͱ-Ͽἀ-῿])|(?P<cyrillic>[Ѐ-ԯ])|(?P<armenian>[԰-֏])"
)


def find_lookalikes(words: Sequence[str]) -> set[int]:
    """Indexes of the words that are not wholly in the alphabet most words are in."""
    if all(word.isascii() for word in words):
        return set()
    used = [frozenset(match.lastgroup for match in _ALPHABETS.finditer(word)) for word in words]
    (home, _), *_ = Counter(kinds for kinds in used if kinds).most_common(1) or [(frozenset(), 0)]
    return {i for i, kinds in enumerate(used) if kinds and (kinds != home or len(kinds) > 1)}
