"""Identifiers: part numbers, addresses, versions, error codes, paths. One is the right one, or it is another one.

`compounds` is for a search by words: every word with marks inside, as a whole; `humps` are the parts of one that has
capital letters inside. `find_identifiers` gives only what names one thing by its form: letters with digits (XJ-913/2B,
CVE-2024-1234, K2), dotted numbers (10.0.4.23), long numbers, e-mail addresses, paths of files, snake_case. No year,
date, time, range, amount (400W) or counted noun (20-year-old) is one. An `Identifier` says whether a text holds it, as
a whole and not as a part of a longer one.

A hyphen beside a letter is as good as none: F-16 is F16, e-mail is email. What it does not do: identifiers written out
in words, or with blanks between digits.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from rag.text.mend import join_lines

_DASHES = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2212", "-"))
_COMPOUND = re.compile(r"[^\W_]+(?:(?:[-./\\_@:+#=~]|://)[^\W_]+)+")
_SEGMENT = re.compile(r"[/\\@:+#=~]+|\.(?=[^\W\d_])|(?<=[^\W\d_])\.")
_SOFT = re.compile(r"(?<=[^\W\d_])[-_](?=[^\W_])|(?<=\d)[-_](?=[^\W\d_])")  # a hyphen that may as well be missing
_VERSION = re.compile(r"v(?=\d)", re.IGNORECASE)

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z]{2})")  # PDFs is one word
_HUMPED = re.compile(  # of no more letters than a name has, which encoded data do
    r"(?<![A-Za-z0-9])(?=[A-Za-z0-9]*(?:[a-z0-9][A-Z]|[A-Z]{2}[a-z]{2}))[A-Za-z0-9]{3,64}(?![A-Za-z0-9])"
)

_CANDIDATE = re.compile(r"[^\W_]+(?:(?:[-./\\_@:]|://)[^\W_]+)*")
_NO_IDENTIFIERS = re.compile(
    r"""\d{1,4}|\d+000|\d+\.\d+|\d+(?::\d+)+                    # small and round numbers, decimals, times
    |\d{1,2}([-./])\d{1,2}\1\d{4}|\d{4}([-./])\d{1,2}(?:\2\d{1,2})?|\d{4}[-/]\d{4}   # dates, ranges of years
    |\d{1,3}[-/:]\d{1,3}                                        # scores, ranges
    |[\d.]+[^\W\d_]{1,4}(?:/[^\W\d_]+)?                         # 400W, 1990s, 21st, 3.5km/h
    |[\d.]+[^\W\d_]{0,4}(?:-[^\W\d_]{2,})+                     # 20-year-old, 19th-century, 3D-printed
    |(?:circa|early|late|mid|non|over|post|pre|since|sub|top|under)-.+""",
    re.VERBOSE | re.IGNORECASE,
)
_NAMED_PLACE = re.compile(r"[^\s@]+@[^\s@]+|(?:[\w.:-]+[/\\]+)+[\w-]+\.[a-z][a-z0-9]+|[^\W\d_]+(?:_[^\W_]+)+")
_RUN = re.compile(r"\d+|[^\W\d_]+|.")
_PIECE = re.compile(r"(?P<soft>(?<=[^\W\d_])[-_]|[-_](?=[^\W\d_]))|(?P<mark>[^\w]|_)|\d+|[^\W\d_]+")
# not within a longer word, number or version; a word may stand before (Lumen-K2) or after (K2-router)
_BEFORE, _AFTER = r"(?<![^\W_])(?<!\d[-_.])", r"(?![^\W_])(?!\.\d)(?![-_](?:\d|[^\W_]{1,2}(?![^\W_])))"


@dataclass(frozen=True)
class Identifier:
    """An identifier as it is `written`."""

    written: str

    def is_in(self, text: str) -> bool:
        """Whether a text holds it."""
        return bool(self._pattern.search(plain(join_lines(text))))

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        body = _VERSION.sub("", plain(self.written), count=1) if _VERSION.match(self.written) else plain(self.written)
        pattern = "v?" if body[0].isdigit() else ""
        for piece in _PIECE.finditer(body):
            before = body[: piece.start()]
            if piece["soft"]:
                continue
            if piece["mark"]:
                pattern += re.escape(piece[0])
            else:
                pattern += _gap(before, piece[0]) + re.escape(piece[0])
        return re.compile(_BEFORE + pattern + _AFTER)


def _gap(before: str, piece: str) -> str:
    """What may stand between two runs of letters or digits: a blank only where it cannot be another word's."""
    left = before.rstrip("-_")
    if not left or not left[-1].isalnum() or (left[-1].isdigit() and piece[0].isdigit()):
        return ""
    return "[-_ ]?" if left[-2:].isalpha() and len(left) > 1 else "[-_]?"


def plain(text: str) -> str:
    """One way of writing: NFKC, every dash a hyphen, folded case."""
    text = text if text.isascii() else unicodedata.normalize("NFKC", text).translate(_DASHES)
    return text.casefold()


def humps(text: str) -> Iterator[str]:
    """The parts of a text's words that have capital letters inside: acquireConnection, HTTPServer; in small letters."""
    for match in _HUMPED.finditer(text):
        yield from (part.casefold() for part in _HUMP.split(match[0]) if len(part) > 1)


def compounds(text: str) -> Iterator[str]:
    """The keys of a `plain` text's words with marks inside: each whole, and its segments that have marks themselves."""
    for match in _COMPOUND.finditer(text):
        whole = _SOFT.sub("", match[0])
        segments = (_SOFT.sub("", part) for part in _SEGMENT.split(match[0]) if not part.isalnum())
        for key in dict.fromkeys((whole, *segments)):
            yield key
            if _VERSION.match(key):
                yield key[1:]


@lru_cache(64)
def find_identifiers(text: str) -> tuple[Identifier, ...]:
    """The identifiers of a text, each once, in their order."""
    text = unicodedata.normalize("NFKC", join_lines(text)).translate(_DASHES)
    return tuple(dict.fromkeys(Identifier(m[0]) for m in _CANDIDATE.finditer(text) if _is_identifier(m[0])))


def name_another(identifiers: Sequence[Identifier], text: str) -> bool:
    """Whether a text holds none of some identifiers, but another of the same form: letters and digits at its places."""
    if not identifiers:
        return False
    shapes = {_shape(plain(one.written)) for one in identifiers}
    found = (_shape(match[0]) for match in _CANDIDATE.finditer(plain(join_lines(text))))
    return not shapes.isdisjoint(found) and not any(one.is_in(text) for one in identifiers)


def is_of_another(identifiers: Sequence[Identifier], sentence: str, passage: str) -> bool:
    """Whether a sentence names another thing than asked for, in a passage that has both: a row of a table."""
    return name_another(identifiers, sentence) and any(one.is_in(passage) for one in identifiers)


def _is_identifier(word: str) -> bool:
    if not any(letter.isdigit() for letter in word):
        return bool(_NAMED_PLACE.fullmatch(word))
    return not _NO_IDENTIFIERS.fullmatch(word)


def _shape(word: str) -> str:
    """Its letters as "a", its digits as "9"."""
    return re.sub(r"\d", "9", re.sub(r"[^\W\d_]", "a", word))
