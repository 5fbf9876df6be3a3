"""A plug-in in twenty lines: a chunker that cuts at blank lines. Name it in an entry point of the group "rag.chunk"."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import rag
from rag import Chunk, Chunked, Document


@rag.component
class Paragraphs:
    """One chunk per paragraph of at least `shortest` characters."""

    shortest: int = 1

    @property
    def fingerprint(self) -> str:
        return f"paragraphs-1-{self.shortest}"

    def chunk(self, documents: Sequence[Document]) -> list[Chunked]:
        return [Chunked(document, tuple(self._chunks(document))) for document in documents]

    def _chunks(self, document: Document) -> Iterator[Chunk]:
        for paragraph in re.finditer(r"\S(?:.|\n(?!\s*\n))*", document.text):
            start, end = paragraph.start(), paragraph.start() + len(paragraph[0].rstrip())
            if end - start >= self.shortest:
                yield rag.cut(document, start, end, fingerprint=self.fingerprint, context=document.title)
