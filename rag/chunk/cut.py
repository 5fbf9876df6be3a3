"""From a span of a document to a `Chunk`: its id, its sections, and what it is about, by which link hops find it.

Every shipped chunker cuts with this, and so does a plug-in:

    chunks = [rag.cut(document, start, end, fingerprint=self.fingerprint) for start, end in spans]
"""

import threading
from uuid import NAMESPACE_URL, uuid5

from rag.chunk.outline import outline
from rag.text.mentions import document_keys, span_keys
from rag.types import Chunk, Document, Section


class Cutter:
    """Cuts one document; fastest in the order of its text. `headings` are its outline, by start."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.headings = outline(document)
        self._digest = document.digest
        self._keys = document_keys(document)
        filled = (section for section in document.sections if section.start < section.end)
        self._by_start = sorted(filled, key=lambda section: section.start)
        self._position, self._passed, self._open = 0, 0, list[Section]()  # of the sweep over the sections

    def cut(self, start: int, end: int, *, fingerprint: str, context: str = "") -> Chunk:
        """As the function `cut`."""
        document = self.document
        if not 0 <= start < end <= len(document.text):
            length = len(document.text)
            raise ValueError(f"{document.source}: [{start}:{end}] is no span of a text of {length} characters")
        own = span_keys(document, start, end, self.headings)
        return Chunk(
            id=str(uuid5(NAMESPACE_URL, f"{document.id}|{self._digest}|{start}|{end}|{fingerprint}")),
            doc_id=document.id,
            text=document.text[start:end],
            start=start,
            end=end,
            source=document.source,
            title=document.title,
            context=context,
            about=tuple(dict.fromkeys(self._keys + own)),
            sections=self._sections(start, end),
            meta=document.meta,
        )

    def _sections(self, start: int, end: int) -> tuple[Section, ...]:
        """The sections that share a character with the span, by start. Ascending spans cost one sweep together."""
        if start < self._position:
            self._passed, self._open = 0, []
        self._position = start
        while self._passed < len(self._by_start) and self._by_start[self._passed].start < end:
            self._open.append(self._by_start[self._passed])
            self._passed += 1
        self._open = [section for section in self._open if section.end > start]
        return tuple(section for section in self._open if section.start < end)


_latest = threading.local()  # the cutter of the document that was cut last: its chunks come one after the other


def cut(document: Document, start: int, end: int, *, fingerprint: str, context: str = "") -> Chunk:
    """The chunk `document.text[start:end]`. `fingerprint` is the chunker's; ids of other settings differ by it.

    `context` is what embedders see besides the text, such as the title; it is never quoted. Raises ValueError for a
    span that is empty or not in the text.
    """
    cutter: Cutter | None = getattr(_latest, "cutter", None)
    if cutter is None or cutter.document is not document:
        cutter = _latest.cutter = Cutter(document)
    return cutter.cut(start, end, fingerprint=fingerprint, context=context)
