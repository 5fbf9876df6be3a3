"""Questions for yes and no made of sentences."""

import numpy as np
import pytest

from rag.train.reader.polarity import read_clause, turn
from rag.train.reader.questions import ReaderPassage


@pytest.mark.parametrize(
    ("sentence", "question", "denied", "opposite"),
    [
        ("The pump is not sealed.", "Is the pump sealed?", True, "The pump is sealed."),
        ("Unused holidays are paid.", "Are Unused holidays paid?", False, "Unused holidays are not paid."),
        ("The valve does not close in frost.", "Does the valve close in frost?", True, "The valve closes in frost."),
        ("Employees do not carry days over.", "Do employees carry days over?", True, "Employees carry days over."),
        ("Guests can never enter the hall.", "Can Guests enter the hall?", True, "Guests can enter the hall."),
        ("The crew did not sail.", "Did the crew sail?", True, ""),
    ],
)
def test_a_sentence_is_turned(sentence: str, question: str, denied: bool, opposite: str) -> None:
    clause = read_clause(sentence)
    assert clause is not None
    assert (clause.question, clause.denied, clause.opposite()) == (question, denied, opposite)


@pytest.mark.parametrize(
    "sentence",
    [
        "If it rains, the match is off.",
        "The man who is here is not the owner.",
        "No animals are allowed.",
        "It is not clear that nothing was lost.",
        "He said: it is over.",
        "The pumps run.",
        "Is it over?",
    ],
)
def test_a_sentence_that_would_turn_badly_is_left(sentence: str) -> None:
    assert read_clause(sentence) is None


def test_what_is_asked_stands_in_the_passage_or_its_opposite_does() -> None:
    text = "The hall opened in 1902. The hall is not heated. It seats two hundred."
    asked = [*turn([ReaderPassage("Hall", text)] * 40, np.random.default_rng(0), most=40)]
    by_answer = {one.answer_type: one for one in asked}
    assert {one.question.lower() for one in asked} == {"is the hall heated?"}
    assert "The hall is not heated." in by_answer[2].passages[0].text
    assert "The hall is heated." in by_answer[1].passages[0].text
    assert "heated" not in by_answer[0].passages[0].text
    for answer, sentence in ((1, "The hall is heated."), (2, "The hall is not heated.")):
        (passage,) = by_answer[answer].passages
        assert [passage.text[slice(*span)] for span in passage.evidence] == [sentence]


def test_half_of_the_passages_deny_where_there_are_enough() -> None:
    denying = [ReaderPassage("", f"Lamp {n} is not lit.") for n in range(30)]
    affirming = [ReaderPassage("", f"Lamp {n} is lit.") for n in range(200)]
    asked = [*turn([*affirming, *denying], np.random.default_rng(0), most=20)]
    denied = sum("not lit" in one.passages[0].text and one.answer_type == 2 for one in asked)
    assert 10 <= denied <= 24
    assert sum(one.answer_type == 1 for one in asked) == sum(one.answer_type == 2 for one in asked) == 20
