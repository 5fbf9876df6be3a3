"""Documents that give different answers: who has a majority, what the question chooses, what is the same answer."""

from __future__ import annotations

import pytest

from rag.reader.sides import SourceAnswer, find_sides, say_same

QUESTION = "How long is the warranty?"


def answers(*rows: tuple[str, str, float]) -> list[SourceAnswer]:
    return [SourceAnswer(text, i, source, confidence) for i, (text, source, confidence) in enumerate(rows)]


def said(question: str, given: list[SourceAnswer]) -> list[str]:
    return [side.answers[0].text for side in find_sides(question, given)]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("eight years", "Eight years.", True),
        ("27", "27 days", True),
        ("3 May 2024", "2024-05-03", True),
        ("1,000 euros", "1000 euros", True),
        ("the Grey Heron", "Grey Heron", True),
        ("Sellmark Yard in Norvik", "Sellmark Yard", True),
        ("eight years", "nine years", False),
        ("York", "Yorkshire", False),
        ("paid", "not paid", False),
        ("yes", "no", False),
        ("16 weeks", "6 weeks", False),
        ("", "a", True),
        ("", "eight", False),
    ],
)
def test_what_counts_as_the_same_answer(one: str, other: str, same: bool) -> None:
    assert say_same(one, other) is say_same(other, one) is same


def test_two_sources_that_disagree_are_both_shown_the_surest_first() -> None:
    given = answers(("nine years", "old.pdf", 0.5), ("eight years", "new.pdf", 0.7))
    assert said(QUESTION, given) == ["eight years", "nine years"]


def test_a_clear_majority_of_sources_has_it_even_against_a_surer_answer() -> None:
    given = answers(
        ("nine years", "a", 0.9), ("eight years", "b", 0.6), ("8 years", "c", 0.5), ("eight years", "d", 0.5)
    )
    assert said(QUESTION, given) == ["eight years"]


def test_passages_of_one_source_are_no_majority() -> None:
    given = answers(
        ("nine years", "a", 0.8), ("nine years", "a", 0.8), ("nine years", "a", 0.8), ("eight years", "b", 0.7)
    )
    assert said(QUESTION, given) == ["nine years", "eight years"]


def test_a_tie_of_two_against_two_is_no_majority_and_three_against_two_no_clear_one() -> None:
    three = answers(*((text, source, 0.6) for text, source in zip(["x"] * 3 + ["y"] * 2, "abcde", strict=True)))
    assert said(QUESTION, three) == ["x", "y"]
    assert said(QUESTION, three[1:]) == ["x", "y"]


def test_an_unsure_answer_is_no_side() -> None:
    given = answers(("eight years", "a", 0.8), ("Kestrel", "b", 0.39))
    assert said(QUESTION, given) == ["eight years"]
    assert said(QUESTION, answers(("eight years", "a", 0.28), ("Kestrel", "b", 0.27))) == ["eight years"]
    assert said(QUESTION, answers(("eight years", "a", 0.32), ("Kestrel", "b", 0.31))) == ["eight years", "Kestrel"]
    assert find_sides(QUESTION, []) == ()


@pytest.mark.parametrize(
    ("question", "own", "other"),
    [
        ("How many ducks were counted in 2022?", "Ducks counted in 2022: 410", "Ducks counted in 2021: 380"),
        (
            "How long is the warranty on the Lumen K2?",
            "Lumen K2: warranty eight years",
            "Lumen K3: warranty nine years",
        ),
        (
            "What is the default port on Linux?",
            "On Linux the default port is 80.",
            "On Windows the default port is 90.",
        ),
    ],
)
def test_the_questions_own_year_product_or_name_chooses(question: str, own: str, other: str) -> None:
    given = [SourceAnswer("nine", 0, "a", 0.8, other), SourceAnswer("eight", 1, "b", 0.6, own)]
    assert said(question, given) == ["eight"]


@pytest.mark.parametrize(
    ("question", "own", "other"),
    [
        # the other side speaks of no other year
        ("How many ducks were counted in 2022?", "Ducks counted in 2022: 410", "Ducks counted: 380"),
        # the other is the second step of the question, and speaks of no other thing
        (
            "Where sits the maker of the Grey Heron?",
            "The maker of the Grey Heron sits in Rome.",
            "Sellmark Yard: Norvik.",
        ),
        # both have it
        ("How long is the warranty on the Lumen K2?", "Lumen K2: eight years", "Lumen K2 and K3: nine years"),
    ],
)
def test_a_name_chooses_nothing_where_the_other_side_is_not_about_another_thing(
    question: str, own: str, other: str
) -> None:
    given = [SourceAnswer("nine", 0, "a", 0.8, other), SourceAnswer("eight", 1, "b", 0.6, own)]
    assert said(question, given) == ["nine", "eight"]
