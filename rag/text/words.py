"""The words of a text as keys that can be compared: what counts as the same word, name or number.

Text is folded by NFKC, case, quotes and white space. Words are compared by their first letters (truncation stemming:
crude, but the same in every alphabetic language; of short ones without the s of a plural), names whole, numbers by
value (1,000 = 1000 = 1000.0) and months by their number, so that 2024-05-03 has the tokens of 3 May 2024. CJK
characters are words of their own. What it does not do: numbers written as words, look-alike letters (they stay
different, on purpose), translation.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from rag.text.identifiers import find_identifiers
from rag.text.mend import join_lines, show_words
from rag.text.stopwords import STOP_WORDS

# A citation's marker: [1], [1, 2], [1-3], 【1】. Footnote marks in sources look the same.
MARKER = re.compile(r"\s*[\[【]\s*(\d{1,3}(?:\s*[-–,;]\s*\d{1,3})*)\s*[\]】]")
REMEMBERED = 4096  # texts whose stems are kept: one question's tree shares passages with the next one's
NAMED = ("name", "number")
STEM = 5  # letters by which words are compared: found, founded, founder; direct, director

_PLAIN = str.maketrans(
    {"“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "’": "'", "‘": "'", "−": "-", "–": "-", "—": "-"}
)
_MONTHS = ("january february march april may june july august september october november december").split()
_MONTH = {name: str(n) for n, month in enumerate(_MONTHS, 1) for name in (month, month[:3])} | {"sept": "9"}
_ISO_DATE = re.compile(r"\b(\d{4})-(0[1-9]|1[0-2])-([0-3]\d)\b")
_HYPHEN = re.compile(r"(?<=[^\W\d_])- ?(?=[^\W\d_])")
_MARKS = ".,'’‘"  # that may stand in a number or an abbreviation
_MAY = re.compile(r"M[Aa][Yy]")
_GROUPED = re.compile(r"(?<=\d)[\u00a0\u202f\u2009](?=\d{3}(?!\d))")
_TOKEN = re.compile(
    r"(?P<number>(?:(?<![\w.)-])-)?(?:\d{1,3}(?:[,']\d{3})+|\d+)(?:\.\d+)?)(?:st|nd|rd|th|s)?(?![^\W_])"
    r"|(?P<word>[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W_]+(?:\.[^\W\d_](?![^\W_]))*)(?:'s\b)?"
)


@dataclass(frozen=True, slots=True)
class Token:
    """A content word. `kind` is "number", "name", "lead" (capitalised only because it opens the text?) or "word".

    `text` is how it is written.
    """

    key: str
    kind: str
    text: str = field(default="", compare=False)

    @property
    def stem(self) -> str:
        return self.key if self.kind == "number" else _stem(self.key)


def fold(text: str) -> str:
    """NFKC, plain quotes and dashes, one space between words, lower case: for finding a quote in a text.

    Hyphens between letters are left out, at a line's end too: nobody can tell whether they belong to the word.
    """
    plain = unicodedata.normalize("NFKC", join_lines(text)).translate(_PLAIN).casefold()
    return _HYPHEN.sub("", " ".join(plain.split()))


def tokens(text: str, keep: frozenset[str] = frozenset()) -> list[Token]:
    """The content words of a text in order; stop words are left out, but those to `keep`."""
    return [
        Token(key, _kind(word, matches, i) if word else "number", matches[i]["word"] or matches[i]["number"])
        for key, word, matches, i in _content(_level(text), keep)
    ]


def _stem(word: str) -> str:
    """Its first letters; of dogs and fares without the s, as dog and fare have none (bonus, basis and class do)."""
    if 3 < len(word) <= STEM and word[-1] == "s" and word[-2] not in "aisu":
        return word[:-1]
    return word[:STEM]


@lru_cache(REMEMBERED)
def stems(text: str) -> frozenset[str]:
    """The stems of a text's tokens, without their order and kinds: what a ranking asks of many passages."""
    text = _compatible(text)
    if _MAY.search(text):  # a month or not: what stands beside it says so
        return _stems(text)
    return frozenset[str]().union(*map(_cached_stems, set(text.split())))


def find_stems(text: str, sought: frozenset[str]) -> frozenset[str]:
    """Those of some stems that a text has: `sought & stems(text)`, for which it reads only what may be one of them."""
    text = _compatible(text)
    folded = bare = text.casefold()
    for mark in _MARKS:
        bare = bare.replace(mark, "")
    found = set[str]()
    traces = [(stem, trace) for stem, trace in _traces(sought) if trace in bare]
    if traces and (len(folded) != len(text) or ("may" in folded and _MAY.search(text))):
        return sought & stems(text)  # a month or not
    for stem, trace in traces:
        if not trace or (len(bare) < len(folded) and bare.count(trace) != folded.count(trace)):
            return sought & stems(text)  # a month, 1,000, or U.S.
        end = 0
        while stem not in found and (at := folded.find(trace, end)) >= 0:
            end = (folded.find(" ", at) + 1 or len(text) + 1) - 1
            if stem in _cached_stems(text[folded.rfind(" ", 0, at) + 1 : end]):
                found.add(stem)
    return frozenset(found)


def long_words(text: str) -> frozenset[str]:
    """The content words of a text that are longer than their stem, whole."""
    return frozenset(key for key, word, _, _ in _content(_level(text)) if word and len(key) > STEM)


def find_words(text: str, sought: frozenset[str]) -> frozenset[str]:
    """Those of some folded words that stand in a text as they are, whole."""
    folded = _compatible(text).casefold()
    return frozenset(word for word in sought if word in folded and _stands_whole(word, folded))


def _stands_whole(word: str, text: str) -> bool:
    at = -1
    while (at := text.find(word, at + 1)) >= 0:
        end = at + len(word)
        if not (text[at - 1 : at].isalnum() or text[end : end + 1].isalnum()):
            return True
    return False


@lru_cache(16)
def _traces(sought: frozenset[str]) -> tuple[tuple[str, str], ...]:
    """Each stem with what stands in a text, without case and marks, wherever the stem does; "" for a month."""
    whole = {stem: stem.lstrip("-").partition(".")[0] for stem in sought}  # of a number what stands before the point
    return tuple((stem, "" if " " in stem else trace) for stem, trace in whole.items())


def _stems(text: str) -> frozenset[str]:
    return frozenset(_stem(key) if word else key for key, word, _, _ in _content(_level(text)))


_cached_stems = lru_cache(2**16)(_stems)  # of what stands between white space: no token reaches over it


def missing_words(question: str, texts: Iterable[str]) -> tuple[str, ...]:
    """The content words of a question, as written there, that no text holds: its names and numbers, else the others.

    Identifiers are missing as a whole. Plain words count as there when their first four letters are: "move" is not
    missing beside "moved".
    """
    texts = list(texts)
    whole = [one.written for one in find_identifiers(question) if not any(one.is_in(text) for text in texts)]
    present = frozenset[str]().union(*map(stems, texts))
    beginnings = {stem[: STEM - 1] for stem in present}
    absent = [
        token
        for token in tokens(question)
        if token.stem not in present and (token.kind in NAMED or token.stem[: STEM - 1] not in beginnings)
    ]
    named = [token for token in absent if token.kind in NAMED]
    if whole:
        named = [token for token in named if not any(token.text in identifier for identifier in whole)]
        return tuple(dict.fromkeys((*whole, *(token.text for token in named))))
    return tuple(dict.fromkeys(token.text for token in named or absent))


def _level(text: str) -> str:
    """One way of writing: NFKC, plain quotes and dashes, 1 000 as 1,000 and 2024-05-03 as 3 May 2024."""
    text = _compatible(text)
    text = text if text.isascii() else text.translate(_PLAIN)
    return _ISO_DATE.sub(lambda d: f"{int(d[3])} {_MONTHS[int(d[2]) - 1].title()} {d[1]}", text)


def _compatible(text: str) -> str:
    text = show_words(text)
    return text if text.isascii() else unicodedata.normalize("NFKC", _GROUPED.sub(",", text))


def _content(text: str, keep: frozenset[str] = frozenset()) -> Iterator[tuple[str, str, list[re.Match[str]], int]]:
    """Key, word ("" for numbers and months), and where it stands among all matches of a `_level` text."""
    matches = list(_TOKEN.finditer(text))
    for i, match in enumerate(matches):
        number, word = match["number"] or "", match["word"] or ""
        key, named = _key(number, word, dated=not _MAY.fullmatch(word) or _beside_number(matches, i))
        if not key and word.casefold() in keep:
            key, named = word.casefold(), True
        if key:
            yield key, word if named else "", matches, i


def _key(number: str, word: str, *, dated: bool = True) -> tuple[str, bool]:
    """The key of a match, "" for one that says nothing, and whether it is a word; a month is none if it is `dated`."""
    if number:
        return _value(number), False
    key = word.casefold().replace(".", "")
    if word[0].isupper() and key in _MONTH and dated:
        return f"month {_MONTH[key]}", False
    return key if (key not in STOP_WORDS or "." in word) and (len(key) > 1 or not key.isascii()) else "", True


def _kind(word: str, matches: list[re.Match[str]], i: int) -> str:
    if word.isascii() and word.isalpha():  # most are, and this asks no letter by itself
        inside = len(word) > 1 and not word[1:].islower()
    else:
        inside = any(letter.isdigit() for letter in word) or any(letter.isupper() for letter in word[1:])
    if inside:
        return "name"
    if not word[0].isupper():
        return "word"
    followed = i + 1 < len(matches) and matches[i + 1][0][0].isupper()
    return "name" if i > 0 or followed else "lead"


def _beside_number(matches: list[re.Match[str]], i: int) -> bool:
    return any(matches[j]["number"] for j in (i - 1, i + 1) if 0 <= j < len(matches))


def _value(number: str) -> str:
    whole, _, part = number.replace(",", "").replace("'", "").partition(".")
    sign, part = "-" * whole.startswith("-"), part.rstrip("0")
    return sign + (whole.lstrip("-0") or "0") + (f".{part}" if part else "")
