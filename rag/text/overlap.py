"""How much of a question a text has, in any language: of its words, and of the pieces of its words.

Pieces of four letters find a word in another form and as a part of a compound ("Urlaub" in "Mindesturlaub"), without a
stemmer or a list of words; of scripts that put no blanks between words they are one sign and two. A word or piece
weighs the more the fewer of the texts have it. What it does not do: it knows no synonyms, and translates nothing.
"""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import lru_cache

from rag.text.languages import detect_language
from rag.text.stopwords import FOREIGN_WORDS
from rag.text.words import fold, stems

PIECE = 4  # letters
WORDS = 0.4  # what all words weigh; the pieces weigh the rest
REMEMBERED = 1024  # texts whose parts are kept

_WORD = re.compile(r"\w+")
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")  # Thai to Chinese


def weigh_parts(question: str, texts: Sequence[str]) -> Mapping[str, float]:
    """What each word and piece of a question weighs, by its rarity among some texts; all together weigh 1."""
    counts = Counter[str]()
    for text in texts:
        counts.update(find_parts(text))
    question = _leave_out(question, FOREIGN_WORDS.get(detect_language(question), frozenset()))
    words = frozenset(f"={stem}" for stem in stems(question))
    pieces = find_parts(question) - words
    kinds = [(words, WORDS if pieces else 1.0), (pieces, 1 - WORDS if words else 1.0)]
    weights: dict[str, float] = {}
    for parts, share in kinds:
        rarity = {part: math.log(1 + len(texts) / (1 + counts[part])) for part in sorted(parts)}
        total = sum(rarity.values())
        weights.update({part: share * value / total for part, value in rarity.items() if total})
    return weights


def share_parts(weights: Mapping[str, float], text: str) -> float:
    """How much of a question a text has, 0 to 1."""
    return sum(weights[part] for part in weights.keys() & find_parts(text))


def _leave_out(text: str, words: AbstractSet[str]) -> str:
    """A text without some words, unless it has no others."""
    return " ".join(word for word in text.split() if word.casefold().strip(",.;:?!¿¡«»„“”'’") not in words) or text


@lru_cache(REMEMBERED)
def find_parts(text: str) -> frozenset[str]:
    """The stems of a text's words, with = before them, and the pieces of its words."""
    parts = {f"={stem}" for stem in stems(text)}
    return frozenset(parts.union(*map(_pieces, _WORD.findall(fold(text)))))


@lru_cache(2**14)
def _pieces(word: str) -> tuple[str, ...]:
    """Those of one word."""
    if _UNSPACED.search(word):
        return (*word, *(word[i : i + 2] for i in range(len(word) - 1)))
    if len(word) >= PIECE:
        return tuple(word[i : i + PIECE] for i in range(len(word) - PIECE + 1))
    return (word,) if len(word) == PIECE - 1 else ()
