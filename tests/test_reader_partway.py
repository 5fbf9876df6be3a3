"""Answers to the question inside a question."""

from __future__ import annotations

import pytest

from rag.reader.partway import is_partway

CHOSE = "The group chose Offer C, provided that the fire service agrees."
SEAT = "Moss Township lies in Havn County."


@pytest.mark.parametrize(
    ("question", "sentence", "partway"),
    [
        ("What coolant does the battery need that the steering group chose?", CHOSE, True),
        ("What is the seat of the county where Moss Township is?", SEAT, True),
        ("Which offer did the steering group choose?", CHOSE, False),  # no clause inside
        ("Which offer is it that the steering group chose?", CHOSE, False),  # what is asked stands there
        ("What coolant does the battery need that was sold in Norvik?", CHOSE, False),  # nothing of the clause
        ("The battery that the group chose needs which coolant?", CHOSE, False),  # asked behind the clause
        ("A battery needs coolant that the group chose from which offer?", CHOSE, False),
    ],
)
def test_a_sentence_with_the_clause_alone_answers_what_is_not_asked(
    question: str, sentence: str, partway: bool
) -> None:
    assert is_partway(question, "Minutes", sentence) == partway
