"""A chunker for transcripts: one chunk for each turn, from a speaker's name and colon to the next one.

It does not cut a long turn: what is longer than the embedder's window is embedded by its beginning.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Annotated

from pydantic import Field

import rag
from rag import Chunk, Chunked, Document

_SPEAKER = re.compile(r"^[A-Z][\w .'-]{0,40}:", re.MULTILINE)


@rag.component
class TurnChunker:
    """One chunk for each turn of a transcript; what stands before the first turn is a chunk, too."""

    shortest: Annotated[int, Field(ge=1, description="Turns of fewer characters are left out.")] = 1

    @property
    def fingerprint(self) -> str:
        return f"turns-1-{self.shortest}"

    def chunk(self, documents: Sequence[Document]) -> list[Chunked]:
        return [Chunked(document, tuple(self._turns(document))) for document in documents]

    def _turns(self, document: Document) -> Iterator[Chunk]:
        starts = [0, *(match.start() for match in _SPEAKER.finditer(document.text))]
        for start, end in zip(starts, [*starts[1:], len(document.text)], strict=True):
            end = start + len(document.text[start:end].rstrip())
            if end - start >= self.shortest:
                yield rag.cut(document, start, end, fingerprint=self.fingerprint, context=document.title)
