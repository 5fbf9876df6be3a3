"""Training the gate: it learns what it is taught or what is labelled, twice the same, and needs steps for it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from rag.errors import InputError
from rag.train.common.dataset import HopDataset, Pair
from rag.train.gate.run import make_rows, train_gate
from rag.train.gate.train import GateOptions, GateRows, train
from rag.types import Vectors

DIM = 16
SMALL = GateOptions(features=16, blocks=1, epochs=30, batch=32, rate=5e-3)


def unit(n: int, seed: int) -> Vectors:
    made: Vectors = np.random.default_rng(seed).normal(size=(n, DIM)).astype(np.float32)
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    return made


def world(n: int, seed: int, *, taught: bool) -> GateRows:
    """What comes after passage i is passage i + 50 (labels), or its vector turned round (a teacher)."""
    rng = np.random.default_rng(seed)
    passages = unit(100, 0)
    passages[50:] = np.roll(passages[:50], 3, axis=1)
    read = rng.integers(0, 50, n)
    target = np.full(n, -1) if taught else read + 50
    return GateRows(
        passages, unit(n, seed + 1), read, target, [[]] * n, np.roll(passages[read], 3, axis=1) if taught else None
    )


@pytest.mark.parametrize("taught", [True, False])
def test_it_learns_what_comes_next_and_keeps_the_best_weights(taught: bool) -> None:
    losses: list[float] = []
    work, held = world(400, 1, taught=taught), world(60, 9, taught=taught)
    trained = train(work, held, SMALL, lambda text: losses.append(float(text.rpartition(" ")[2])))
    assert len(losses) == trained.epochs == SMALL.epochs
    assert trained.held_out_loss == pytest.approx(min(losses), abs=1e-3) and min(losses) < 0.5 * losses[0]


def test_the_same_seed_gives_the_same_gate() -> None:
    options = GateOptions(features=8, blocks=1, epochs=1, batch=32)
    one, same = (
        train(world(64, 1, taught=True), world(0, 2, taught=True), options, lambda text: None) for _ in range(2)
    )
    assert all(np.array_equal(one.tensors[name], same.tensors[name]) for name in one.tensors)
    assert np.isnan(one.held_out_loss)


class Words:
    """A question is the sum of the axes of the passages it names by letter."""

    def embed_queries(self, texts: list[str]) -> object:
        rows_ = np.array([[float(chr(97 + i) in text) for i in range(DIM)] for text in texts], np.float32)
        return type("E", (), {"dense": rows_})()


def test_rows_are_the_steps_and_with_a_teacher_what_stands_near_a_question() -> None:
    source = HopDataset(
        {name: ("", name.upper()) for name in "abcd"},
        (Pair("ab?", "", "a", ("b",)), Pair("ab?", "a", "b", ()), Pair("c?", "", "c", ())),
        held_out_pairs=(Pair("d?", "d", "a", ("c",)),),
        vectors=np.eye(4, DIM, dtype=np.float32),
    )
    plain = make_rows([source, source], Words(), None)  # type: ignore[arg-type]
    assert plain.read.tolist() == [0, 4]
    assert plain.target.tolist() == [1, 5]
    read: list[str] = []

    def teacher(texts: list[str]) -> Vectors:
        read.extend(texts)
        return np.ones((len(texts), DIM), np.float32)

    taught = make_rows([source], Words(), teacher)  # type: ignore[arg-type]
    assert read[0] == "ab? [SEP] A"
    assert (taught.read.tolist()[0], taught.target.tolist()[0]) == (0, 1)
    assert {(q, c) for q, c in zip((text[0] for text in read), taught.read.tolist(), strict=True)} >= {
        ("a", 0),
        ("a", 1),
        ("c", 2),
    }
    assert taught.target.tolist()[1:] == [-1] * (len(read) - 1)
    held = make_rows([source], Words(), None, held_out=True)  # type: ignore[arg-type]
    assert (held.read.tolist(), held.target.tolist(), list(held.others)) == ([3], [0], [[2]])


def test_questions_of_one_step_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "corpus.jsonl").write_text(json.dumps({"pid": "p", "title": "Town", "text": "A town."}) + "\n")
    (tmp_path / "questions_train.jsonl").write_text('{"id": "q", "question": "Where is Town?", "gold": ["p"]}\n')
    (tmp_path / "questions_dev.jsonl").write_text("")
    with pytest.raises(InputError, match="two gold passages, one after the other"):
        train_gate(
            [tmp_path],
            tmp_path / "g",
            model="bundled",
            options=GateOptions(),
            most=None,
            teacher=None,
            say=lambda text: None,
        )
