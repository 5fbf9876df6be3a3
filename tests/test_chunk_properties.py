"""What holds for every chunker, every text and every tokenizer."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rag
from rag.chunk.sentences import SentenceChunker
from rag.chunk.structure import StructureChunker
from rag.chunk.tokens import TokenChunker
from rag.stages import Chunker, Embedder
from rag.types import Chunk, Chunked, Document, Embeddings, Section, Spans

Span = tuple[int, int]


@dataclass(frozen=True)
class Fake:
    """An embedder of which only the tokenizer matters."""

    spans: Callable[[str], Iterable[Span]]
    fingerprint: str = "fake"
    dim: int = 0
    representations: frozenset[str] = frozenset()

    def token_spans(self, texts: Sequence[str]) -> list[Spans]:
        return [np.array(list(self.spans(text)), dtype=np.int64).reshape(-1, 2) for text in texts]

    def embed_chunks(self, batch: Sequence[Chunked]) -> Embeddings:
        raise NotImplementedError

    def embed_queries(self, texts: Sequence[str]) -> Embeddings:
        raise NotImplementedError


TOKENIZERS: dict[str, Callable[[str], Iterable[Span]]] = {
    "pieces": lambda text: (match.span() for match in re.finditer(r"\w{1,5}|[^\w\s]", text)),
    "words": lambda text: (match.span() for match in re.finditer(r"\S+", text)),
    "spaced": lambda text: (match.span() for match in re.finditer(r"\s?\S{1,4}|\s", text)),
    "bytes": lambda text: ((i, i + 1) for i, char in enumerate(text) for _ in char.encode("utf-8", "replace")),
    "crowded": lambda text: ((i, i + 1) for i in range(len(text)) for _ in range(20)),
    "nothing": lambda text: (),
    "empty": lambda text: [(0, 0)] * 3,
}
CHUNKERS: list[Callable[..., Any]] = [TokenChunker, SentenceChunker, StructureChunker]

MARKS = [
    "# ",
    "## ",
    "### ",
    "\n",
    "\n\n",
    "- ",
    "1. ",
    "| a | b |\n|---|---|\n",
    "| c | d |\n",
    "```\n",
    "~~~",
    ". ",
    "! ",
]
ODD = [
    "\u200b",
    "\u0301",
    "\x00",
    "👩‍👩‍👧‍👦",
    "שלום",
    "\u202e",
    "ﷺ",
    "。",
    "\x0c",
    "\u2028",
    "\r",
    "\t",
    "\u00a0",
    "x" * 150,
    " " * 150,
    ":",
]
TEXTS = st.one_of(
    st.text(max_size=200),
    st.lists(st.sampled_from([*MARKS, *ODD, "word ", "Name ", "Sentence. ", "and so on "]), max_size=120).map("".join),
)


@st.composite
def documents(draw: st.DrawFn) -> Document:
    text = draw(TEXTS)
    offset = st.integers(0, len(text))
    spans = draw(st.lists(st.tuples(offset, offset), max_size=4))
    kinds = st.sampled_from(["heading", "code", "page", "slide", "row", "record"])
    labels = st.sampled_from(["A", "A > B", "A > B > C", "page 3", "", " > "])
    sections = tuple(Section(min(span), max(span), draw(kinds), draw(labels)) for span in spans)
    source = draw(st.sampled_from(["a.md", "b.py", "", "c.pdf"]))
    return Document(
        id="d", source=source, text=text, title=draw(st.sampled_from(["", "A", "Title " * 90])), sections=sections
    )


def chunks(chunker: Chunker, document: Document) -> tuple[Chunk, ...]:
    (chunked,) = chunker.chunk([document])
    assert chunked.document is document
    return chunked.chunks


@pytest.mark.parametrize("make", CHUNKERS)
@settings(deadline=None)
@given(document=documents(), tokenizer=st.sampled_from(sorted(TOKENIZERS)), size=st.sampled_from([8, 9, 30, 200]))
def test_chunks_are_exact_ordered_and_cover_the_text(
    make: Callable[..., Any], document: Document, tokenizer: str, size: int
) -> None:
    found = chunks(
        make(embedder=Fake(TOKENIZERS[tokenizer]), size=size, **({"overlap": 4} if make is TokenChunker else {})),
        document,
    )
    text = document.text
    for chunk in found:
        assert text[chunk.start : chunk.end] == chunk.text == chunk.text.strip() != ""
        assert all(section in document.sections and section.start < chunk.end for section in chunk.sections)
    for first, second in itertools.pairwise(found):
        assert first.end <= second.start or make is TokenChunker
        assert first.start <= second.start
        assert first.end < second.end
    covered = {i for chunk in found for i in range(chunk.start, chunk.end)}
    assert all(char.isspace() or i in covered for i, char in enumerate(text))
    assert len({chunk.id for chunk in found}) == len(found)


@pytest.mark.parametrize("make", CHUNKERS)
@settings(deadline=None)
@given(document=documents(), size=st.sampled_from([8, 30]))
def test_no_chunk_exceeds_its_size(make: Callable[..., Any], document: Document, size: int) -> None:
    embedder = Fake(TOKENIZERS["pieces"])
    options = {"overlap": 0} if make is TokenChunker else {}
    found = chunks(make(embedder=embedder, size=size, **options), document)
    assert all(len(spans) <= size for spans in embedder.token_spans([chunk.text for chunk in found]))
    assert all(len(spans) <= 48 for spans in embedder.token_spans([chunk.context for chunk in found]))


@pytest.mark.parametrize("make", CHUNKERS)
def test_satisfies_the_protocol_and_keeps_order_in_a_batch(make: Callable[..., Any]) -> None:
    embedder = Fake(TOKENIZERS["words"])
    assert isinstance(embedder, Embedder)
    chunker = make(embedder=embedder)
    assert isinstance(chunker, Chunker)
    batch = [Document(id=str(i), source="", text=text) for i, text in enumerate(["One.", " ", "", "Two.", "One."])]
    together = chunker.chunk(batch)
    assert together == [chunker.chunk([document])[0] for document in batch]
    assert [len(item.chunks) for item in together] == [1, 0, 0, 1, 1]
    assert chunker.chunk([]) == []


@pytest.mark.parametrize("make", CHUNKERS)
def test_ids_tell_documents_options_and_tokenizers_apart(make: Callable[..., Any]) -> None:
    embedder = Fake(TOKENIZERS["words"])
    document = Document(id="a", source="a.md", text="One.", title="T", meta={"year": 1999})

    def made(document: Document, **options: Any) -> str:
        return chunks(make(**{"embedder": embedder, **options}), document)[0].id

    ids = [
        made(document),
        made(replace(document, id="b")),
        made(replace(document, title="U")),
        made(document, size=100),
        made(document, context="none"),
        made(document, embedder=replace(embedder, fingerprint="other")),
    ]
    assert len(set(ids)) == len(ids)
    assert made(replace(document, source="renamed.md", meta={})) == ids[0]


def test_chunkers_never_share_a_fingerprint() -> None:
    embedder = Fake(TOKENIZERS["words"])
    assert len({make(embedder=embedder).fingerprint for make in CHUNKERS}) == len(CHUNKERS)


WORDS = st.lists(st.sampled_from(["alpha", "Beta", "3.14", "e.g.", "Dr.", "gamma,"]), min_size=1, max_size=7)
SENTENCES = st.lists(WORDS.map(lambda words: " ".join(["The", *words, "end."])), min_size=1, max_size=6).map(" ".join)


@pytest.mark.parametrize("make", [SentenceChunker, StructureChunker])
@settings(deadline=None)
@given(paragraphs=st.lists(SENTENCES, min_size=1, max_size=4))
def test_no_sentence_is_cut_that_fits(make: Callable[..., Any], paragraphs: list[str]) -> None:
    document = Document(id="d", source="", text="\n\n".join(paragraphs))
    found = chunks(make(embedder=Fake(TOKENIZERS["words"]), size=9), document)
    assert all(chunk.text.startswith("The ") and chunk.text.endswith("end.") for chunk in found)


@settings(deadline=None)
@given(document=documents(), cuts=st.lists(st.tuples(st.integers(0, 200), st.integers(0, 200)), max_size=12))
def test_a_cut_has_the_sections_that_share_a_character_with_it_in_whatever_order_one_cuts(
    document: Document, cuts: list[Span]
) -> None:
    for first, second in cuts:
        start, end = sorted((min(first, len(document.text)), min(second, len(document.text))))
        if start == end:
            with pytest.raises(ValueError, match="is no span"):
                rag.cut(document, start, end, fingerprint="f")
            continue
        chunk = rag.cut(document, start, end, fingerprint="f", context="c")
        shared = [s for s in document.sections if max(s.start, start) < min(s.end, end)]
        assert chunk.sections == tuple(sorted(shared, key=lambda section: section.start))
        assert (chunk.text, chunk.context, chunk.doc_id) == (document.text[start:end], "c", document.id)
        assert chunk == rag.cut(replace(document), start, end, fingerprint="f", context="c")
