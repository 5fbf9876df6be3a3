"""What no passage speaks of: names and telling words in no form, never a common word or a typing error."""

from __future__ import annotations

import pytest

from rag.text.absent import find_absent, has_form, split_absent
from rag.text.words import tokens

PASSAGES = [
    "Severance packages\nIf you have been with Havn Lines for 1 year, the chief executive officer may add 2 weeks.",
    "Pumps\nThe heat pump of the Müller hall runs at night. Rückzahlungsfristen gelten ab 2019.",
]


@pytest.mark.parametrize(
    ("question", "absent"),
    [
        ("How much severance do I get after five years?", ()),
        ("How many pumps are laid, and what happens?", ()),
        ("What is the severence pakage?", ()),  # typing errors
        ("What does the CEO of Havn Lines do?", ()),
        ("Who is the CEO of Zorblax?", ("Zorblax",)),
        ("When did Muller run?", ()),
        ("What is the Frist at Müller?", ()),  # in a compound
        ("What was added in 2021?", ("2021",)),
        ("What was added in 2019, after 5 years?", ()),
        ("Does the XJ-914/2B fit the pump?", ("XJ-914/2B",)),
        ("How do I bake sourdough at Tarnvik?", ("Tarnvik",)),  # names first
        ("How do I bake sourdough?", ("bake", "sourdough")),
        ("What Is The Severance Policy For Walruses?", ("Policy", "Walruses")),  # capitals say nothing here
        ("How many?", ()),
        ("", ()),
    ],
)
def test_what_is_absent(question: str, absent: tuple[str, ...]) -> None:
    assert find_absent(question, PASSAGES) == absent


def test_names_are_told_from_other_words() -> None:
    assert split_absent("How do I bake sourdough at Tarnvik?", PASSAGES) == (("Tarnvik",), ("bake", "sourdough"))


@pytest.mark.parametrize(
    ("word", "text", "there"),
    [
        ("pumps", "a pump", True),
        ("Norvik", "to Norvick", True),
        ("Norvik", "to Tarnvik", False),
        ("R310", "the R311", False),
        ("NASA", "National Aeronautics and Space Administration", True),
        ("tax", "taxi", False),
        ("swallow", "to allow, in shallow water", False),
        ("leave", "parental leaves", True),
    ],
)
def test_forms_of_a_word(word: str, text: str, there: bool) -> None:
    (token,) = tokens(f"it is {word}")
    assert has_form(token, text) == there
