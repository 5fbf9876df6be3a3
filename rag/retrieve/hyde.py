"""Hypothetical documents (HyDE): a language model writes what a passage with the answer might say, and that is near it.

The dense vector of a question becomes the mean of its own and those of the passages that the model writes, which are
read as passages are. What they claim is searched by and never shown, so that a wrong one can cost a hit and put nothing
into an answer. Sparse vectors stay the question's, and so do hops. One call of the model for each passage.

Off by default: no language model was at hand to measure what it gains. Source: arXiv 2212.10496, equation 8.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

import numpy as np
from pydantic import Field

from rag.retrieve.search import SearchRetriever
from rag.retrieve.writing import require_language_model, write
from rag.stages import Generator, component
from rag.types import Chunk, Chunked, Document, Query, Vector

_TASK = (
    "Write a passage of at most 80 words, as a handbook or an encyclopedia would have it, that answers the question. "
    "Where you do not know the answer, invent a likely one. Answer with the passage alone, in the question's language."
)


@component
class HydeRetriever(SearchRetriever):
    """Searches by the question and by passages that a language model writes for it."""

    generator: Generator
    passages: Annotated[int, Field(ge=1, le=8, description="Passages that are written for a question.")] = 1

    def prepare(self, texts: Sequence[str]) -> list[Query]:
        """One query per text. Raises ConfigError for a pipeline without a language model, GeneratorError."""
        model = require_language_model(self.generator, "retrieve: hyde")
        written = [[write(model, _TASK, text) for _ in range(self.passages)] for text in texts]
        return [
            query if query.dense is None else replace(query, dense=self._mean(query.dense, [p for p in passages if p]))
            for query, passages in zip(super().prepare(texts), written, strict=True)
        ]

    def _mean(self, question: Vector, passages: Sequence[str]) -> Vector:
        """The mean of the question's vector and those of passages, at the length of the question's."""
        if not passages:
            return question
        chunks = (Chunk("", "", text, 0, len(text), "") for text in passages)
        found = self.embedder.embed_chunks([Chunked(Document("", "", chunk.text), (chunk,)) for chunk in chunks]).dense
        assert found is not None  # a question has one
        mean: Vector = np.concatenate([question[None], found]).mean(axis=0)
        return mean * (np.linalg.norm(question) / max(float(np.linalg.norm(mean)), 1e-9))
