"""What questions are made from: the sentences of an index that stand by themselves, and the names they hold.

A sentence is used when it reads as one: it starts with a capital or a name and ends with a full stop, is neither
heading, table row, code nor boilerplate that comes again, and its subject is no pronoun. Records written `Field:
value; ...` (CSV and spreadsheets) come as rows. English rules; in other languages few sentences pass.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from rag import Chunk
from rag.text.mentions import LONGEST, normalise
from rag.text.sentences import sentence_spans
from rag.text.stopwords import ARTICLES

WORDS = range(5, 36)  # of a usable sentence
WIDE = 3  # a name that more documents are about says too little

_MARKUP = (
    (re.compile(r"!\[[^\]]*\]\([^)]*\)"), ""),
    (re.compile(r"\[([^\]]*)\]\([^)]*\)"), r"\1"),
    (re.compile(r"\[\[([^\]|]*)(?:\|[^\]]*)?\]\]"), r"\1"),
    (re.compile(r"`+"), ""),
    (re.compile(r"\*\*|__|(?<!\w)[*_](?=\w)|(?<=\w)[*_](?!\w)"), ""),
    (re.compile(r"^\s*(?:[-*+•]|\d{1,3}[.)])\s+"), ""),
    (re.compile(r"\s+"), " "),
)
_NO_PROSE = re.compile(r"[|={}<>\\#]|https?:|\w\(|\)\.|->|::|\.\.\.|…|(?:^|\s)[\"'“]\S+[\"'”]:")
_DEPENDENT = frozenset(
    """it this these those they she he we you i there here such both its their his her our your if when while for in on
    at by to from with as after before during since until although though however also then thus therefore otherwise
    instead but and or so see note open check make use set add one some many most all other another others
    either neither yes no not only even what which who how why where let each earlier later above below read learn
    refer visit follow install run try create define choose consider remember find keep pass call import start go
    click type write send take ensure enable avoid examples according using please do don't now new next""".split()
)
_ROW = re.compile(r"(?:^|; )([A-Z][\w ()/%²-]{1,30}): ([^;]+?)(?=; [A-Z][\w ()/%²-]{1,30}: |$)")


@dataclass(frozen=True, slots=True)
class SourceSentence:
    """`quote` is exactly as in the chunk; `text` is it on one line, without markup and full stop.

    The first word of `text` is in lower case unless it is an article or a name.
    """

    quote: str
    text: str
    chunk: Chunk


@dataclass(frozen=True, slots=True)
class Row:
    """A record: its fields in order, the first being what it is about."""

    quote: str
    fields: tuple[tuple[str, str], ...]
    chunk: Chunk


@dataclass(frozen=True, slots=True)
class Name:
    """A name in a sentence's text: its key as links have it, and where it stands."""

    key: str
    start: int
    end: int


def plain(text: str) -> str:
    """Text on one line without Markdown's marks."""
    for pattern, by in _MARKUP:
        text = pattern.sub(by, text)
    return text.strip()


def material(chunks: Sequence[Chunk]) -> tuple[list[SourceSentence], list[Row]]:
    """The usable sentences and rows, in the order of the chunks; what stands in several places is left out."""
    pieces = [(chunk, chunk.text[start:end]) for chunk in chunks for start, end in sentence_spans(chunk.text)]
    often = Counter(plain(quote) for _, quote in pieces)
    texts = [text for text in often if "=" not in text]
    proper = frozenset(word for text in texts for word in re.findall(r"(?<=[a-z,;] )[A-Z][\w-]+\b", text)) | ARTICLES
    sentences, rows = [], []
    for chunk, quote in pieces:
        text = plain(quote)
        if often[text] > 1:
            continue
        if fields := tuple((name.strip(), value.strip()) for name, value in _ROW.findall(text)):
            if len(fields) > 2:
                rows.append(Row(quote, fields, chunk))
        elif _stands_alone(text := _resolved(text, chunk)):
            sentences.append(SourceSentence(quote, text[:-1], chunk))
    return [replace(sentence, text=_opened(sentence.text, proper)) for sentence in sentences], rows


def _resolved(text: str, chunk: Chunk) -> str:
    """She and he, who open a sentence, by the title of their document; `it` may be anything and stays."""
    title = re.split(r"[,(:]", chunk.title)[0].strip()
    person = re.match(r"(?:She|He) ", text)
    return f"The {title} {text[person.end() :]}" if person and 1 < len(title.split()) <= 4 else text


def _opened(text: str, proper: frozenset[str]) -> str:
    """The text with its first word in lower case, unless it is an article or a name (capital elsewhere, too)."""
    first, _, rest = text.partition(" ")
    plain = re.fullmatch(r"[A-Z][a-z-]+", first) and first.lower() not in proper and first not in proper
    return f"{first.lower()} {rest}" if plain and not rest[:1].isupper() else text


def _stands_alone(text: str) -> bool:
    words = text.split()
    return (
        len(words) in WORDS
        and text[-1] == "."
        and not words[0].islower()
        and words[0].strip(",'’").lower() not in _DEPENDENT
        and not words[0].endswith(",")
        and text.count("(") == text.count(")")
        and not _NO_PROSE.search(text)
    )


def names(text: str, known: frozenset[str]) -> Iterator[Name]:
    """The known names in a text, longest first from left to right, without overlap; a name has a capital or digit."""
    words = list(re.finditer(r"[\w&.'’-]*\w", text))
    at = 0
    while at < len(words):
        for size in range(min(LONGEST, len(words) - at), 0, -1):
            start, end = words[at].start(), words[at + size - 1].end()
            surface = text[start:end]
            bare = surface.removesuffix("'s").removesuffix("’s")
            proper = any(c.isdigit() for c in bare) or any(c.isupper() for c in (bare if start else bare[1:]))
            if proper and (key := normalise(bare)) in known and not re.match(r"(?:an?|the)\s", bare, re.IGNORECASE):
                yield Name(key, start, start + len(bare))
                at += size - 1
                break
        at += 1


def known_names(chunks: Sequence[Chunk]) -> frozenset[str]:
    """Keys that at most `WIDE` documents are about, so that they say which is meant."""
    about: dict[str, set[str]] = {}
    for chunk in chunks:
        for key in chunk.about:
            about.setdefault(key, set()).add(chunk.doc_id)
    return frozenset(key for key, documents in about.items() if len(documents) <= WIDE and not key.isdigit())
