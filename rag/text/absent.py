"""What of a question no passage speaks of, in any form: the one reason for silence that can be named.

Telling are names, numbers of three digits and more, identifiers, and words that are not common in questions ("many",
"get", "happens" are in every question). A telling word is there where a passage has its stem, its letters with other or
no accents, a compound of it, an abbreviation's words, or a word that differs by a letter or two: typing errors are no
reason for silence. What it does not do: it knows no synonyms, so that a plain word alone is a weak reason.
"""

import re
import unicodedata
from collections.abc import Sequence
from difflib import get_close_matches
from functools import lru_cache

from rag.text.identifiers import find_identifiers
from rag.text.stopwords import COMMON_WORDS
from rag.text.words import NAMED, Token, fold, stems, tokens

PART = 5  # letters of a word that may be a part of a compound, or misspelt
ALIKE = 0.8  # difflib's ratio of a word and its misspelling: one letter of five, two of ten
LONG_NUMBER = 3  # digits; shorter numbers are counts and limits that a passage may not repeat
_WORD = re.compile(r"[^\W_]+")
_ENDINGS = frozenset({"s", "es", "d", "ed", "ing", "r", "er"})
_ABBREVIATION = re.compile(r"[A-Z]{2,5}")


def find_absent(question: str, texts: Sequence[str]) -> tuple[str, ...]:
    """The telling words of a question, as written there, that no text has: names and numbers, else the others."""
    names, words = split_absent(question, texts)
    return names or words


def split_absent(question: str, texts: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names, numbers and identifiers that no text has in any form; and the other telling words."""
    whole = [one.written for one in find_identifiers(question) if not any(one.is_in(text) for text in texts)]
    absent = [token for token in telling_words(question) if not any(has_form(token, text) for text in texts)]
    absent = [token for token in absent if not any(token.text in identifier for identifier in whole)]
    names = (*whole, *(token.text for token in absent if token.kind in NAMED))
    return tuple(dict.fromkeys(names)), tuple(dict.fromkeys(t.text for t in absent if t.kind not in NAMED))


@lru_cache(64)
def telling_words(question: str) -> tuple[Token, ...]:
    """The words of a question that say what it is about."""
    words = tokens(question)
    if len(words) > 2 and all(token.kind in ("name", "lead") for token in words):  # A Question In Title Case
        words = [Token(token.key, "word", token.text) for token in words]
    return tuple(token for token in words if _is_telling(token))


def has_form(token: Token, text: str) -> bool:
    """Whether a text has a word in any form."""
    if token.stem in stems(text):
        return True
    if token.kind == "number":
        return False
    plain, words = _plain_words(text)
    key = _bare(token.key)
    if _ABBREVIATION.fullmatch(token.text) and _spelled_out(key).search(plain):
        return True
    if token.kind == "word" and any(_is_inflected(key, word) for word in words):
        return True
    if any(letter.isdigit() for letter in key) or len(key) < PART:
        return key in words
    return key in plain or _is_alike(key, words)


def _is_telling(token: Token) -> bool:
    if token.kind == "number":
        return sum(map(str.isdigit, token.key)) >= LONG_NUMBER
    if token.key in COMMON_WORDS:
        return False
    return token.kind == "name" or not _is_alike(token.key, COMMON_WORDS)


def _is_alike(word: str, words: frozenset[str]) -> bool:
    """Whether a word is a misspelling of one of these, or the other way round; of words with PART letters or more."""
    same = [one for one in words if len(one) >= PART and one[:2] == word[:2] and abs(len(one) - len(word)) <= 2]
    return len(word) >= PART and bool(get_close_matches(word, same, 1, ALIKE))


def _is_inflected(one: str, other: str) -> bool:
    """Whether two words begin alike: pumps and pump, added and add."""
    if len(other) < PART - 1:
        return one.removeprefix(other) in _ENDINGS
    return one[: PART - 1] == other[: PART - 1]


@lru_cache(64)
def _plain_words(text: str) -> tuple[str, frozenset[str]]:
    plain = _bare(fold(text))
    return plain, frozenset(_WORD.findall(plain))


def _bare(text: str) -> str:
    """Without accents."""
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))


@lru_cache(64)
def _spelled_out(letters: str) -> re.Pattern[str]:
    """Words that begin with these letters, in this order: chief executive officer."""
    return re.compile(r"\b" + r"\W+(?:(?:and|of|for|the|in)\W+)?".join(rf"{letter}\w+" for letter in letters))
