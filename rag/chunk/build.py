"""From spans to chunks: what every chunker does around its own way of cutting.

Gives each chunk its id, its context (title with heading path, most frequent words or a note), what it is about, its
sections.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Annotated, Any, Literal, NamedTuple, TypeAlias
from uuid import NAMESPACE_URL, uuid5

from annotated_types import Ge

from rag.chunk import notes
from rag.chunk.outline import above, outline, path
from rag.chunk.spans import Ruler, Span, strip
from rag.chunk.summary import subject
from rag.stages import INJECTED, Embedder, Generator
from rag.text import mentions
from rag.types import Chunk, Chunked, Document, Section

VERSION = 1  # raise it when the same document comes to be cut otherwise
CONTEXT_TOKENS = 48  # with 200 tokens of text and two special ones, a chunk stays inside a window of 256
LONGEST_NAME = 1000  # characters of a title or heading that count

Size: TypeAlias = Annotated[int, Ge(8)]  # tokens
Context: TypeAlias = Literal["title", "headings", "summary", "llm", "none"]


@dataclass(frozen=True, slots=True)
class PreparedDocument:
    """What a chunker cuts: a document, its headings by start, its tokens; `subject` where the context names one."""

    document: Document
    headings: Sequence[Section]
    ruler: Ruler
    subject: str = ""


class Piece(NamedTuple):
    """A span to become a chunk; `header` is the first row of the table it begins inside of."""

    start: int
    end: int
    header: Span | None = None


def fingerprint(chunker: Any) -> str:
    """A hash of a chunker's class, version, options and its embedder, whose tokens it counts."""
    options = [(field.name, getattr(chunker, field.name)) for field in fields(chunker) if field.name not in INJECTED]
    parts = (type(chunker).__name__, VERSION, options, chunker.embedder.fingerprint)
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def build(
    documents: Sequence[Document],
    cut: Callable[[PreparedDocument], Iterable[Piece]],
    *,
    embedder: Embedder,
    generator: Generator | None,
    context: Context,
    fingerprint: str,
) -> list[Chunked]:
    """One `Chunked` per document, cut by `cut`; all texts, titles and headings are tokenized in one call.

    Notes are written by `generator`. Raises ConfigError where it cannot, GeneratorError.
    """
    outlines = [outline(document) for document in documents]
    subjects = [subject(document.text) if context == "summary" else "" for document in documents]
    strings = dict.fromkeys([*(document.text for document in documents), *subjects])
    strings.update(dict.fromkeys(_line(document.title) for document in documents))
    strings.update(dict.fromkeys(_line(name) for found in outlines for heading in found for name in path(heading)))
    tokens = embedder.token_spans(list(strings))
    rulers = {string: Ruler.of(string, spans) for string, spans in zip(strings, tokens, strict=True)}
    model = notes.writer(generator) if context == "llm" else None
    chunked = []
    for document, found, about in zip(documents, outlines, subjects, strict=True):
        text = PreparedDocument(document, found, rulers[document.text], about)
        pieces: list[Piece] = []
        for start, end, header in cut(text):
            start, end = strip(document.text, start, end)
            if start < end and end > (pieces[-1].end if pieces else 0):  # something is left, and not all of it overlap
                pieces.append(Piece(start, end, header))
        said = notes.notes(model, document, [piece[:2] for piece in pieces]) if model else [""] * len(pieces)
        if model:
            spans = embedder.token_spans(said)
            rulers.update((note, Ruler.of(note, own)) for note, own in zip(said, spans, strict=True))
        chunked.append(Chunked(document, tuple(_chunks(text, pieces, said, rulers, context, fingerprint))))
    return chunked


def _chunks(
    text: PreparedDocument,
    pieces: Sequence[Piece],
    said: Sequence[str],
    rulers: Mapping[str, Ruler],
    context: Context,
    fingerprint: str,
) -> Iterator[Chunk]:
    document = text.document
    digest = document.digest
    spans = [(piece.start, piece.end) for piece in pieces]
    about = mentions.keys(document, spans, text.headings)
    sections = _overlapping(document.sections, spans)
    for (start, end, header), note, keys, found in zip(pieces, said, about, sections, strict=True):
        yield Chunk(
            id=str(uuid5(NAMESPACE_URL, f"{document.id}|{digest}|{start}|{end}|{fingerprint}")),
            doc_id=document.id,
            text=document.text[start:end],
            start=start,
            end=end,
            source=document.source,
            title=document.title,
            context=_context(text, start, header, note, rulers, context),
            about=keys,
            sections=found,
            meta=document.meta,
        )


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
    names = [document.title, text.subject, *(path(above(text.headings, start)) if context == "headings" else ()), note]
    said = {first.strip("#*_ \t").casefold(), ""}
    parts = [
        name for name in {name.casefold(): name for name in map(_line, names)}.values() if name.casefold() not in said
    ]
    room, kept = CONTEXT_TOKENS, {}
    for i in sorted(range(len(parts)), key=lambda i: -i if i else -len(parts)):
        if room > 1:
            kept[i], used = _shortened(rulers[parts[i]], 0, len(parts[i]), room)
            room -= used
    lines = [" > ".join(kept[i] for i in sorted(kept))]
    if header and room > 1:
        lines.append(_line(_shortened(text.ruler, *header, room)[0]))
    return "\n".join(filter(None, lines))


def _shortened(ruler: Ruler, start: int, end: int, room: int) -> tuple[str, int]:
    """The beginning of text[start:end] that fits, and the tokens it takes, with one for what sets it apart."""
    _, end = next(ruler.windows(start, end, room))
    return ruler.text[start:end].strip(), ruler.count(start, end) + 1


def _overlapping(sections: Sequence[Section], spans: Sequence[Span]) -> Iterator[tuple[Section, ...]]:
    """For each span the sections that share a character with it, by start. Spans ascend, so one sweep is enough."""
    filled = (section for section in sections if section.start < section.end)
    waiting = sorted(filled, key=lambda section: section.start, reverse=True)
    active: list[Section] = []
    for start, end in spans:
        while waiting and waiting[-1].start < end:
            active.append(waiting.pop())
        active = [section for section in active if section.end > start]
        yield tuple(active)


def _line(text: str) -> str:
    return " ".join(text[:LONGEST_NAME].split())
