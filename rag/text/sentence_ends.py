"""Sentences by rule, as exact spans: where Western, CJK, Arabic and Indic sentences end, and where they only seem to.

Abbreviations, initials, decimals, ellipses, quotes and list numbers do not end a sentence; a blank line or a new list
item does. A lone line break does not (text is often hard-wrapped). The abbreviations are English; no model.
"""

import re
from collections.abc import Iterator

from rag.text.stopwords import SENTENCE_OPENERS

_CLOSERS = "\"'”’»)\\]*_"
_BREAK = re.compile(
    rf"(?<![.!?…])(?P<mark>[.!?…]++)[{_CLOSERS}]*+(?:\[\d{{1,3}}\])*+(?=\s)"  # no end: 3.14, example.com, "Yes!", he
    r"|[。！？｡．؟۔।॥]+[」』”’）》]*"
    r"|\n[^\S\n]*(?=\n)|\n(?=[^\S\n]*(?:[-*+•‣▪◦]|\d{1,3}[.)])\s)"
)
_WORD_BEFORE = re.compile(r"(?:[^\W\d_]\.)*[^\W_]+\Z")
_WORD_AFTER = re.compile(r"\s*[\"'“‘«(\[*_¿¡]*(\w*)")
_LETTERS = re.compile(r"(?:[^\W\d_]\.)*[^\W\d_]")  # an initial or a dotted abbreviation: J, U.S, e.g

_ALWAYS = {*"mr mrs ms dr prof st mt gen col capt lt sgt rev hon gov sen rep pres messrs e.g i.e cf vs viz al".split()}
_MONTHS = {*"jan feb mar apr jun jul aug sep sept oct nov dec".split()}
_BEFORE_NUMBER = {*"no nos nr fig figs eq sec ch vol pp art ca approx ver".split()} | _MONTHS
_SOMETIMES = {*"inc ltd co corp jr sr etc bros dept est ph.d a.m p.m".split()}


def sentences(text: str, start: int = 0, end: int | None = None) -> Iterator[tuple[int, int]]:
    """Adjacent spans that cover text[start:end], one per sentence, white space included."""
    end = len(text) if end is None else end
    for match in _BREAK.finditer(text, start, end):
        if match["mark"] and not _ends(text, match):
            continue
        if match.end() > start:
            yield start, match.end()
            start = match.end()
    if start < end:
        yield start, end


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
    if word in _ALWAYS or (word in _BEFORE_NUMBER and following[:1].isdigit()):
        return False
    if word in _SOMETIMES or _LETTERS.fullmatch(word):
        initial = text.startswith(f"{following}.", match.end() + 1)  # "by P. A. Works"
        return following.casefold() in SENTENCE_OPENERS and not initial
    line = text[max(0, before.start() - 20) : before.start()].rpartition("\n")[2]
    return not word.isdigit() or bool(line.strip(" \t\"'“‘«("))
