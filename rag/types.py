"""The data that flows between stages: plain frozen records, no behaviour beyond what they can say about themselves.

A `Document` is what a connector read, a `Chunk` is an exact span of it, a `Query` goes to the store and a `Hit` comes
back; `Citation`, `Statement` and `Answer` are what a person gets. Everything is immutable: a stage that changes an item
copies it with `dataclasses.replace`. This module imports nothing but the standard library and numpy.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Vectors: TypeAlias = NDArray[np.float32]  # (n, dim), rows = items
Vector: TypeAlias = NDArray[np.float32]  # (dim,)
Difference: TypeAlias = Mapping[str, Vectors]  # what is added to a model's tensors, by name
Precision: TypeAlias = Literal["auto", "int8", "float32"]  # of products; "auto": int8 where the processor gains
Spans: TypeAlias = NDArray[np.int64]  # (n, 2), half-open character offsets
LEVELS = ("answer", "evidence", "nothing")  # own words with quotes that show them; quotes alone; no text
Value: TypeAlias = str | int | float | bool
Values: TypeAlias = Value | tuple[Value, ...]  # of one field

_MARKER = re.compile(r"\s*\[\d+\]")
_QUOTED_LINE = re.compile(r"^\s*(?:“[^“”]*”[\s,;]*)+(?:\(\w+\)\s*)?$", re.MULTILINE)  # "(unsupported)" may follow
_LED_QUOTE = re.compile(r":\s*“[^“”]*”")  # behind what it shows


PAGES = ("page", "slide")  # the kinds of sections that are pages


@dataclass(frozen=True, slots=True)
class Section:
    """A span of a document with a human address: `kind` is "page", "heading", "slide", "row", "record", ...

    `label` is what a person reads, complete in itself: "page 3", "Install > Linux", "Sheet1 row 12". Sections may
    nest and overlap; within one kind the innermost covering section names an offset.
    """

    start: int
    end: int
    kind: str
    label: str


def address(source: str, sections: Sequence[Section], offset: int) -> str:
    """The human address of a character offset: `handbook.pdf, page 3` (one label per kind, innermost wins)."""
    innermost: dict[str, Section] = {}
    for section in sections:
        if section.start <= offset < section.end:
            best = innermost.get(section.kind)
            if best is None or section.end - section.start <= best.end - best.start:
                innermost[section.kind] = section
    return ", ".join([source, *(s.label for s in innermost.values())])


@dataclass(frozen=True, slots=True)
class Document:
    """A text with its origin. `source` names the file (relative to the index where possible), `id` this document in it.

    `title` is empty when the content names none (a file's name is not content: renaming a file changes no embedding).
    What a connector gives as `meta` is made flat before it is stored (`rag.text.values`).
    """

    id: str
    source: str
    text: str
    title: str = ""
    sections: tuple[Section, ...] = ()
    meta: Mapping[str, Values] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """sha256 (hex) of everything that came out of the parser and shapes chunks: title, text, sections."""
        parts = [self.title, self.text, *(f"{s.start}:{s.end}:{s.kind}:{s.label}" for s in self.sections)]
        return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class Chunk:
    """An exact span of a document: `document.text[start:end] == text`.

    `context` is what embedders see besides the text (title, heading path, a situating note); it is never quoted.
    `about` are the normalised keys of what this chunk is about, by which link hops find it. `sections` are those
    of the document that overlap the span, with document offsets.
    """

    id: str
    doc_id: str
    text: str
    start: int
    end: int
    source: str
    title: str = ""
    context: str = ""
    about: tuple[str, ...] = ()
    sections: tuple[Section, ...] = ()
    meta: Mapping[str, Values] = field(default_factory=dict)

    @property
    def contextual(self) -> str:
        """What embedders encode: context, a line break, text (or the text alone)."""
        return f"{self.context}\n{self.text}" if self.context else self.text

    @property
    def heading(self) -> str:
        """What stands above the text, on one line: context, or the title where there is none."""
        return " ".join((self.context or self.title).split())

    def address(self, offset: int | None = None) -> str:
        """The human address of a document offset inside this chunk (default: its start)."""
        return address(self.source, self.sections, self.start if offset is None else offset)


@dataclass(frozen=True, slots=True)
class Chunked:
    """A document with its chunks: the unit an embedder gets, so that late chunking sees the whole text.

    A `window` is a stretch of a document that is embedded as it stands (see `stages.WindowEmbedder`); the spans of its
    chunks are those in the stretch, and title and text hold everything their vectors depend on beside `contextual`.
    """

    document: Document
    chunks: tuple[Chunk, ...]
    window: bool = False


@dataclass(frozen=True, slots=True)
class Sparse:
    """A sparse vector: strictly increasing `indices` (n,) int64 and their `values` (n,) float32."""

    indices: NDArray[np.int64]
    values: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Embeddings:
    """What an embedder gives: one row per item, in order, for every representation it declares."""

    dense: Vectors | None = None  # (n, dim)
    sparse: Sequence[Sparse] | None = None  # n
    tokens: Sequence[Vectors] | None = None  # n x (tokens, dim)

    def __len__(self) -> int:
        for rows in (self.dense, self.sparse, self.tokens):
            if rows is not None:
                return len(rows)
        return 0

    @property
    def nbytes(self) -> int:
        """The bytes of all vectors."""
        sparse = (array for one in self.sparse or () for array in (one.indices, one.values))
        dense = () if self.dense is None else (self.dense,)
        return sum(array.nbytes for array in (*dense, *sparse, *(self.tokens or ())))


@dataclass(frozen=True, slots=True)
class Range:
    """Numbers, or dates, with `least <= x <= most` and `above < x < below`; None bounds nothing.

    `rag.text.ranges` says what has an order: numbers, and ISO dates as text. A year, month or day as a bound is all of
    it: `most="2024"` lets the last day of 2024 through. Example: Range(least=2020, below=2024).
    """

    least: Value | None = None
    most: Value | None = None
    above: Value | None = None
    below: Value | None = None


@dataclass(frozen=True, slots=True)
class Filter:
    """Which chunks may be found: every `any_of` field holds one of its values, no `none_of` field holds any of its,
    and every field of `ranges`, which are "meta.NAME", holds a value in its range.

    Fields are "id", "doc_id", "source", "title", "about", "access" (the groups that may read it, "everyone" where the
    document names none) or "meta.NAME"; of NAME, small and capital letters are alike.
    Values are compared by type: text with text to the letter, numbers by their value, truth values with their like. A
    field with several values holds each of them. `within` ANDs two filters: a filter can only be narrowed.
    """

    any_of: Mapping[str, tuple[Value, ...]] = field(default_factory=dict)
    none_of: Mapping[str, tuple[Value, ...]] = field(default_factory=dict)
    within: "Filter | None" = None
    ranges: Mapping[str, Range] = field(default_factory=dict)


def narrow(filter: Filter | None, within: Filter | None) -> Filter | None:
    """What both let through; None lets through everything."""
    if filter is None or within is None:
        return filter or within
    return replace(filter, within=narrow(filter.within, within))


@dataclass(frozen=True, slots=True, eq=False)
class Query:
    """What is searched for. `trail` are the ids of the chunks that led here, root first: the tree is explicit.

    A store gives at most `limit` hits, also where it is asked for more. `carried` is what a hopper goes on from, where
    that is another vector than the one searched by.
    """

    text: str
    dense: Vector | None = None
    sparse: Sparse | None = None
    tokens: Vectors | None = None
    filter: Filter | None = None
    limit: int | None = None
    hop: int = 0
    trail: tuple[str, ...] = ()
    carried: Vector | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk found at `hop`, with the trail of chunk ids that led to it (empty at hop 0). Higher scores are better.

    Scores order the hits of one list. `cosine` is that of question and chunk, which means the same in every list; None
    where a pipeline has no dense vectors.
    """

    chunk: Chunk
    score: float
    hop: int = 0
    trail: tuple[str, ...] = ()
    vector: Vector | None = field(default=None, repr=False, compare=False)
    cosine: float | None = None


@dataclass(frozen=True, slots=True)
class Citation:
    """`document.text[start:end] == quote`, at a human `address`; `marker` is the number a reader sees.

    `url`, `date` and `author` are the document's own, as its fields have them (`rag.text.origin`), else "".
    """

    marker: int
    chunk_id: str
    source: str
    start: int
    end: int
    quote: str
    address: str
    hop: int = 0
    url: str = ""
    date: str = ""
    author: str = ""


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence of an answer, the markers it cites, and what the verifier says: a value of `citations.VERDICTS`."""

    text: str
    citations: tuple[int, ...] = ()
    verdict: str = "unverified"


@dataclass(frozen=True, slots=True)
class AnswerSide:
    """What some documents say where others say otherwise, the marker of its quote, and the date of its document.

    `date` is the document's own, as it has it, or that of the file (2024-05-03); "" where neither is known.
    """

    text: str
    marker: int
    date: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, the evidence for one, or an abstention with the closest passages in `hits`: see `level`.

    `usage` counts tokens and calls; `trace` is what each step did, in order, as plain data. `confidence` is how likely
    the answer is right, or the one that was withheld; None where the generator does not say. `missing` are words of the
    question that none of the passages holds, of an abstention or of evidence: names and numbers, else other words.
    `sides` are where its sources disagree, of which the text then quotes each.
    """

    question: str
    text: str
    statements: tuple[Statement, ...] = ()
    citations: tuple[Citation, ...] = ()
    hits: tuple[Hit, ...] = ()
    usage: Mapping[str, Any] = field(default_factory=dict)
    trace: tuple[Mapping[str, Any], ...] = ()
    confidence: float | None = None
    missing: tuple[str, ...] = ()
    sides: tuple[AnswerSide, ...] = ()

    @property
    def level(self) -> str:
        """How far the answer goes, as its text says: one of `LEVELS`."""
        return ("answer" if self.short else "evidence") if self.text else "nothing"

    @property
    def abstained(self) -> bool:
        """Whether nothing is said."""
        return self.level == "nothing"

    @property
    def short(self) -> str:
        """What the text says besides the quotes that show it, and markers; "" where it only quotes."""
        text = _QUOTED_LINE.sub("", _MARKER.sub("", self.text)).strip()
        parts = _LED_QUOTE.sub("\0", text).split("\0\n")  # of a question that asks for two things
        return "; ".join(" ".join(part.replace("\0", "").split()).strip(" :") for part in parts)


@dataclass(frozen=True, slots=True)
class Source:
    """A file a connector may load: its `name` in the index, its place, and a stamp that changes when it may have.

    `access` are the groups that may read it, whatever its documents say of themselves; None leaves that to them.
    `stamp` is (size, mtime_ns, ctime_ns, inode). A `reason` says why a file or folder could not be looked at: what the
    index holds of it, and of all below it, stays.
    """

    name: str
    path: str
    stamp: tuple[int, int, int, int]
    reason: str = ""
    access: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Loaded:
    """What became of a source. `status` is "ok", "degraded" (text was lost), "failed" or "skipped"; `reason` says why.

    `sha256` is of the bytes that were parsed (empty when they could not be read). `letters` are what OCR saw on pages
    (number, `rag.text.letters`).
    """

    source: Source
    status: str
    reason: str = ""
    documents: tuple[Document, ...] = ()
    sha256: str = ""
    letters: tuple[tuple[int, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a language model will have to do: calls and tokens."""

    calls: int
    prompt_tokens: int
    completion_tokens: int
