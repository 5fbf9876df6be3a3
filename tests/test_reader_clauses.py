"""The clause that a question for yes or no asks about."""

from __future__ import annotations

import pytest

from rag.reader.clauses import find_clause

WATER = "Water damage is covered, flooding from outside is not."
POST = "He resumed his work at the school, but did not return to any of his other posts."


@pytest.mark.parametrize(
    ("question", "sentence", "clause"),
    [
        ("Is water damage covered?", WATER, "Water damage is covered"),
        ("Is flooding from outside covered?", WATER, WATER),  # its clause leaves the verb to the other
        ("Is water damage covered?", "Water damage is covered, and fire is covered.", ""),  # nothing is denied
        ("Did he work at the school?", POST, "He resumed his work at the school"),
        ("Is overtime paid out?", "Overtime is no longer paid out; it is time off.", "Overtime is no longer paid out"),
        ("Is oak cheap?", "Oak, not pine, is cheap.", ""),
    ],
)
def test_a_clause_that_has_all_of_the_question_is_read_alone(question: str, sentence: str, clause: str) -> None:
    assert find_clause(question, sentence) == (clause or sentence)
