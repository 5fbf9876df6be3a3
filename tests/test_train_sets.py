"""Reading sets: what of each kind of row is read, and what is left out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rag.errors import InputError
from rag.train.reader.sets import ReadingSet, is_reading_set, read_set

FERRY = {"title": "Norvik", "text": "The ferry leaves at noon. It costs nine crowns."}
LAKE = {"title": "Lake", "text": "The lake is deep."}
TABLE = {
    "title": "Fares",
    "text": "Town | Fare | Since\nNorvik | nine | 1962\nTarnvik | ten | 1971\nHavnes | ten | 1980",
}


def reading_set(place: Path, *rows: dict[str, Any], seed: int = 0) -> ReadingSet:
    (place / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return read_set(place, np.random.default_rng(seed))


def test_a_span_is_where_the_row_says_and_others_do_not_hold_it(tmp_path: Path) -> None:
    row: dict[str, Any] = {
        "kind": "span",
        "question": "What does it cost?",
        "answer": "nine crowns",
        "answer_start": 35,
    }
    found = reading_set(
        tmp_path,
        {**row, "passages": [LAKE, FERRY, {"title": "", "text": "So do nine crowns."}], "answer_passage": 1},
        {**row, "passages": [LAKE, FERRY], "answerable": False},
        {**row, "passages": [FERRY], "answer": "x" * 161},
        {"kind": "span", "question": "no place", "answer": "nine", "passages": [FERRY]},
    )
    assert is_reading_set(tmp_path) and not is_reading_set(tmp_path.parent)
    one, none = found.questions
    (gold,) = one.gold
    assert gold.text[slice(*(gold.answer or (0, 0)))] == "nine crowns" and gold.relevant and one.answerable
    assert [gold.text[a:b] for a, b in gold.evidence] == ["It costs nine crowns."]
    assert [passage.title for passage in one.distractors] == ["Lake"]
    assert not none.answerable and none.gold[0].answer is None


def test_yes_no_and_entailment_are_answered_by_kind(tmp_path: Path) -> None:
    row: dict[str, Any] = {"kind": "yesno", "question": "Is it deep?", "passages": [FERRY, LAKE]}
    found = reading_set(
        tmp_path,
        {**row, "answer": "yes", "gold": [1], "scenario": "I swim."},
        {**row, "answer": "no", "history": ["Is it warm? no"]},
        {**row, "answer": "", "answerable": False},
        {**row, "answer": "maybe"},
        {"kind": "nli", "question": "It is deep.", "passages": [LAKE], "answer": "contradiction"},
        {"kind": "nli", "question": "It is deep.", "passages": [LAKE], "answer": "not_entailment"},
    )
    assert [one.answer_type for one in found.statements] == [1, 2, 0, 2, 2]
    assert found.statements[-1].question == "Is it deep?"  # the statement, turned
    assert [one.complete for one in found.statements] == [True, True, False, True, True]
    first, second, *_ = found.statements
    assert first.question == "I swim. Is it deep?" and [p.title for p in first.passages] == ["Lake", "Norvik"]
    assert second.passages[-1].text == "Is it warm? no"
    drawn = [one for seed in range(20) for one in found.draw(np.random.default_rng(seed))]
    elsewhere = [one for one in drawn if not one.passages[0].relevant]
    assert elsewhere and all(one.answer_type == 0 and not one.complete for one in elsewhere)


def test_a_cell_is_found_in_every_way_a_table_is_written(tmp_path: Path) -> None:
    row: dict[str, Any] = {
        "kind": "table",
        "question": "Since when Tarnvik's?",
        "passages": [TABLE],
        "answers": ["1971"],
    }
    rows = [{**row, "answer_cells": [[2, 2]]}, {**row, "answer_cells": [[[2, 2]]]}]
    texts = set()
    for seed in range(12):
        for one in reading_set(tmp_path, *rows, seed=seed).questions:
            (gold,) = one.gold
            start, end = gold.answer or (0, 0)
            assert gold.text[start:end] == "1971"
            line = gold.text[gold.text.rfind("\n", 0, start) + 1 : end]
            assert line in ("Tarnvik | ten | 1971", "| Tarnvik | ten | 1971", "Town: Tarnvik; Fare: ten; Since: 1971")
            texts.add(line)
    assert len(texts) == 3
    left_out: list[dict[str, Any]] = [
        {**row, "answer_cells": [[2, 2], [3, 2]]},  # computed from two
        {**row, "answer_cells": [[0, 2]]},  # the header
        {**row, "answer_cells": [[3, 2]]},  # which says something else
        {**row, "answer_cells": [[9, 9]]},
        row,
    ]
    assert len(reading_set(tmp_path, *rows, *left_out).questions) == 2


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"row 2 of its train.jsonl \('q7'\): KeyError\('passages'\)"):
        reading_set(
            tmp_path,
            {"kind": "nli", "question": "?", "answer": "neutral", "passages": [LAKE]},
            {"id": "q7", "kind": "span", "question": "?"},
        )
    with pytest.raises(InputError, match="no row whose kind is span"):
        reading_set(tmp_path, {"kind": "poem", "question": "?"})
