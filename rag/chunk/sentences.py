"""Whole sentences, packed evenly into chunks of at most `size` tokens; over-long ones fall into lines, then windows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

from rag.chunk.build import Context, Piece, PreparedDocument, Size, build, fingerprint
from rag.chunk.spans import lines
from rag.stages import Embedder, Generator, component
from rag.text.sentence_ends import sentences
from rag.types import Chunked, Document


@component
class SentenceChunker:
    """Packs sentences, blind to headings and blocks."""

    embedder: Embedder
    generator: Generator | None = None
    size: Size = 200
    context: Context = "headings"

    @cached_property
    def fingerprint(self) -> str:
        """Changes with options, version and tokenizer."""
        return fingerprint(self)

    def chunk(self, documents: Sequence[Document]) -> list[Chunked]:
        """One `Chunked` per document, in order."""
        return build(
            documents,
            self._cut,
            embedder=self.embedder,
            generator=self.generator,
            context=self.context,
            fingerprint=self.fingerprint,
        )

    def _cut(self, text: PreparedDocument) -> Iterator[Piece]:
        units = list(text.ruler.pieces(0, len(text.document.text), self.size, (sentences, lines)))
        for span in text.ruler.pack(units, self.size):
            yield Piece(*span)
