"""Whole sentences, packed evenly into chunks of at most `size` tokens; over-long ones fall into lines, then windows."""

from collections.abc import Iterator

from rag.chunk.build import Piece, PreparedDocument, SizedChunker
from rag.chunk.spans import lines
from rag.stages import component
from rag.text.sentence_ends import sentences


@component
class SentenceChunker(SizedChunker):
    """Packs sentences, blind to headings and blocks."""

    def cut(self, text: PreparedDocument) -> Iterator[Piece]:
        units = list(text.ruler.pieces(0, len(text.document.text), self.size, (sentences, lines)))
        return (Piece(*span) for span in text.ruler.pack(units, self.size))
