"""Answers out of passages about something else than the question's names."""

from __future__ import annotations

import pytest

from rag.reader.astray import is_astray

FILES = ("Corvid File System", "Each chunk is kept on several servers. The default replication factor is three.")
NAMES = ("Consensus", "Systems such as Lumen store use a log to keep replicas equal.")
FERRY = ("Winter timetable", "The route to Great Hellen is sailed with the Grey Heron.")
HERON = ("Grey Heron", "She was built by Sellmark Yard in 1998.")
ABOUT = [["corvid file system"], ["consensus"], ["winter timetable"], ["grey heron"]]


@pytest.mark.parametrize(
    ("question", "place", "astray"),
    [
        ("What is the default replication factor of Lumen?", 0, True),  # it is named elsewhere, and nothing leads here
        ("What is the default replication factor of Quorra?", 0, True),  # nobody names it
        ("What is the default replication factor of Corvid?", 0, False),  # its title names it
        ("What is the default replication factor?", 0, False),
        ("Who built the ferry to Great Hellen?", 3, False),  # the timetable mentions what this passage is about
        ("Which is older, Lumen or Quorra?", 0, False),  # two names, of which one may stand elsewhere
        ("Which number of copies on several servers, as told by Quorra, is the default factor?", 0, False),
        ("Is three the default replication factor of Lumen?", 1, False),
    ],
)
def test_a_passage_has_the_questions_names_or_is_led_to(question: str, place: int, astray: bool) -> None:
    assert is_astray(question, place, [FILES, NAMES, FERRY, HERON], ABOUT) == astray
