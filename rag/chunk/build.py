"""The base of the shipped chunkers: everything around their own way of cutting.

A budget of tokens, the context of each chunk (title with heading path, most frequent words or a note), the fingerprint.
"""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Annotated, Literal, NamedTuple, TypeAlias

from pydantic import Field

from rag.chunk import notes
from rag.chunk.cut import Cutter
from rag.chunk.outline import heading_above, path
from rag.chunk.spans import Ruler, Span, strip
from rag.chunk.summary import subject
from rag.errors import ConfigError
from rag.stages import INJECTED, BoundedEmbedder, Embedder, Generator, component
from rag.types import Chunk, Chunked, Document, Estimate, Section

VERSION = 2  # raise it when the same document comes to be cut otherwise
CONTEXT_TOKENS = 48  # with 200 tokens of text and two special ones, a chunk stays inside a window of 256
LONGEST_NAME = 1000  # characters of a title or heading that count

Context: TypeAlias = Literal["title", "headings", "summary", "llm", "none"]


class Piece(NamedTuple):
    """A span to become a chunk; `header` is the first row of the table it begins inside of."""

    start: int
    end: int
    header: Span | None = None


@dataclass(frozen=True, slots=True)
class PreparedDocument:
    """What a chunker cuts: a document, its headings by start, its tokens; `subject` where the context names one."""

    document: Document
    headings: Sequence[Section]
    ruler: Ruler
    subject: str = ""


@component
class SizedChunker(ABC):
    """Chunks of at most `size` tokens, as the embedder counts them."""

    embedder: Embedder
    generator: Generator | None = None
    size: Annotated[int, Field(ge=8, description="Most tokens of a chunk, as the embedder counts them.")] = 200
    context: Annotated[
        Context,
        Field(description="Embedded with the text: title, headings too, frequent words, a model's note, or nothing."),
    ] = "headings"

    def __post_init__(self) -> None:
        longest = self.embedder.longest if isinstance(self.embedder, BoundedEmbedder) else None
        context = 0 if self.context == "none" else CONTEXT_TOKENS
        if longest is not None and self.size + context > longest:
            room = longest - context
            advice = f"give a size of at most {room}" if room >= 8 else "say `context: none` and give a smaller size"
            raise ConfigError(
                f"size: {self.size} tokens{f' and {context} of context' * bool(context)} are more than the {longest} "
                f"that the model of `embed` sees, and the rest of a chunk would be cut off: {advice}."
            )

    @abstractmethod
    def cut(self, text: PreparedDocument) -> Iterable[Piece]:
        """Where a document is cut: spans in order, white space and pieces that lie in the one before allowed."""

    @cached_property
    def fingerprint(self) -> str:
        """A hash of class, version, options and the embedder, whose tokens are counted."""
        options = [(field.name, getattr(self, field.name)) for field in fields(self) if field.name not in INJECTED]
        parts = (type(self).__name__, VERSION, options, self.embedder.fingerprint)
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]

    def chunk(self, documents: Sequence[Document]) -> list[Chunked]:
        """One `Chunked` per document, in order; all texts, titles and headings are tokenized in one call.

        With `context` "llm", the generator writes notes. Raises ConfigError where it cannot, GeneratorError.
        """
        cutters = [Cutter(document) for document in documents]
        subjects = [subject(document.text) if self.context == "summary" else "" for document in documents]
        rulers = self._rulers(
            *(document.text for document in documents),
            *subjects,
            *(_line(document.title) for document in documents),
            *(_line(name) for cutter in cutters for heading in cutter.headings for name in path(heading)),
        )
        return [
            Chunked(document, tuple(self._chunks(cutter, about, rulers)))
            for document, cutter, about in zip(documents, cutters, subjects, strict=True)
        ]

    def estimate(self, documents: Iterable[Document]) -> Estimate | None:
        """What the notes of a language model will take; None, and no document is read, where chunks get none."""
        if self.context != "llm":
            return None
        writer = notes.require_language_model(self.generator)
        return notes.estimate(writer, replace(self, context="none").chunk(list(documents)))

    def _rulers(self, *strings: str) -> dict[str, Ruler]:
        once = list(dict.fromkeys(strings))
        return {s: Ruler.of(s, spans) for s, spans in zip(once, self.embedder.token_spans(once), strict=True)}

    def _chunks(self, cutter: Cutter, about: str, rulers: Mapping[str, Ruler]) -> Iterator[Chunk]:
        document = cutter.document
        text = PreparedDocument(document, cutter.headings, rulers[document.text], about)
        pieces: list[Piece] = []
        for start, end, header in self.cut(text):
            start, end = strip(document.text, start, end)
            if start < end and end > (pieces[-1].end if pieces else 0):  # something is left, and not all of it overlap
                pieces.append(Piece(start, end, header))
        written = [""] * len(pieces)
        if self.context == "llm":
            writer = notes.require_language_model(self.generator)
            written = notes.write_notes(writer, document, [piece[:2] for piece in pieces])
            rulers = {**rulers, **self._rulers(*written)}
        for (start, end, header), note in zip(pieces, written, strict=True):
            context = _context(text, start, header, note, rulers, self.context)
            yield cutter.cut(start, end, fingerprint=self.fingerprint, context=context)


def _context(
    text: PreparedDocument, start: int, header: Span | None, note: str, rulers: Mapping[str, Ruler], context: Context
) -> str:
    """Title, subject, heading path, note and table header without what the chunk's own first line says again.

    What `CONTEXT_TOKENS` do not hold is left out: middle headings first, the innermost last.
    """
    if context == "none":
        return ""
    document = text.document
    first = document.text[start : start + LONGEST_NAME].partition("\n")[0]
    headings = path(heading_above(text.headings, start)) if context == "headings" else ()
    names = [document.title, text.subject, *headings, note]
    once = {name.casefold(): name for name in map(_line, names)}
    parts = [name for folded, name in once.items() if folded not in ("", first.strip("#*_ \t").casefold())]
    room, kept = CONTEXT_TOKENS, {}
    for i in sorted(range(len(parts)), key=lambda i: -i if i else -len(parts)):
        if room > 1:
            kept[i], used = _shorten(rulers[parts[i]], 0, len(parts[i]), room)
            room -= used
    lines = [" > ".join(kept[i] for i in sorted(kept))]
    if header and room > 1:
        lines.append(_line(_shorten(text.ruler, *header, room)[0]))
    return "\n".join(filter(None, lines))


def _shorten(ruler: Ruler, start: int, end: int, room: int) -> tuple[str, int]:
    """The beginning of text[start:end] that fits, and the tokens it takes, with one for what sets it apart."""
    _, end = next(ruler.windows(start, end, room))
    return ruler.text[start:end].strip(), ruler.count(start, end) + 1


def _line(text: str) -> str:
    return " ".join(text[:LONGEST_NAME].split())
