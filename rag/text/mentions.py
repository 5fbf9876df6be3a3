"""What a chunk is about, and what a text mentions: two sets of normalised keys whose overlap is a link between chunks.

`document_keys` and `span_keys` name a chunk by its document's title, aliases, defined subject, file name and record
id, and by its headings; `mentions` lists every n-gram of a text that could be such a name, so that a link is one
"any of" filter at query time. No model, no look at the corpus; linear in the text. It resolves neither coreference nor
inflection, and in scripts that write no spaces it finds only names that stand between punctuation marks.
Related: hyperlink and entity-title edges in multi-hop retrieval (PathRetriever, arXiv 1911.10470).
"""

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import accumulate, chain, islice
from pathlib import PurePosixPath
from urllib.parse import unquote

from rag.text.mend import join_lines
from rag.text.stopwords import ARTICLES, COMMON_HEADINGS, NO_NAMES
from rag.types import Document, Section

LONGEST = 8  # words of the longest n-gram that `mentions` lists
LONGEST_PLAIN = 4  # the same for n-grams without a capital or a digit at the start
REMEMBERED = 512  # texts whose mentions are kept: a hop and its ranking ask for the same ones
MOST = 1000  # mentions of one text, for a filter of bounded size

_ACCENT = re.compile("[\u0300-\u036f]")
_POSSESSIVE = re.compile(r"['’]\s?s\b", re.IGNORECASE)
_APOSTROPHE = re.compile(r"(?<=\w)['’](?=\w)")
_WORD = re.compile(r"[^\W_]+")
_EXPLICIT = re.compile(
    r"`([^`\n]{2,80})`|\[\[([^\]|#\n]{2,80})|\[([^\]\n]{0,80})\]\((?:<([^<>\n]{2,200})>|([^()\s]{2,200}))"
)
_NUMBERING = re.compile(r"^\d{1,2}(?:\.\d{1,3})*\\?[.)]?\s+")
_OPENER = re.compile(rf"(?:{'|'.join(NO_NAMES - ARTICLES)})\s", re.IGNORECASE)  # a heading like "In YAML" names nothing
_QUALIFIED = re.compile(r"(.+?)\s*\([^()]*\)\s*|(\S+\s[^,]+),.*")
_ROW = re.compile(r"^\|?[ \t]*(?:[^:;|\n]{1,40}: )?([^;|\n]{2,60}?)[ \t]*(?:; [^:;|\n]{1,40}: |\|)", re.MULTILINE)
_OPENING = re.compile(r"[\s>*_\"“']*+([^\n(),;:]{3,80}?)[\"”*_']*+\s*+(?:\(([^()]{2,60})|(,)|\b(?:is|was|are|were)\b)")
_ALIAS = re.compile(r"[\"“'`]?([A-Z][\w&./-]*(?:\s[A-Z][\w&./-]*){0,3})[\"”'`]?")
_KNOWN_AS = re.compile(
    r"\b(?:known as|called|referred to as|a\.\s?k\.\s?a\.|nicknamed|abbreviated(?: as| to)?)\s+(?:simply |the )?"
    r"[\"“'`*_]{0,3}([A-Z][\w'’.&-]*(?:\s(?:of |the |de |and )?[A-Z0-9][\w'’.&-]*){0,6})"
)


def normalise(text: str) -> str:
    """The key form of a name: words in NFKC without diacritics, casefolded, joined by one space.

    A possessive 's and leading articles are dropped, other apostrophes closed up.
    """
    words = _words(join_lines(text))
    while len(words) > 1 and words[0].lower() in ARTICLES:
        del words[0]
    return " ".join(words).casefold()


def document_keys(document: Document) -> list[str]:
    """The keys of a document's own names. They belong to each of its chunks: which one answers, the ranking says."""
    return _keys(_names(document))


def span_keys(document: Document, start: int, end: int, headings: Sequence[Section] = ()) -> list[str]:
    """The keys of the headings and table rows that begin in a span of a document.

    `headings` ascend by start; their labels are paths, of which the last part counts.
    """
    first, last = (bisect_left(headings, at, key=lambda heading: heading.start) for at in (start, end))
    labels = [_NUMBERING.sub("", heading.label.rpartition(" > ")[2]) for heading in headings[first:last]]
    return _keys([*(x for x in labels if not _OPENER.match(x)), *_ROW.findall(document.text, start, end)])


@lru_cache(REMEMBERED)
def mentions(text: str) -> tuple[str, ...]:
    """Every key that `text` may mention, once each, in order of appearance (explicit links first); at most `MOST`.

    N-grams of up to 8 words that start at a capital, a digit or an uncased script, and of 2 to 4 other words; none
    begins with an article or ends in a stop word. `Code`, [[wiki]] and [markdown](targets) count as they stand.
    """
    found = dict.fromkeys(_keys(chain.from_iterable(map(_targets, _EXPLICIT.findall(text)))))
    for reading in dict.fromkeys((join_lines(text), text)):  # a hyphen at a line's end may be part of a name
        found.update(dict.fromkeys(_grams(_words(reading))))
    return tuple(islice(found, MOST))


def _targets(link: tuple[str, ...]) -> tuple[str, ...]:
    """The names in an explicit link: code; a wiki link, also without folders; a label and the file it leads to."""
    code, wiki, label, *targets = link
    file = unquote("".join(targets)).partition("#")[0]
    return code, wiki, PurePosixPath(wiki).name.removesuffix(".md"), label, PurePosixPath(file).stem


def _grams(words: Sequence[str]) -> Iterator[str]:
    """The n-grams of a text's words that `mentions` lists."""
    folded = [word.casefold() for word in words]
    plain = [word.isalpha() and word.islower() for word in words]
    stop = [word in NO_NAMES for word in folded]
    joined = " ".join(folded)
    ends = list(accumulate((len(word) + 1 for word in folded), initial=-1))[1:]
    for i, word in enumerate(folded):
        if word in ARTICLES or (stop[i] and plain[i]):
            continue
        start = ends[i] - len(word)
        if not plain[i] and _valid(word):
            yield word
        for j in range(i + 1, min(i + (LONGEST_PLAIN if plain[i] else LONGEST), len(words))):
            if not (plain[j] and (stop[i] or stop[j])):
                yield joined[start : ends[j]]


def _words(text: str) -> list[str]:
    if not text.isascii():
        text = unicodedata.normalize("NFKC", _ACCENT.sub("", unicodedata.normalize("NFKD", text)))
    if "'" in text or "’" in text:
        text = _APOSTROPHE.sub("", _POSSESSIVE.sub("", text))
    return _WORD.findall(text)


def _valid(key: str) -> bool:
    """Whether a key says enough to link by: not too short, not a stop word or a heading that any document may have."""
    return len(key) >= 3 and key not in NO_NAMES and key not in COMMON_HEADINGS


def _keys(names: Iterable[str]) -> list[str]:
    return [key for key in map(normalise, names) if _valid(key)]


def _names(document: Document) -> Iterator[str]:
    """A document's own names, raw: title, title without qualifier, defined subject, aliases, file stem, record id."""
    yield document.title
    if qualified := _QUALIFIED.fullmatch(document.title):
        yield qualified[1] or qualified[2]
    lines = (line for line in document.text[:2000].splitlines() if line.strip() and not line.startswith("#"))
    body = next((line for line in lines if line.strip() != document.title), "")
    if opening := _OPENING.match(body):
        subject, bracket, comma = opening.groups(default="")
        if _proper(subject, shortest=2 if comma else 1):
            yield subject
            if alias := _ALIAS.fullmatch(bracket.strip()):
                yield alias[1]
    yield from _KNOWN_AS.findall(body[:400])
    if all(section.kind != "record" for section in document.sections):
        yield PurePosixPath(document.source).stem
    yield str(document.meta.get("id", ""))
    aliases = document.meta.get("aliases", ())
    yield from map(str, aliases if isinstance(aliases, tuple) else (aliases,))


def _proper(name: str, shortest: int) -> bool:
    """Whether a phrase reads as a name: capitalised words and short connectives, no sentence opener in front."""
    words = _words(name)
    if words and words[0].lower() in ARTICLES:
        del words[0]
    return (
        shortest <= len(words) <= LONGEST
        and not words[-1].islower()
        and words[0].lower() not in NO_NAMES
        and all(not word.islower() or (i > 0 and len(word) <= 4) for i, word in enumerate(words))
    )
