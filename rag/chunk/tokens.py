"""Token windows: every chunk has `size` tokens but the last, and shares `overlap` of them with the one before.

Blind to structure; cuts fall between words. The baseline that other chunkers are measured against.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Annotated

from annotated_types import Ge

from rag.chunk.build import Context, Piece, PreparedDocument, Size, build, fingerprint
from rag.errors import ConfigError
from rag.stages import Embedder, Generator, component
from rag.types import Chunked, Document


@component
class TokenChunker:
    """Windows of at most `size` tokens that overlap by about `overlap` (0 to half of `size`)."""

    embedder: Embedder
    generator: Generator | None = None
    size: Size = 200
    overlap: Annotated[int, Ge(0)] = 20
    context: Context = "headings"

    def __post_init__(self) -> None:
        if self.overlap > self.size // 2:
            raise ConfigError(
                f"overlap: {self.overlap} is more than half of size, {self.size}; give at most {self.size // 2}"
            )

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
        for span in text.ruler.windows(0, len(text.document.text), self.size, self.overlap):
            yield Piece(*span)
