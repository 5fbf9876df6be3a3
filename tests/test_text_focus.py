"""The sentence of a passage that a question's words lead to."""

from __future__ import annotations

from rag import Chunk, Hit, Section
from rag.answer.data import hit_data
from rag.cli.show import excerpt
from rag.text.focus import find_focus

TEXT = "The plant was built in 1990. Its boiler was new in 2004. The turbine is inspected every May. The boiler rusts."


def test_the_sentence_with_most_of_the_words_is_found_the_first_of_several() -> None:
    assert TEXT[find_focus("When is the turbine inspected?", TEXT) :].startswith("The turbine")
    assert TEXT[find_focus("boiler", TEXT) :].startswith("Its boiler")
    assert find_focus("Who owns the harbour?", TEXT) == 0
    assert find_focus("boiler", "") == 0


def hit(text: str) -> Hit:
    turn = 100 + text.index("Its")
    sections = (Section(100, turn, "page", "page 1"), Section(turn, 999, "page", "page 2"))
    return Hit(Chunk("c", "d", text, 100, 100 + len(text), "plant.pdf", sections=sections), 0.5)


def test_a_passage_over_two_pages_names_the_page_of_the_words() -> None:
    assert hit_data(hit(TEXT), "When was the plant built?")["address"] == "plant.pdf, page 1"
    assert hit_data(hit(TEXT), "When is the turbine inspected?")["address"] == "plant.pdf, page 2"


def test_an_excerpt_shows_the_words_where_the_beginning_does_not() -> None:
    long = hit("It stands by the sea. " * 20 + TEXT)
    assert excerpt(long, "When is the turbine inspected?").startswith("… The turbine is inspected")
    assert excerpt(hit(TEXT), "When is the turbine inspected?").startswith("The plant")
