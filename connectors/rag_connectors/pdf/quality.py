"""How plausible the words of a text are, without a dictionary: a measure that tells decoded text from garbled text.

A word is plausible if its letters are of one script and, in a script with vowels, can be spoken in their order. A word
with a symbol, a control character or a private character inside is not. Numbers, names of things (K2-7), addresses
and abbreviations say nothing. Prose whose words are like those of no language is garbled, too. What it does not do:
find a wrong word that looks like a word among right ones.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from string import ascii_lowercase

GOOD = 0.75  # share of plausible words below which a page is looked at again
POOR = 0.5  # below it, what was read is not the text of the page
_SAMPLE, _SOUND = 100, 0.92  # words of a long text, and the share of plausible ones that leaves no doubt
LEAST, _MANY = 8, 20  # words that tell something of a page; enough to count letters

_OUTSIDE = "\"'“”‘’„«»‹›()[]{}<>.,;:!?…*†‡•·-–—/|_#%&+=~°©®™§¶¹²³0123456789"
_NEVER = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\ufffd\ue000-\uf8ff\U000f0000-\U0010ffff]"
    r"|(?:/[A-Za-z_.]{0,5}\d+){3}|\(cid:\d+\)"  # names of glyphs instead of letters
)
_PLAIN = re.compile(r"([a-z\u00df-\u024f]{2,})[.,;:!?]?")
_SMALL = frozenset(
    "the of and to in is der die und den von de la le les et des el los las que di il che van het een och".split()
)
_PROSE, _MOSTLY, _SMALL_SHARE = 60, 0.5, 0.1  # small words: of running text in the languages that most pages are in
_UNLIKE = 0.35  # sureness of a language: prose has 0.8 and more, dummy Latin 0.4, permuted letters a median of 0.13
_TRIPLED = re.compile("([\u0370-\u063f\u0641-\u06ff\u0900-\u0dff])\\1\\1")  # in alphabets that never do so
_SOME, _OFTEN = 3, 0.05  # such words of a page, and their share
_UNUSUAL = re.compile("[\u2440-\u245f\u3400-\u4dbf]")  # signs that hardly any text has, and many wrong encodings
_PARTS = re.compile(r"[-–—/.'’·:&+_@,;()=|]+")
_INSIDE = re.compile(r"[A-Za-z][$%*<>?!\[\]{}\\^`~\"#¤¥£¢¬¦×÷]+[A-Za-z]")
_VOWELS = frozenset("aeiouyäöüåæøœàáâãèéêëěęìíîïòóôõőùúûüűůýÿāēīōūăąıŵŷαεηιουωάέήίόύώаеёиоуыэюяіїєўѣ")
_NO_VOWEL = re.compile(r"(?:[^\W\d_]*[A-Z]){2}|[^\W\d_]{1,3}$")  # abbreviations
_LONG = 6  # consonants that no language here puts together; "Angstschweiß" has eight
_USUAL, _USUAL_SHARE = (
    "eaintros",
    0.42,
)  # letters that make half of a text in Latin script, and the least that they make
_STRANGE = frozenset(["MODIFIER", "PHONETIC"])


def plausibility(text: str) -> tuple[float, int]:
    """The share of plausible words among those that tell, and how many they are."""
    return _share(text.split())


def _share(tokens: Iterable[str]) -> tuple[float, int]:
    verdicts = [verdict for token in tokens if (verdict := _verdict(token)) is not None]
    return (sum(verdicts) / len(verdicts) if verdicts else 1.0), len(verdicts)


def likeness(text: str) -> float:
    """How much a text is like one in a language, to compare readings of it: plausible words of usual letters."""
    return plausibility(text)[0] * _usual(text)


def _usual(text: str) -> float:
    """At most 1, less where a text in Latin script lacks the letters that are usual in it."""
    folded = text.lower()
    letters = sum(map(folded.count, ascii_lowercase))
    usual = sum(map(folded.count, _USUAL)) / letters if letters > len(text) / 2 else 1.0
    return min(1.0, usual / _USUAL_SHARE)


def is_garbled(text: str) -> bool:
    """Whether so many words of the text are none that it cannot have been decoded right."""
    if not text.isascii() and _is_tripled(text):
        return True
    if is_no_language(text):
        return True
    if _looks_sound(text):
        return False
    share, count = plausibility(text)
    if count >= _MANY:
        share *= _usual(text)
    return share < GOOD and (count >= LEAST or bool(_NEVER.search(text)) or share < POOR)


def is_no_language(text: str) -> bool:
    """Whether prose in Latin letters is in no language: its letters stand for others, its words can be spoken."""
    tokens = text.split()
    if sum(map(_SMALL.__contains__, tokens)) >= _SMALL_SHARE * len(tokens):
        return False
    words = [match[1] for match in map(_PLAIN.fullmatch, tokens) if match]
    if len(words) < max(_PROSE, _MOSTLY * len(tokens)):
        return False
    from rag.text.languages import language_likeness  # here: few pages need its model

    half = len(words) // 2
    return max(language_likeness(" ".join(part)) for part in (words[:half], words[half:])) < _UNLIKE


def _is_tripled(text: str) -> bool:
    """Whether letters come three times in a row, as where a font names what draws lines out by a letter."""
    count = len(_TRIPLED.findall(text))
    return count >= _SOME and count > _OFTEN * len(text.split())


def _looks_sound(text: str) -> bool:
    """Whether a sample of a long text leaves no doubt."""
    tokens = text.split()
    if len(tokens) < 2 * _SAMPLE:
        return False
    share, count = _share(tokens[:: len(tokens) // _SAMPLE])
    return count >= _SAMPLE // 3 and share * _usual(text) >= _SOUND


def agreement(first: str, second: str) -> float:
    """The share of the words of the text with fewer of them that the other has, whatever the order."""
    words, others = (frozenset(re.findall(r"\w{2,}", text.casefold())) for text in (first, second))
    fewer, more = sorted((words, others), key=len)
    return len(fewer & more) / len(fewer) if fewer else float(not more)


@lru_cache(maxsize=1 << 14)
def _verdict(token: str) -> bool | None:
    """Whether a token is a plausible word; None where it tells nothing."""
    if _NEVER.search(token):
        return False
    core = token.strip(_OUTSIDE)
    if not core or "://" in token or "@" in token:
        return None
    if _INSIDE.search(core):
        return False
    parts = [part for part in _PARTS.split(core) if part]
    if any(any(letter.isdigit() for letter in part) for part in parts):
        return None
    verdicts = [_is_word(part) for part in parts]
    return None if not verdicts or None in verdicts else all(verdicts)


def _is_word(part: str) -> bool | None:
    if part.isascii() and part.isalpha():
        return _is_spoken(part)
    scripts = set(_scripts(part))
    if not scripts:
        return False if len(part) > 1 else None  # symbols only
    if _UNUSUAL.search(part):
        return False
    if len(scripts - {"CJK", "HIRAGANA", "KATAKANA", "HANGUL"}) > 1 or scripts & _STRANGE:
        return False
    return _is_spoken(part) if scripts <= {"LATIN", "GREEK", "CYRILLIC"} else True


def _is_spoken(part: str) -> bool | None:
    if len(part) < 3:
        return None if len(part) == 1 else True if _VOWELS & set(part.lower()) else None
    longest = run = 0
    vowels = 0
    for letter in part.lower():
        run = 0 if letter in _VOWELS else run + 1
        vowels += run == 0
        longest = max(longest, run)
    if not vowels:
        return None if _NO_VOWEL.fullmatch(part) or part.isupper() else False
    return longest < _LONG + 2 * (len(part) > 9)


def _scripts(part: str) -> Iterable[str]:
    for letter in part:
        if letter.isalpha() or unicodedata.category(letter)[0] == "M":
            name = unicodedata.name(letter, "")
            if not name.startswith("COMBINING"):
                yield name.partition(" ")[0]
