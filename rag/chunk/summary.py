"""What a document is about, in a few words and without a model: the words it uses most often.

A chunk says "it" and "the company"; the document says the word again and again. Words are counted by their first
letters, as everywhere (`rag.text.words`), without stop words and numbers, and stand in the form that is used most, the
most frequent first. A keyword list is what extractive summaries are to an embedder; what it does not do: sentences.
"""

import re
from collections import Counter

from rag.text.stopwords import STOP_WORDS
from rag.text.words import STEM

WORDS = 5
LEAST = 3  # times; a word that is used less is no subject
LONGEST = 1_000_000  # characters that are read; a subject is named early and often

_WORD = re.compile(r"[^\W\d_][^\W\d_-]{2,}")


def subject(text: str) -> str:
    """At most `WORDS` words, the most frequent first; empty where nothing is said `LEAST` times."""
    forms: dict[str, Counter[str]] = {}
    for match in _WORD.finditer(text, 0, LONGEST):
        word = match[0]
        if (folded := word.casefold()) not in STOP_WORDS:
            forms.setdefault(folded[:STEM], Counter())[word] += 1
    totals = {stem: used.total() for stem, used in forms.items() if used.total() >= LEAST}
    best = sorted(totals, key=lambda stem: (-totals[stem], stem))[:WORDS]
    return " ".join(min(forms[stem], key=lambda form: (-forms[stem][form], form)) for stem in best)
