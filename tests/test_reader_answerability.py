"""Answerability: what is aligned with what, numpy and torch say the same, and evidence counts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from rag.errors import ModelError
from rag.models.spec import read
from rag.reader.answerability import FEATURES, Alignment, EncodedText, align, encode, forward, load_answerability
from rag.reader.network import SHIPPED
from rag.reader.weights import ANSWERABILITY, HEADS, KIND
from rag.train.reader.answerability import AnswerabilityExample, AnswerabilityNetwork, make_examples, pad, train
from rag.train.reader.inputs import ReaderInput
from rag.train.reader.questions import ReaderPassage

FERRY = ("Norvik ferry", "The ferry to Norvik leaves from pier nine at 07:40. It is run by Havn Lines.")
BREAD = ("Rye bread", "Rye bread keeps for a week. It is baked from sourdough in long ovens.")
QUESTION = "Which company runs the ferry to Norvik?"


def text(vectors: list[list[float]], ids: list[int], *sentences: list[int]) -> EncodedText:
    return EncodedText(np.array(vectors, np.float32), np.array(ids), tuple(np.array(s) for s in sentences))


def test_each_token_meets_the_nearest_one_and_that_of_the_best_sentence() -> None:
    question = text([[1, 0], [0, 1]], [7, 8])
    passage = text([[0.6, 0.8], [1, 0], [0.8, 0.6]], [8, 9, 7], [0, 1], [2])
    found = align(question, [passage])
    assert found.vectors[:, 0].tolist() == question.vectors.tolist()
    assert found.vectors[:, 1].tolist() == [[1, 0], pytest.approx([0.6, 0.8])]
    assert found.vectors[:, 2].tolist() == found.vectors[:, 1].tolist()  # the first sentence: 1 + 0.8 is more
    nearest, within, said, inside, same, mean = found.features.T.tolist()
    assert nearest == pytest.approx([1, 0.8]) and within == pytest.approx([1, 0.8])
    assert (said, inside, same) == ([1, 1], [0, 1], [0, 1])  # 7 stands in the passage, but not in that sentence
    assert mean == pytest.approx([0.8, (0.8 + 0 + 0.6) / 3])


def test_every_passage_gives_its_best_sentence() -> None:
    question = text([[1, 0]], [7])
    one, two = text([[0.6, 0.8], [0, 1]], [1, 2], [0], [1]), text([[0, 1]], [7], [0])
    found = align(question, [one, two])
    assert found.vectors[0, 1].tolist() == pytest.approx([0.6, 0.8])
    assert found.features[0, 2:5].tolist() == [1, 1, 0]


def test_nothing_to_read_is_no_error() -> None:
    empty = EncodedText(np.empty((0, 2), np.float32), np.empty(0, np.int64))
    for passages in ([], [empty]):
        assert align(text([[1, 0]], [7]), passages).features.shape == (1, FEATURES)
    assert align(empty, [text([[1, 0]], [7], [0])]).features.shape == (1, FEATURES)


def test_a_title_is_read_but_belongs_to_no_sentence() -> None:
    model = load_answerability(SHIPPED)
    with_title, without = encode(model.encoder, [FERRY, ("", FERRY[1])])
    assert len(with_title.ids) == len(without.ids) + len(encode(model.encoder, [("", FERRY[0])])[0].ids)
    assert [len(s) for s in with_title.sentences] == [len(s) for s in without.sentences]
    assert np.concatenate(without.sentences).tolist() == list(range(len(without.ids)))
    assert np.linalg.norm(with_title.vectors, axis=1) == pytest.approx(1, abs=1e-5)


def test_the_passage_that_answers_is_worth_more() -> None:
    model = load_answerability(SHIPPED)
    assert model.logit(QUESTION, [FERRY]) > model.logit(QUESTION, [BREAD])
    assert model.logit(QUESTION, [BREAD, FERRY]) > model.logit(QUESTION, [BREAD])


def test_a_file_without_a_model_is_refused(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    path = tmp_path / "reader.safetensors"
    facts = {"kind": KIND, "config": "{}", "tokenizer": "", "source": "x", "embedder": read("bundled").fingerprint()}
    tensors = {f"{HEADS}x": np.zeros(1, np.float32)}
    save_file(tensors, path, metadata=facts)
    with pytest.raises(ModelError, match="no weights of answerability; train it again"):
        load_answerability(path)
    save_file({**tensors, f"{ANSWERABILITY}0.x": tensors[f"{HEADS}x"]}, path, metadata={**facts, "embedder": "another"})
    with pytest.raises(ModelError, match="another version of the bundled model"):
        load_answerability(path)


def test_what_runs_is_what_was_trained() -> None:
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    network = AnswerabilityNetwork(8).eval()
    rows = [
        Alignment(rng.normal(size=(n, 3, 8)).astype(np.float32), rng.random((n, FEATURES), np.float32)) for n in (3, 7)
    ]
    with torch.no_grad():
        batch = network(*pad(rows)).numpy()
    assert batch == pytest.approx([forward(network.tensors(), row) for row in rows], abs=1e-4)


def test_examples_are_positive_where_the_answer_is() -> None:
    held, lost = ReaderPassage(*FERRY, answer=(65, 75)), ReaderPassage(*BREAD)
    readings = [
        ReaderInput(QUESTION, (held,)),
        ReaderInput(QUESTION, (lost,)),
        ReaderInput("Is it?", (lost, lost), answer_type=2),
    ]
    found = make_examples(readings, load_answerability(SHIPPED).encoder, lambda n: None)
    assert [example.answerable for example in found] == [True, False, True]
    assert found[0].alignment.vectors.dtype == np.float16


def test_training_learns_what_tells_them_apart() -> None:
    rng = np.random.default_rng(0)
    found = []
    for n in range(1200):
        features = rng.random((5, FEATURES)).astype(np.float32)
        features[:, 0] += n % 2
        vectors = (rng.normal(size=(5, 3, 8)) / 6).astype(np.float32)
        found.append(AnswerabilityExample(Alignment(vectors, features), n % 2 == 1))
    networks = train(found, seed=0, say=lambda text: None)
    said = np.array([np.mean([forward(network, one.alignment) for network in networks]) for one in found])
    assert np.quantile(said[1::2], 0.1) > np.quantile(said[::2], 0.9)
