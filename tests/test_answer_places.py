"""Terms that stand where the evidence has another one, and numbers with another unit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.answer.places import find_displaced, has_wrong_unit
from rag.answer.terms import Term, read

EVIDENCE = (
    "The mill ran from 1990 to 1998 and then from 2003 on. It won 3 medals in 1994 and 2 medals in 1996. "
    "Its keeper was born on 3 May 1960 in Hull and died on 5 June 2010."
)


def is_number(one: Term, other: Term) -> bool:
    return one.kind == other.kind == "number"


def moved(statement: str, evidence: str = EVIDENCE) -> bool:
    return any(find_displaced(read(statement), [read(evidence)], is_number))


@pytest.mark.parametrize(
    "statement",
    [
        EVIDENCE,
        "The mill ran from 1990 to 1998.",
        "Until 1998 it ran.",
        "It won 2 medals in 1996.",
        "In 1996 it won 2 medals, in 1994 it won 3 medals.",
        "The keeper, born May 3, 1960 in Hull, died on 2010-06-05.",
        "Born on 3 May 1960.",
        "It ran for 8 years.",  # a number of nowhere is another check's business
        "",
    ],
)
def test_what_stands_in_its_place_or_in_a_new_one_passes(statement: str) -> None:
    assert not moved(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "The mill ran from 1998 to 1990 and then from 2003 on.",
        "The mill ran from 2003 to 1998.",
        "It won 2 medals in 1994 and 3 medals in 1996.",
        "Its keeper was born on 5 June 2010 in Hull and died on 3 May 1960.",
        "Its keeper was born on May 3, 2010 in Hull.",
        "Its keeper was born on 3 May 1998 in Hull.",
    ],
)
def test_what_stands_in_anothers_place_does_not(statement: str) -> None:
    assert moved(statement)


@given(st.lists(st.sampled_from(["mill", "ran", "1990", "1998", "7", "May", "won"]), max_size=12), st.data())
def test_no_piece_of_the_evidence_is_displaced(words: list[str], data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(words)))
    end = data.draw(st.integers(start, len(words)))
    assert not moved(" ".join(words[start:end]), " ".join(words))


@pytest.mark.parametrize(
    ("statement", "wrong"),
    [
        ("The mast is 31 m high.", False),
        ("A 31-metre mast.", False),
        ("The mast is 31 feet high.", True),
        ("It weighs 10 tons.", False),
        ("It weighs between 10 and 20 tonnes.", False),
        ("It weighs 20 kg.", True),
        ("It was repaired after 40 years.", False),  # of a number that is nowhere another check tells
        ("31 visitors came.", False),
        ("The mast is 20 m high.", True),
    ],
)
def test_a_number_keeps_its_unit(statement: str, wrong: bool) -> None:
    evidence = "The mast is 31 metres high. It weighs 10 to 20 tons. 31 people climbed it."
    assert has_wrong_unit(read(statement), [read(evidence)]) is wrong


def test_a_number_that_is_nowhere_needs_more_company_than_one_that_moved() -> None:
    assert moved("mill 7 won medals", "old mill 8 won medals")
    assert not moved("mill 7 won prizes", "old mill 8 won medals")
    assert not moved("7 won prizes", "8 lost medals")
