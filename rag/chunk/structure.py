"""The default: cuts where the author did. A section that fits whole stays whole; else its blocks are packed together.

A section with all its subsections, down from the whole document, becomes one chunk if it has at most `size` tokens.
Otherwise the blocks under its own heading (paragraphs, lists, tables, code) are packed evenly, and its subsections are
looked at one by one; no chunk joins two of them, except that a tiny one leads into the next beside it. Blocks too long
fall into items, rows, sentences, lines and, at last, token windows. Slides, rows and pages do not part chunks:
citations name them by offset.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import groupby

from rag.chunk.blocks import CUTS, Block, blocks
from rag.chunk.build import Piece, PreparedDocument, SizedChunker
from rag.chunk.outline import heading_above, path
from rag.chunk.spans import Ruler, Span
from rag.stages import component

TINY = 8  # a section of less than size / 8 tokens is mostly its context, and would be found for its title alone


@component
class StructureChunker(SizedChunker):
    """Follows headings, paragraphs, lists, tables and code fences."""

    def cut(self, text: PreparedDocument) -> Iterator[Piece]:
        whole = (0, len(text.document.text))
        if text.ruler.count(*whole) <= self.size:
            yield Piece(*whole)
            return
        found = list(blocks(text.document.text, [*text.document.sections, *text.headings]))
        tables = [block for block in found if block.header]
        for start, end in self._sections(text, found):
            i = bisect_right(tables, start, key=lambda block: block.start) - 1
            inside = i >= 0 and tables[i].start < start < tables[i].end
            yield Piece(start, end, tables[i].header if inside else None)

    def _sections(self, text: PreparedDocument, found: Sequence[Block]) -> Iterator[Span]:
        """Every section with its subsections if it fits, else the packed blocks under its own heading."""
        ruler, size = text.ruler, self.size
        above = partial(heading_above, text.headings)
        groups = [list(group) for _, group in groupby(found, key=lambda block: above(block.start))]
        paths = [path(above(group[0].lead)) for group in groups]
        i = 0
        while i < len(groups):
            begin, deep, parent = groups[i][0].lead, len(paths[i]), paths[i][:-1]
            j = i + 1
            while j < len(groups) and len(paths[j]) > deep and paths[j][:deep] == paths[i]:
                j += 1
            if ruler.count(begin, groups[j - 1][-1].end) > size:
                j = i + 1
            end = groups[j - 1][-1].end
            length = ruler.count(begin, end)
            if length < size // TINY and j < len(groups) and paths[j][: len(parent)] == parent:
                groups[j][0] = replace(groups[j][0], lead=begin)
            elif length <= size:
                yield begin, end
            else:
                yield from ruler.pack([unit for block in groups[i] for unit in _units(block, ruler, size)], size)
            i = j


def _units(block: Block, ruler: Ruler, size: int) -> list[Span]:
    """A block with its lead as spans of at most `size` tokens, none cut smaller than it must be."""
    units = list(ruler.pieces(block.start, block.end, size, CUTS[block.kind]))
    if block.lead < block.start:
        if ruler.count(block.lead, units[0][1]) <= size:
            units[0] = (block.lead, units[0][1])
        else:
            units[:0] = ruler.pieces(block.lead, block.start, size, CUTS["prose"])
    return units
