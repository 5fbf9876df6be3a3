"""Addresses and digests of the data types."""

from __future__ import annotations

from dataclasses import replace

from rag.types import Chunk, Document, Section, address


def test_an_offset_is_named_by_the_innermost_section_of_each_kind() -> None:
    sections = (
        Section(0, 100, "page", "page 1"),
        Section(0, 60, "heading", "Install"),
        Section(20, 40, "heading", "Install > Linux"),
    )
    assert address("guide.pdf", sections, 30) == "guide.pdf, page 1, Install > Linux"
    assert address("guide.pdf", sections, 50) == "guide.pdf, page 1, Install"
    assert address("guide.pdf", sections, 100) == "guide.pdf"


def test_the_digest_follows_everything_that_shapes_chunks_and_nothing_else() -> None:
    document = Document("1", "a.md", "text", "title", (Section(0, 4, "page", "page 1"),))
    assert replace(document, source="b.md", id="2").digest == document.digest
    for change in ({"text": "texts"}, {"title": "other"}, {"sections": ()}):
        assert replace(document, **change).digest != document.digest


def test_a_chunk_embeds_its_context_before_its_text() -> None:
    chunk = Chunk("1", "d", "It draws 40 watts.", 10, 28, "a.md")
    assert chunk.contextual == "It draws 40 watts."
    assert replace(chunk, context="Lumen K2").contextual == "Lumen K2\nIt draws 40 watts."
