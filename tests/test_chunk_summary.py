"""What an untitled document says it is about."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rag.chunk.sentences import SentenceChunker
from rag.chunk.summary import WORDS, subject
from rag.embed.hashing import HashingEmbedder
from rag.types import Document

TEXT = "The canal was dug in 1810. Canals need water; the canal's locks hold it. " * 3 + "Barges carried coal."


def test_the_most_frequent_words_stand_first_in_their_usual_form() -> None:
    assert subject(TEXT) == "canal dug hold locks need"  # ties by first letters


def test_without_a_word_that_is_used_often_there_is_no_subject() -> None:
    assert subject("") == subject("Barges carried coal to Tarnvik.") == subject("it is the it is the it is the") == ""


@given(st.text())
def test_any_text_gives_a_few_of_its_own_words(text: str) -> None:
    found = subject(text * 3).split()
    assert len(found) <= WORDS and all(word in text * 3 for word in found)


def test_a_summary_stands_behind_the_title_in_the_context_and_is_not_said_twice() -> None:
    chunker = SentenceChunker(embedder=HashingEmbedder(), size=20, context="summary")
    untitled, titled = chunker.chunk([Document("a", "a.txt", TEXT), Document("b", "b.txt", TEXT, "Tarn Works")])
    assert {chunk.context for chunk in untitled.chunks} == {"canal dug hold locks need"}
    assert {chunk.context for chunk in titled.chunks} == {"Tarn Works > canal dug hold locks need"}
    [short] = chunker.chunk([Document("c", "c.txt", "Barges carried coal.")])
    assert [chunk.context for chunk in short.chunks] == [""]
