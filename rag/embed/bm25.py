"""Sparse vectors whose dot product is BM25: words, stemmed, hashed, with saturated term frequencies.

A document's value is tf / (tf + k1 (1 - b + b length / avg_len)), a query's the count of the word; the engine
multiplies by idf = ln(1 + (N - df + 0.5) / (df + 0.5)) (Qdrant's modifier IDF), which makes the score Lucene's BM25
(Robertson and Zaragoza, 2009; variants: Kamphuis et al., ECIR 2020). `avg_len` is fixed, since a document's vector
must not depend on the rest of the index: a wrong one only shifts how hard long chunks are held back. Words become the
CRC-32 of their stem: of 100,000 different stems about one pair meets, and then counts as one word.

What is written with marks inside (XJ-913/2B, 10.0.4.23, well-known, DEFAULT_POOLSIZE) is a word of its own besides its
parts, and so is what a line's end cuts in two; invisible characters are none. A word with capital letters inside
(acquireConnection) has its parts besides. A question's neighbouring words are asked for as one, too: "pool size" finds
POOLSIZE. None of these lengthens a text: every other word counts as it would without them.

A chunk's words are stemmed in the language its document is in, a question's in its own one and, so that one taken for
another language still finds, in English. Where the language is unknown or has no stemmer, English it is.

What it does not do: parts of words written as one (a question for "size" does not find POOLSIZE), synonyms, spelling. A
text without any word (or of stop words only) gives an empty vector, which matches nothing.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import pairwise
from typing import Annotated, Any, ClassVar
from zlib import crc32

import numpy as np
import Stemmer
from pydantic import Field

from rag.stages import component
from rag.text.identifiers import compounds, humps, plain
from rag.text.languages import STEMMERS, detect_language, named_language
from rag.text.mend import show_words
from rag.types import Chunked, Embeddings, Spans, Sparse

AUTO, ENGLISH = "auto", "english"

# Chinese characters and kana stand for words without spaces between them, so each is a word of its own
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]|[^\W_\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]+")
_STOP = {
    "english": frozenset(
        """a about above after again against all also am an and any are as at be because been before being below between
        both but by can could did do does doing down during each few for from further had has have having he her here
        hers herself him himself his how i if in into is it its itself just me more most my myself no nor not of off on
        once only or other our ours ourselves out over own s same she should so some such t than that the their theirs
        them themselves then there these they this those through to too under until up very was we were what when where
        which while who whom why will with would you your yours yourself yourselves""".split()
    )
}


@component
class Bm25:
    """Weighs words as BM25 does."""

    k1: Annotated[float, Field(ge=0, description="How much a repeated word adds; 0 counts each word once.")] = 1.2
    b: Annotated[float, Field(ge=0, le=1, description="How much a long chunk is held back.")] = 0.75
    avg_len: Annotated[float, Field(gt=0, description="Expected words of a chunk, stop words left out.")] = 100.0
    language: Annotated[str, Field(description='A Snowball stemmer for all texts; "auto": that of each one.')] = AUTO
    dim: ClassVar[int] = 0  # no dense vectors
    representations: ClassVar[frozenset[str]] = frozenset({"sparse"})
    idf: ClassVar[bool] = True  # BM25 is not BM25 without

    def __post_init__(self) -> None:
        if self.language not in (known := (AUTO, *Stemmer.algorithms())):
            raise ValueError(f"language {self.language!r} has no stemmer; known: {', '.join(known)}.")

    @property
    def fingerprint(self) -> str:
        """Of the options and the stemmer's version."""
        facts = ("bm25", 4, self.k1, self.b, self.avg_len, self.language, Stemmer.version())
        return hashlib.sha256(repr(facts).encode()).hexdigest()

    def token_spans(self, texts: Sequence[str]) -> list[Spans]:
        """Character spans (n, 2) of each text's words."""
        return [np.array([m.span() for m in _WORD.finditer(t)], dtype=np.int64).reshape(-1, 2) for t in texts]

    def embed_chunks(self, batch: Sequence[Chunked]) -> Embeddings:
        """Saturated frequencies of the words of context and text."""
        chunks = [chunk for item in batch for chunk in item.chunks]
        return Embeddings(
            sparse=[self._document(c.contextual, self._algorithm(named_language(c.meta))) for c in chunks]
        )

    def embed_queries(self, texts: Sequence[str]) -> Embeddings:
        """How often each text has each word."""
        return Embeddings(sparse=[self._query(text) for text in texts])

    def _document(self, text: str, algorithm: str) -> Sparse:
        words, wholes = self._count(text, algorithm)
        saturation = self.k1 * (1 - self.b + self.b * words.total() / self.avg_len)
        return _sparse({word: n / (n + saturation) for word, n in (words + wholes).items()})

    def _query(self, text: str) -> Sparse:
        counts = Counter[int]()
        for algorithm in {self._algorithm(""), self._algorithm(detect_language(text) if self.language == AUTO else "")}:
            words, wholes = self._count(text, algorithm)
            counts |= (words + wholes) | _hash(_neighbours(text, algorithm), algorithm)
        return _sparse(counts)

    def _algorithm(self, language: str) -> str:
        """The stemmer of a text in this language."""
        return STEMMERS.get(language, ENGLISH) if self.language == AUTO else self.language

    def _count(self, text: str, algorithm: str) -> tuple[Counter[int], Counter[int]]:
        """Hashed stem -> how often it occurs, of words and of what is written with marks or capital letters inside."""
        shown = show_words(text)
        folded = plain(shown)
        parts = (part for part in humps(shown) if part not in _stop(algorithm))
        return _hash(_words(folded, algorithm), algorithm), _hash([*compounds(folded), *parts], algorithm)


def _stop(algorithm: str) -> frozenset[str]:
    return _STOP.get(algorithm, frozenset())


def _words(folded: str, algorithm: str) -> list[str]:
    return [word for word in _WORD.findall(folded) if word not in _stop(algorithm)]


def _neighbours(text: str, algorithm: str) -> Iterator[str]:
    """Two words of a question, one behind the other, as one word."""
    words = _words(plain(show_words(text)), algorithm)
    return (one + other for one, other in pairwise(words) if one.isalpha() and other.isalpha())


def _hash(words: Iterable[str], algorithm: str) -> Counter[int]:
    stems = _stemmer(algorithm).stemWords(list(words))
    return Counter(crc32(stem.encode("utf-8", "surrogatepass")) for stem in stems)


@cache
def _stemmer(algorithm: str) -> Any:
    return Stemmer.Stemmer(algorithm)


def _sparse(values: Mapping[int, float]) -> Sparse:
    indices = sorted(values)
    return Sparse(np.array(indices, dtype=np.int64), np.array([values[i] for i in indices], dtype=np.float32))
