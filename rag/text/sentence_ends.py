"""Sentences by rule, as exact spans: where Western, CJK, Arabic and Indic sentences end, and where they only seem to.

Abbreviations, initials, decimals, ordinals, section numbers, ellipses, quotes and list numbers do not end a sentence; a
blank line or a new list item does. A lone line break does not (text is often hard-wrapped). No model.
"""

import re
from collections.abc import Iterator

from rag.text.abbreviations import (
    ALWAYS,
    BEFORE_NUMBER,
    BEFORE_ORDINAL,
    BEFORE_SECTION,
    GERMAN_MONTHS,
    GERMAN_OPENERS,
    RUSSIAN_OPENERS,
    SOMETIMES,
)
from rag.text.stopwords import SENTENCE_OPENERS
from rag.text.wraps import begins_item, calls_number, leads_on

_CLOSERS = "\"'”’»)\\]*_"
_BREAK = re.compile(  # no ends: 3.14, ３．５, example.com, "Yes!", he; 「はい。」と
    rf"(?<![.!?…])(?P<mark>[.!?…]++)(?:[ \u00a0\u202f]»)?[{_CLOSERS}]*+(?:\[\d{{1,3}}\])*+(?=\s)"
    r"|(?:[。！？｡؟۔।॥]|(?<!\d)．(?!\d))+[」』”’）》]*+(?!(?<=[」』])[とっをがはにのでも])"
    r"|(?<=[\u0370-\u03ff\u1f00-\u1fff])[;\u037e](?=\s+[«“]?[\u0386-\u03a9])"  # a question in Greek
    rf"|\n[^\S\n]*(?=\n)|\n(?=[^\S\n]*(?P<item>(?:[-*+•‣▪◦]|[\d(a-z]{{1,4}}[.)])\s))"
)
_WORD_BEFORE = re.compile(r"(?:[^\W\d_]\.)*[^\W_]+\Z")
_NUMBER_BEFORE = re.compile(r"(?:\d{1,3}\.)*\d{1,3}\Z")  # of a section: 3.2
_WORD_AFTER = re.compile(r"\s*[\"'“‘«(\[*_¿¡]*(\w*)")
_LETTERS = re.compile(r"(?:[^\W\d_]\.)*[^\W\d_]")  # an initial or a dotted abbreviation: J, U.S, e.g
_STREET = "str"  # of a German address: Hauptstr. 5
_REACH = 200  # characters of a line that are looked at
_OPENERS = SENTENCE_OPENERS | GERMAN_OPENERS | RUSSIAN_OPENERS


def sentences(text: str, start: int = 0, end: int | None = None) -> Iterator[tuple[int, int]]:
    """Adjacent spans that cover text[start:end], one per sentence, white space included."""
    end = len(text) if end is None else end
    for match in _BREAK.finditer(text, start, end):
        if (match["mark"] and not _ends(text, match)) or (match["item"] and not _begins_item(text, match.start())):
            continue
        if match.end() > start:
            yield start, match.end()
            start = match.end()
    if start < end:
        yield start, end


def _begins_item(text: str, line_end: int) -> bool:
    """Whether what looks like a list item after a line's end is one."""
    line = text[line_end + 1 : line_end + _REACH].lstrip(" \t")
    return begins_item(line, _line_before(text, line_end).strip())


def _ends(text: str, match: re.Match[str]) -> bool:
    """Whether a full stop, exclamation or question mark before white space ends its sentence."""
    after = _WORD_AFTER.match(text, match.end())
    following = after[1] if after else ""
    if following[:1].islower():
        return False
    if match["mark"] != ".":
        return True
    before = _WORD_BEFORE.search(text, max(0, match.start() - 20), match.start())
    if before is None:
        return True
    word = before[0].casefold()
    if word.isdigit():
        return _ends_after_number(text, before.start(), match.start(), following)
    if word in ALWAYS or (following[:1].isdigit() and (word in BEFORE_NUMBER or word.endswith(_STREET))):
        return False
    if word in BEFORE_SECTION and text[match.end() : match.end() + 3].lstrip().startswith("§"):
        return False
    if word in SOMETIMES or _LETTERS.fullmatch(word):
        initial = text.startswith(f"{following}.", match.end() + 1)  # "by P. A. Works"
        return following.casefold() in _OPENERS and not initial
    return True


def _ends_after_number(text: str, start: int, stop: int, following: str) -> bool:
    """Whether a full stop behind a number ends a sentence: not one of a list, an ordinal or a section's number."""
    number = _NUMBER_BEFORE.search(text, max(0, stop - 20), stop)
    first = number.start() if number else start
    line = _line_before(text, first)
    if number and not line.strip(" \t\"'“‘«("):  # it opens its line
        above = _line_before(text, first - len(line) - 1).strip()
        return bool(above) and (leads_on(above) or calls_number(above)) and following.casefold() in _OPENERS
    if not text[start:stop].isdigit() or stop - start > 2:
        return True
    stop = _trim(text, first)
    dated = following.isdigit() and (len(following) <= 2 or text[max(0, stop - 1) : stop] == ".")  # 1. 1. 1998
    before = _WORD_BEFORE.search(text, max(0, first - 20), stop)
    ordinal = before is not None and before[0].casefold() in BEFORE_ORDINAL and following.casefold() not in _OPENERS
    return not (ordinal or dated or following.casefold() in GERMAN_MONTHS)


def _line_before(text: str, end: int) -> str:
    """What stands before an offset in its line."""
    end = max(0, end)
    return text[max(0, end - _REACH) : end].rpartition("\n")[2]


def _trim(text: str, end: int) -> int:
    """The end of what stands before an offset, without white space."""
    while end and text[end - 1].isspace():
        end -= 1
    return end
