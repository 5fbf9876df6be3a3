"""Training pairs: where searches start, what follows what, what is held out, and what a broken file says."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from rag.errors import InputError
from rag.train.common.dataset import HopDataset, Pair, gold, is_held_out, question_pairs, read

FILM = {"pid": "f", "title": "Red Harbour (film)", "text": "Red Harbour is a film directed by Aster Pictures."}
STUDIO = {"pid": "a", "title": "Aster Pictures", "text": "Aster Pictures was born in Norvik."}
TOWN = {"pid": "t", "title": "Norvik", "text": "Norvik is a town."}
CORPUS = {row["pid"]: row for row in (FILM, STUDIO, TOWN)}


def question(text: str, golds: Sequence[str], **more: Any) -> dict[str, Any]:
    return {"id": text, "question": text, "gold": list(golds), **more}


def edges(pairs: Sequence[Pair]) -> set[tuple[str, str]]:
    """(title that was read or "", target)"""
    return {(CORPUS[pair.read]["title"] if pair.read else "", pair.target) for pair in pairs}


def test_a_search_starts_at_what_the_question_names_and_follows_mentions() -> None:
    pairs = question_pairs(question("Where was the director of Red Harbour born?", "af"), CORPUS)
    assert edges(pairs) == {("", "f"), ("Red Harbour (film)", "a")}
    assert pairs[0].others == ("a",)
    assert pairs[1].others == ()
    known = HopDataset({pid: (row["title"], row["text"]) for pid, row in CORPUS.items()}, ())
    asked = "Where was the director of Red Harbour born?"
    assert known.text(pairs[0]) == asked
    assert (
        known.text(pairs[1]) == f"{asked} [SEP] Red Harbour (film)\nRed Harbour is a film directed by Aster Pictures."
    )


def test_two_named_passages_start_and_follow_each_other() -> None:
    pairs = question_pairs(question("Is Red Harbour about Norvik?", "ft"), CORPUS)
    assert edges(pairs) == {("", "f"), ("", "t"), ("Red Harbour (film)", "t"), ("Norvik", "f")}


def test_sub_questions_state_the_order() -> None:
    parts = [
        {"question": "Red Harbour >> director", "gold": "f"},
        {"question": "Norvik >> kind", "gold": "t"},
        {"question": "#1 >> #2", "gold": "a"},
    ]
    pairs = question_pairs(question("?", "fta", question_decomposition=parts), CORPUS)
    assert edges(pairs) == {("", "f"), ("", "t"), ("Red Harbour (film)", "a"), ("Norvik", "a")}


def write(path: Path, rows: Sequence[Any]) -> None:
    text = "".join(json.dumps(row) + "\n" for row in rows)
    if path.suffix == ".gz":
        with gzip.open(path, "wt") as file:
            file.write(text)
    else:
        path.write_text(text)


def test_reading_leaves_out_what_must_not_be_trained_on(tmp_path: Path) -> None:
    write(tmp_path / "corpus.jsonl.gz", [FILM, STUDIO, TOWN])
    asked = [
        question("Where was the director of Red Harbour born?", "fa"),
        question("unknown gold", "fx"),
        question("no gold", ""),
        question("shared", "f", shares_gold_with_eval=True),
        question("no answer", "f", answerable=False),
    ]
    write(tmp_path / "questions_train.jsonl", asked)
    write(tmp_path / "questions_train.jsonl.gz", asked)  # the same once more
    write(tmp_path / "questions_dev.jsonl", [question("never read", "t")])
    found = read(tmp_path)
    assert list(found.passages.values())[2] == ("Norvik", "Norvik is a town.")
    assert edges(found.pairs) == {("", "f"), ("Red Harbour (film)", "a")}
    assert len(read(tmp_path, most=1).pairs) == 1


def test_without_dev_questions_half_of_the_passages_are_held_out(tmp_path: Path) -> None:
    asked = [{"id": f"q{i}", "question": f"What is thing {i}?", "pid": f"p{i}"} for i in range(40)]
    write(tmp_path / "v11_paragraphs.jsonl", [{"pid": f"p{i}", "text": f"Thing {i}."} for i in range(40)])
    write(tmp_path / "v11_questions.jsonl", asked)
    trained = {pair.target for pair in read(tmp_path).pairs}
    assert trained == {gold(row)[0] for row in asked if not is_held_out(row)}
    assert 5 < len(trained) < 35


def test_errors_name_the_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no file named corpus"):
        read(tmp_path)
    (tmp_path / "corpus.jsonl").write_text('{"pid": "p", "text": "x"}\nnot json\n')
    with pytest.raises(InputError, match=r"corpus\.jsonl:2"):
        read(tmp_path)
