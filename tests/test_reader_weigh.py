"""Candidates of several documents, weighed: who contradicts the best one."""

from __future__ import annotations

from collections.abc import Sequence

from rag.reader.candidates import Candidate
from rag.reader.network import Span
from rag.reader.weigh import find_contradictions

QUESTION = "How long is the warranty?"


def contradictions(
    *rows: tuple[str, str, float], sources: Sequence[str] = (), yes_no: bool = False, question: str = QUESTION
) -> list[list[int]]:
    """The passages of each side; a row is an answer, its document, and how likely it is right."""
    candidates = [Candidate(text, Span(n, 3, 9, 0.0), yes_no, (sure,)) for n, (text, _, sure) in enumerate(rows)]
    documents = [document for _, document, _ in rows]

    def estimate(some: Sequence[Candidate]) -> tuple[Candidate, float] | None:
        return max(((one, one.features[0]) for one in some), key=lambda pair: pair[1], default=None)

    passages = [("", "a passage")] * len(rows)
    found = find_contradictions(question, candidates, passages, documents, sources or documents, estimate)
    return [[answer.passage for answer in side.answers] for side in found]


def test_two_documents_that_say_otherwise_are_two_sides_the_best_first() -> None:
    assert contradictions(("nine years", "old", 0.4), ("eight years", "new", 0.8)) == [[1], [0]]


def test_where_all_agree_or_only_one_is_credible_nobody_contradicts() -> None:
    assert contradictions(("eight years", "a", 0.8), ("8 cars", "b", 0.3), ("eight years.", "c", 0.7)) == []
    assert contradictions() == contradictions(("eight years", "a", 0.2), ("nine years", "b", 0.19)) == []


def test_passages_of_one_document_do_not_contradict_each_other() -> None:
    assert contradictions(("eight years", "a", 0.8), ("nine years", "a", 0.7)) == []


def test_a_majority_of_independent_sources_is_chosen_and_copies_are_none() -> None:
    rows = [("nine years", "a", 0.8), ("eight years", "b", 0.7), ("eight years", "c", 0.7)]
    assert contradictions(*rows) == [[1, 2]]
    assert contradictions(*rows, sources=["a", "b", "b"]) == [[0], [1, 2]]


def test_a_copy_with_another_answer_is_another_version_and_not_hidden() -> None:
    assert contradictions(("nine years", "a", 0.8), ("eight years", "b", 0.7), sources=["a", "a"]) == [[0], [1]]


def test_yes_and_no_are_not_weighed() -> None:
    assert contradictions(("yes", "a", 0.8), ("no", "b", 0.7), yes_no=True) == []
