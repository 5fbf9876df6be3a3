"""Vectors without a model: words and their letter n-grams, hashed with a sign (Weinberger et al., arXiv 0902.2206).

It is for tests and plumbing: deterministic, instant, a few lines. It is no embedding: texts are near each other when
they share words or pieces of words, and a paraphrase is as far away as anything else.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from typing import Annotated, ClassVar
from zlib import crc32

import numpy as np
from pydantic import Field

from rag.stages import component
from rag.types import Chunked, Embeddings, Spans, Vectors

_WORD = re.compile(r"\w+")
_GRAM = 4  # letters


@component
class HashingEmbedder:
    """Hashes words and pieces of words, for tests."""

    width: Annotated[int, Field(ge=1, description="Columns of a vector.")] = 256

    representations: ClassVar[frozenset[str]] = frozenset({"dense"})

    @property
    def dim(self) -> int:
        return self.width

    @property
    def fingerprint(self) -> str:
        """Of the method and its width."""
        return hashlib.sha256(f"hashing 1 {self.width}".encode()).hexdigest()

    def token_spans(self, texts: Sequence[str]) -> list[Spans]:
        """Character spans (n, 2) of each text's words."""
        return [np.array([m.span() for m in _WORD.finditer(t)], dtype=np.int64).reshape(-1, 2) for t in texts]

    def embed_chunks(self, batch: Sequence[Chunked]) -> Embeddings:
        """Context and text of every chunk."""
        return self.embed_queries([chunk.contextual for item in batch for chunk in item.chunks])

    def embed_queries(self, texts: Sequence[str]) -> Embeddings:
        """Every text, questions like chunks."""
        return Embeddings(dense=self._rows([_WORD.findall(text.casefold()) for text in texts]))

    def token_vectors(self, texts: Sequence[str], *, query: bool = False) -> list[Vectors]:
        """One unit-length vector for each word; one in all for a text without words."""
        return [self._rows([[word] for word in _WORD.findall(text.casefold())] or [[]]) for text in texts]

    def _rows(self, bags: Sequence[Sequence[str]]) -> Vectors:
        """The features of each bag of words at length one; no feature at all is the first axis."""
        rows = np.zeros((len(bags), self.width), dtype=np.float32)
        for row, words in zip(rows, bags, strict=True):
            for feature in _features(words):
                code = crc32(feature.encode("utf-8", "surrogatepass"))
                row[(code >> 1) % self.width] += 1 if code & 1 else -1
            if length := np.linalg.norm(row):
                row /= length
            else:
                row[0] = 1
        return rows


def _features(words: Sequence[str]) -> Iterator[str]:
    for word in words:
        yield word
        edged = f"<{word}>"
        yield from (edged[i : i + _GRAM] for i in range(len(edged) - _GRAM + 1))
