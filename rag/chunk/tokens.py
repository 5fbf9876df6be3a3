"""Token windows: every chunk has `size` tokens but the last, and shares `overlap` of them with the one before.

Blind to structure; cuts fall between words. The baseline that other chunkers are measured against.
"""

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from rag.chunk.build import Piece, PreparedDocument, SizedChunker
from rag.errors import ConfigError
from rag.stages import component


@component
class TokenChunker(SizedChunker):
    """Windows of at most `size` tokens that overlap, blind to structure."""

    overlap: Annotated[int, Field(ge=0, description="Tokens that two chunks share, at most half of `size`.")] = 20

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.overlap > self.size // 2:
            most = self.size // 2
            raise ConfigError(f"overlap: {self.overlap} is more than half of size, {self.size}; give at most {most}")

    def cut(self, text: PreparedDocument) -> Iterator[Piece]:
        spans = text.ruler.windows(0, len(text.document.text), self.size, self.overlap)
        return (Piece(*span) for span in spans)
