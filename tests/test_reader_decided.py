"""What tables decide: a cell, which of two things has more, and documents that say otherwise."""

from __future__ import annotations

import pytest

from rag.reader.decided import find_decided

SALES = "Line | Sales | Crew\n---|---|---\nHavn | 3,128 | 40\nNorvik | 978 | 55\nLysvik | 978 | $12"
YEARS = "Year: 2021; Ducks: 150; Eiders: 9\nYear: 2022; Ducks: 170; Eiders: 12"


def decide(question: str, *texts: str) -> list[str]:
    names = [f"{n}.csv" for n in range(len(texts))]
    return [side.answers[0].text for side in find_decided(question, [("", text) for text in texts], names, names)]


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("Which had higher sales, Havn or Norvik?", ["Havn"]),
        ("Which line has less sales, Havn or Norvik?", ["Norvik"]),
        ("Which line has more crew, Havn or Norvik?", ["Norvik"]),
        ("Which line has more sales, Norvik or Lysvik?", []),  # both have 978
        ("Which line has more crew, Havn or Lysvik?", []),  # men and dollars
        ("Which had higher sales, Havn or Brannay?", []),
        ("Were there more ducks in 2021 or 2022?", ["2022"]),
        ("Which has more sales and less crew, Havn or Norvik?", []),
        ("What were the sales of Havn?", ["3,128"]),
    ],
)
def test_two_cells_of_one_document_are_compared(question: str, said: list[str]) -> None:
    assert decide(question, SALES, YEARS) == said


def test_documents_whose_cells_differ_are_sides_and_a_majority_has_it() -> None:
    other = YEARS.replace("170", "175")
    assert decide("How many ducks were counted in 2022?", YEARS, other) == ["170", "175"]
    assert decide("How many ducks were counted in 2022?", YEARS, other, YEARS) == ["170"]
    assert decide("How many eiders were counted in 2022?", YEARS, other) == ["12"]
    assert decide("How many ducks were counted in 2022?", f"{YEARS}\n\nCorrected\n\n{other}") == []
