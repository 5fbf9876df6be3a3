"""A plug-in in thirty lines: a chunker that cuts at blank lines. Name it in an entry point of the group "rag.chunk"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from uuid import NAMESPACE_URL, uuid5

from rag.stages import component
from rag.types import Chunk, Chunked, Document


@component
class Paragraphs:
    """One chunk per paragraph of at least `shortest` characters."""

    shortest: int = 1

    @property
    def fingerprint(self) -> str:
        return f"paragraphs-1-{self.shortest}"

    def chunk(self, documents: Sequence[Document]) -> list[Chunked]:
        return [Chunked(document, tuple(self._chunks(document))) for document in documents]

    def _chunks(self, document: Document) -> list[Chunk]:
        spans = [m.span() for m in re.finditer(r"\S(?:.|\n(?!\s*\n))*", document.text)]
        kept = [(a, a + len(document.text[a:b].rstrip())) for a, b in spans if b - a >= self.shortest]
        return [
            Chunk(
                id=str(uuid5(NAMESPACE_URL, f"{document.id}|{document.digest}|{start}|{end}|{self.fingerprint}")),
                doc_id=document.id,
                text=document.text[start:end],
                start=start,
                end=end,
                source=document.source,
                title=document.title,
                context=document.title,
                sections=tuple(s for s in document.sections if s.start < end and start < s.end),
                meta=document.meta,
            )
            for start, end in kept
        ]
