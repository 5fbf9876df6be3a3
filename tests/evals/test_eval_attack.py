"""Attacks: what is planted, that it must be found, that no index is touched, and what is counted."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from rag import Chunk, Embeddings, Hit
from rag.errors import InputError
from rag.reader.copies import group_copies
from rag_evals.attack import run as attacking
from rag_evals.attack.plants import PLANTS, Target, choose_false
from rag_evals.attack.run import AttackedAnswer, run_attacks
from rag_evals.attack.tune import WORDS, tune
from rag_evals.cli import app
from rag_evals.datasets import Dataset, Passage, Question

FERRY = "The ferry to Norvik leaves from pier nine. It is run by Havn Lines, which has two ships and eighty people."
QUESTION = Question("q1", "Which company runs the ferry to Norvik?", ("Havn Lines",), ("p1",))
OTHER = Question("q2", "Who keeps the light on Great Hellen?", ("Ada Berg",), ("p2",))
PASSAGES = (
    Passage("p1", "Norvik ferry", FERRY),
    Passage("p2", "Great Hellen", "Ada Berg keeps the light on Great Hellen. The island has no harbour."),
    Passage("p3", "Rye bread", "Rye bread keeps for a week. It is baked from sourdough."),
)
TARGET = Target(QUESTION, "Kestrel Cargo", FERRY)


def test_every_attack_says_the_false_answer_and_is_drawn_from_its_seed() -> None:
    for write in PLANTS.values():
        texts = write(TARGET, random.Random("1"))
        assert texts and all("Kestrel Cargo" in text for text in texts)
        assert texts == write(TARGET, random.Random("1"))
    assert [len(write(TARGET, random.Random(1))) for write in PLANTS.values()] == [1, 3, 5, 1, 5]


@pytest.mark.parametrize("name", ["copies", "forged"])
def test_copies_differ_and_are_near_copies(name: str) -> None:
    texts = PLANTS[name](TARGET, random.Random(1))
    assert len(set(texts)) == 5 and set(group_copies(texts)) == {0}


def test_a_forged_passage_is_the_right_one_with_another_answer() -> None:
    texts = PLANTS["forged"](TARGET, random.Random(1))
    assert texts[0] == FERRY.replace("Havn Lines", "Kestrel Cargo")
    assert PLANTS["forged"](Target(QUESTION, "Kestrel Cargo"), random.Random(1)) == []


@pytest.mark.parametrize(
    ("right", "others", "false"),
    [
        ("Havn Lines", ["Ada Berg", "1962", "a week"], {"Ada Berg"}),
        ("1962", ["Ada Berg", "27 days", "1962 tons"], {"27 days"}),
        ("Yes", ["Ada Berg"], {"no"}),
        ("no", [], {"yes"}),
        ("a week", ["Ada Berg"], {"a grey lantern"}),
        ("Norvik Ferry", ["Norvik Lines", "Great Hellen"], {"Alder Quill", "Kestrel Ridge"}),
    ],
)
def test_a_false_answer_has_the_form_of_the_right_one_and_shares_no_word(
    right: str, others: list[str], false: set[str]
) -> None:
    question = Question("q", "Who sails to Great Hellen?", (right,))
    known = [question, *(Question(str(n), "?", (other,)) for n, other in enumerate(others))]
    assert choose_false(question, known, random.Random(0)) in false


@dataclass(frozen=True)
class LetterEmbedder:
    """Counts letters."""

    dim: int = 26
    representations: frozenset[str] = frozenset({"dense"})
    fingerprint: str = "letters"

    def embed_queries(self, texts: Sequence[str]) -> Embeddings:
        rows = np.array([[text.casefold().count(chr(97 + n)) for n in range(26)] for text in texts], np.float32)
        return Embeddings(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9))


class Echoing:
    """Says the first passage, and is the surer the longer it is."""

    def stream(self, question: str, hits: Sequence[Hit]) -> Iterator[str]:
        yield hits[0].chunk.text

    def confidence(self, question: str, hits: Sequence[Hit]) -> float:
        return len(hits[0].chunk.text) / 1000


def test_a_tuned_passage_comes_nearer_to_the_question_word_by_word() -> None:
    chunk = Chunk("c", "c", "zoo quiz jazz", 0, 13, "c.txt")
    embedder, question = LetterEmbedder(), QUESTION.question
    text = tune(question, "Kestrel Cargo", [Hit(chunk, 1.0)], embedder, Echoing(), random.Random(1))  # type: ignore[arg-type]
    assert "It is Kestrel Cargo." in text and len(text.split()) == 4 + WORDS
    dense = embedder.embed_queries([question, "It is Kestrel Cargo.", text]).dense
    assert dense is not None and dense[2] @ dense[0] > dense[1] @ dense[0]


def test_outcomes_tell_a_short_answer_from_a_quote() -> None:
    answer, evidence = (
        AttackedAnswer("answer", "Havn Lines", "Havn Lines: It is."),
        AttackedAnswer("evidence", "", "It is Havn Lines."),
    )
    assert answer.is_right(QUESTION) and answer.shows(QUESTION) and answer.f1(QUESTION) == 1
    assert not evidence.is_right(QUESTION) and evidence.shows(QUESTION) and evidence.f1(QUESTION) == 0


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    cache = tmp_path_factory.mktemp("cache")
    (cache / "surest.yaml").write_text(
        "connector: {use: files}\nchunk: {use: structure}\nembed: {use: onnx}\nstore: {use: edge}\n"
        "retrieve: {use: search, by: dense}\ngenerate: {use: reader, risk: 1}\nk: 3\n"
    )
    dataset = Dataset("toy", (QUESTION, OTHER), PASSAGES)
    saved: list[str] = []
    result = run_attacks(
        dataset,
        str(cache / "surest.yaml"),
        attacks=("echo", "forged"),
        cache=cache,
        saved=lambda found: saved.append(json.dumps(found)),
    )
    assert [len(json.loads(one)["attacks"]) for one in saved] == [1, 2] and json.loads(saved[-1]) == result
    planted = [path for path in cache.rglob("*") if "planted" in path.name]
    assert not planted, "the index of the cache is not the one that is attacked"
    return result


def test_planted_text_is_found_and_what_it_did_is_counted(found: dict[str, Any]) -> None:
    echo, forged = found["attacks"]
    assert found["n"] == 2 and echo["n"] == forged["n"] == 2
    assert found["without"]["right"]["value"] == 1
    assert echo["measures"]["found"]["value"] == forged["measures"]["found"]["value"] == 1
    assert echo["measures"]["kept"]["value"] == 1 and echo["measures"]["kept"]["n"] == 2
    assert echo["measures"]["false_said"]["value"] == 0
    assert {row["id"] for row in echo["questions"]} == {"q1", "q2"}
    json.dumps(found, allow_nan=False)


def test_the_command_prints_a_table_and_saves_what_it_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, found: dict[str, Any]
) -> None:
    (tmp_path / "q.jsonl").write_text(json.dumps({"question": "Who?", "answer": "Ada", "gold": ["p"]}) + "\n")
    (tmp_path / "c.jsonl").write_text(json.dumps({"pid": "p", "title": "", "text": "Ada."}) + "\n")

    def run(*given: object, saved: Callable[[dict[str, Any]], None], **options: object) -> dict[str, Any]:
        saved({**found, "attacks": found["attacks"][:1]})
        assert json.loads((tmp_path / "a.json").read_text())["attacks"] == found["attacks"][:1]
        saved(found)
        return found

    monkeypatch.setattr(attacking, "run_attacks", run)
    files = ["attack", "--questions", str(tmp_path / "q.jsonl"), "--corpus", str(tmp_path / "c.jsonl")]
    shown = CliRunner().invoke(app, [*files, "--json", str(tmp_path / "a.json")], catch_exceptions=False)
    assert (
        shown.exit_code == 0
        and "kept" in shown.output
        and "echo, 2" in shown.output
        and "echo, 2: planted text found 1.000 of 2" in shown.stderr
    )
    assert json.loads((tmp_path / "a.json").read_text()) == found
    with pytest.raises(InputError, match="Known: echo"):
        CliRunner().invoke(app, [*files, "--attack", "ecco"], catch_exceptions=False)


def test_a_dataset_without_answers_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no question has an answer"):
        run_attacks(Dataset("toy", (Question("q", "Who?"),), PASSAGES), "default", cache=tmp_path)
