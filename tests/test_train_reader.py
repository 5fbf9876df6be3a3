"""What the reader is trained on: answers where they stand, distractors without them, and a fit that orders."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from rag.errors import InputError
from rag.read.candidates import CLOSED, FEATURES, Candidate
from rag.read.reader import Reading, Span
from rag.train.lexical import Lexical
from rag.train.reader import Options
from rag.train.reader_fit import Case, f1, fit, logistic
from rag.train.reader_run import train_reader
from rag.train.readings import Part, altered, read, readings

PASSAGES = [
    {"pid": "p0", "title": "Norvik", "text": "Norvik lies on a lake. Its ferry was built in 1962."},
    {"pid": "p1", "title": "Tarnvik", "text": "Tarnvik has a ferry. The year 1962 was cold. It was built in 1971."},
    {"pid": "p2", "title": "Havnes", "text": "The ferry of Havnes was built in a year that nobody knows."},
]


def folder(place: Path, questions: list[dict[str, object]]) -> Path:
    for name, rows in (("corpus", PASSAGES), ("questions_train", questions), ("questions_dev", questions[:1])):
        (place / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return place


def test_readings_mark_the_answer_and_its_sentence(tmp_path: Path) -> None:
    asked: list[dict[str, object]] = [
        {"id": "a", "question": "When was the ferry of Norvik built?", "answer": "1962", "gold": ["p0"]},
        {"id": "e", "question": "Which is older, Norvik or Tarnvik?", "answer": "yes", "gold": ["p0", "p1"]},
        {"id": "c", "question": "What is lost?", "answer": "x", "gold": ["p9"]},
        {"id": "d", "question": "Whose?", "answer": "1962", "gold": ["p0"], "shares_gold_with_eval": True},
        {"id": "b", "question": "Who built it?", "answer": "1962", "gold": ["p0"]},
    ]
    source = read(folder(tmp_path, asked))
    assert [row["id"] for row in source.train] == ["a", "e"]
    assert [row["id"] for row in source.held_out] == ["b"]  # by its id, so that it stays the same one
    for seed in range(8):
        for found in readings(source, np.random.default_rng(seed)):
            if found.question not in {row["question"] for row in asked}:
                assert not any(part.answer or part.relevant for part in found.parts)
                continue
            for part in found.parts:
                if part.answer:
                    assert part.text[slice(*part.answer)] == "1962" and part.title == "Norvik"
                    assert [part.text[a:b] for a, b in part.facts] == ["Its ferry was built in 1962."]
                elif not part.relevant:
                    assert "1962" not in part.text
            assert found.kind == (1 if "older" in found.question else 0)
            assert len(found.parts) == 2 or found.kind == 0


def test_an_altered_question_asks_of_something_else_in_the_passage() -> None:
    part = Part("Norvik", "The ferry of Norvik was built in 1962 by Tarnvik, after that of 1948.", (33, 37))
    rng = np.random.default_rng(0)
    found = {altered("Where was the ferry of Norvik built?", part, rng) for _ in range(20)}
    assert found == {"Where was the ferry of Tarnvik built?"}  # not of "The", which is no name, nor of a year
    assert altered("Who built the ferry before 1948?", part, rng) == ""  # the other year is the answer
    assert altered("Who sings?", part, rng) == ""


def test_a_folder_without_usable_questions_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no question with an answer"):
        read(folder(tmp_path, [{"id": "a", "question": "?", "answer": "x", "gold": ["p9"]}]))


def test_no_epochs_need_a_reader_to_start_from(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--start"):
        train_reader([], tmp_path / "r", options=Options(epochs=0), fitted=1, start=None, say=print)


def test_words_find_what_shares_the_rare_ones() -> None:
    lexical = Lexical({row["pid"]: row["text"] for row in PASSAGES})
    assert lexical.best("the lake of 1962", 1) == ["p0"]
    assert lexical.best("zebra", 3) == []


def test_f1_of_answers() -> None:
    assert f1("the Lake Norvik", "lake Norvik") == 1
    assert f1("Norvik", "Lake Norvik") == pytest.approx(2 / 3)
    assert f1("a", "a") == 0  # nothing but an article


def test_the_logistic_function_finds_what_made_the_labels() -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(4000, 2))
    right = (rng.random(4000) < 1 / (1 + np.exp(-(2 * rows[:, 0] - rows[:, 1] + 0.5)))).astype(float)
    assert logistic(rows, right) == pytest.approx([2, -1, 0.5], abs=0.25)
    assert logistic(np.zeros((0, 2)), np.zeros(0)).tolist() == [0, 0, 0]


def test_the_fit_prefers_the_right_candidate_and_knows_its_risk() -> None:
    rng = np.random.default_rng(1)
    cases = []
    for n in range(300):
        answerable = n % 3 != 0
        values = rng.normal(size=(2, len(FEATURES)))
        values[0, 0] += 4 * answerable
        found = tuple(Candidate("x", Span(0, 0, 1, 0.0), False, tuple(map(float, row))) for row in values)
        cases.append(Case(found, (answerable, False), (Reading((), 0.0, (), ()),), 2.0 * (n % 2)))
    choice = fit(cases)
    picked = [choice.best(case.found) for case in cases]
    assert (
        np.mean([p is not None and p[0] is c.found[0] for p, c in zip(picked, cases, strict=True) if c.right[0]]) > 0.95
    )
    sure = np.array([choice.confidence(p[1], c.alone, c.together) for p, c in zip(picked, cases, strict=True) if p])
    can = np.array([case.right[0] for case in cases])
    assert sure[can].mean() > sure[~can].mean() + 0.5
    said = sure >= choice.threshold(0.1)
    assert said.sum() > 100 and (~can[said]).mean() < 0.15
    assert len(choice.closed) == len(CLOSED) + 1
    assert choice.sure[0] > 0.5 and abs(choice.sure[2]) < 0.5  # the judge said nothing that helps
