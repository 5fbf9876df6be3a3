"""Words that say the reverse, and negations on one side only."""

from __future__ import annotations

import pytest

from rag.answer.opposites import is_opposite
from rag.answer.polarity import negates
from rag.answer.terms import read


@pytest.mark.parametrize(
    ("one", "other", "opposite"),
    [
        ("opened", "closed", True),
        ("rising", "fell", True),
        ("largest", "smallest", True),
        ("above", "below", True),
        ("legal", "illegal", True),
        ("known", "unknown", True),
        ("useful", "useless", True),
        ("opened", "opens", False),
        ("open", "built", False),
        ("port", "import", False),  # no word begins to deny by that
        ("hopeful", "careless", False),
    ],
)
def test_opposites(one: str, other: str, opposite: bool) -> None:
    (first,), (second,) = read(one), read(other)
    assert is_opposite(first, second) is is_opposite(second, first) is opposite


EVIDENCE = ["The mill did not run in winter, but it opened in 1990.", "The sluice is never locked and cannot leak."]


@pytest.mark.parametrize(
    ("statement", "negated"),
    [
        ("The mill ran in winter.", True),
        ("The mill never ran in winter.", False),
        ("It opened in 1990.", False),
        ("It was not opened in 1990.", True),
        ("The sluice is locked.", True),
        ("The sluice isn't locked.", False),
        ("The sluice can't leak.", False),
        ("Not only the sluice is never locked.", False),
        ("Nobody swims in the pond.", False),
    ],
)
def test_a_negation_on_one_side_only_is_seen(statement: str, negated: bool) -> None:
    assert negates(read(statement), [read(part) for part in EVIDENCE]) is negated


@pytest.mark.parametrize(
    ("statement", "negated"),
    [("The lift is open on Sunday.", True), ("The lift is not open on Sunday.", False), ("The shop is open.", False)],
)
def test_the_place_most_like_the_statement_counts(statement: str, negated: bool) -> None:
    evidence = ["The shop is open on Monday. The lift is not open on Sunday.", "The hall is open."]
    assert negates(read(statement), [read(part) for part in evidence]) is negated
