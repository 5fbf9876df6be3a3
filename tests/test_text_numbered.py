"""Things with a number: the one that a question asks about, and others of its kind."""

from __future__ import annotations

import pytest

from rag.text.numbered import find_numbered

REGISTER = "Building: Building 4; Router: Lumen\nBuilding: Building 6; Router: Norwave"


def test_a_thing_with_a_number_is_known_and_told_from_others_of_its_kind() -> None:
    (thing,) = find_numbered("Which router is in building 4?", [REGISTER])
    assert (thing.kind, thing.number) == ("building", "4")
    asked, other = REGISTER.splitlines()
    assert thing.is_in(asked) and not thing.is_another_in(asked)
    assert thing.is_another_in(other) and not thing.is_another_in("The heating of Building 4 and Building 6")
    assert not thing.is_another_in("The router is new.")
    assert thing.is_another_in("BUILDING 6 STATION") and thing.is_in("BUILDING 4")


@pytest.mark.parametrize(
    "question",
    [
        "Which building replaced Building 4?",  # asks for another one
        "Which router is in building 9?",  # which no text has
        "Did about 30 people come in 2022?",
        "How long is building 4.2?",
    ],
)
def test_what_is_no_numbered_thing_of_the_texts(question: str) -> None:
    assert find_numbered(question, [REGISTER, "About 30 came."]) == ()
