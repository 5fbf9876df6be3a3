"""A text as terms that can be compared exactly: names, numbers, units, and words by their root.

Three, 3 and 3.0 are one number, 5 million and 5,000,000 another; km, kilometre and kilometers are one unit, $ and
dollars another. Dates have one order, "didn't" and "fails to" a "not". Words are compared by a root (an irregular
form's base, or what is left without English endings) or by their first letters. What it does not do: convert units,
read Roman numbers, know synonyms.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from rag.answer import negations
from rag.answer.amounts import UNITS, level_amounts
from rag.answer.negations import NEGATIONS
from rag.answer.roots import find_root
from rag.text.identifiers import Identifier, find_identifiers
from rag.text.words import tokens

REMEMBERED = 4096  # sentences whose terms are kept: the statements of an answer cite the same ones
TURNS = frozenset(  # stop words that turn a statement round when one stands for another
    "before after above below over under up down on off more most few all some only until since".split()
)

_PARTS = frozenset("half halves quarter quarters thirds twice thrice dozen dozens hundreds thousands millions".split())
_NUMBERS = re.compile(r"\d+(?:[-/]\d+)*(?:/[a-z]+2?)?")
_NAME_OF_PLACE = re.compile(  # a file or a host, or a number that begins with 0
    r"(?<![\w@/.])\w*[^\W\d_]{2}\w*(?:\.(?![A-Z])\w*[^\W\d_]{2}\w*)+(?!\w)|(?<![\w.,:/–-])0\d+(?!\w|[.,:/–-]\d)"
)


@dataclass(frozen=True, slots=True)
class Term:
    """A word with its `root`, or what must be exact: `kind` is "number", "unit", "name", "lead" (capitalised only
    because it opens the text?), "word", "turn" (one of TURNS) or "not"."""

    key: str
    kind: str
    root: str
    stem: str


@lru_cache(REMEMBERED)
def read(text: str) -> tuple[Term, ...]:
    """The terms of a text in order."""
    found: list[Term] = []
    for token in tokens(level_amounts(negations.level(text)), NEGATIONS | TURNS):
        key = UNITS.get(token.key, token.key) if token.kind != "name" else token.key
        kind = _kind(key, token.kind, any(term.kind == "number" for term in found[-2:]))
        found.append(Term(key, kind, key if kind in ("number", "unit") else find_root(key), token.stem))
    return tuple(found)


def find_codes(text: str) -> list[Identifier]:
    """What must be there as a whole, as it is written: identifiers but mere numbers, and names of files and hosts."""
    identifiers = [one for one in find_identifiers(text) if not _NUMBERS.fullmatch(one.written)]
    return [*identifiers, *map(Identifier, _NAME_OF_PLACE.findall(text))]


def _kind(key: str, kind: str, counted: bool) -> str:
    if key in NEGATIONS:
        return "not"
    if key in TURNS:
        return "turn"
    if key in _PARTS:
        return "number"
    return "unit" if counted and key in UNITS and kind != "name" else kind
