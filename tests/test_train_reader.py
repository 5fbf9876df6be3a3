"""What the reader is trained on: answers where they stand, distractors without them, and a fit that orders."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import BertConfig, BertModel

from rag.errors import InputError
from rag.generate.reader import ReaderGenerator as GenerateReader
from rag.models.files import locate
from rag.reader import weights
from rag.reader.candidates import SPAN_FEATURES, YES_NO_FEATURES, Candidate
from rag.reader.confidence import rank
from rag.reader.network import JOINT_TOKENS, Span
from rag.reader.weights import plain_tokenizer
from rag.train.common.loop import load_network
from rag.train.reader.calibrate import CalibrationExample, fit, fit_logistic, fit_nonnegative
from rag.train.reader.distractors import LexicalIndex
from rag.train.reader.inputs import ReaderInput, alter, draw_inputs
from rag.train.reader.questions import ReaderPassage, read, training_questions
from rag.train.reader.ranking import fit_ranking
from rag.train.reader.run import train_reader, unfinished, write
from rag.train.reader.tensors import NO_TARGET, Batch, InputEncoder, batches
from rag.train.reader.train import ReaderNetwork, ReaderOptions, TrainedReader, _teaching_losses, pace, train
from rag.types import Chunk, Hit

PASSAGES = [
    {"pid": "p0", "title": "Norvik", "text": "Norvik lies on a lake. Its ferry was built in 1962."},
    {"pid": "p1", "title": "Tarnvik", "text": "Tarnvik has a ferry. The year 1962 was cold. It was built in 1971."},
    {"pid": "p2", "title": "Havnes", "text": "The ferry of Havnes was built in a year that nobody knows."},
]


BUNDLED_TOKENIZER = plain_tokenizer((locate("bundled") / "tokenizer.json").read_text(encoding="utf-8"))


def folder(place: Path, questions: list[dict[str, object]]) -> Path:
    for name, rows in (("corpus", PASSAGES), ("questions_train", questions), ("questions_dev", questions[:1])):
        (place / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return place


def test_readings_mark_the_answer_and_its_sentence(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {"id": "a", "question": "When was the ferry of Norvik built?", "answer": "1962", "gold": ["p0"]},
        {"id": "e", "question": "Which is older, Norvik or Tarnvik?", "answer": "yes", "gold": ["p0", "p1"]},
        {"id": "f", "question": "What of the lake's town?", "answer": "1962", "gold": ["p0", "p1"]},
        {"id": "c", "question": "What is lost?", "answer": "x", "gold": ["p9"]},
        {"id": "d", "question": "Whose?", "answer": "1962", "gold": ["p0"], "shares_gold_with_eval": True},
        {"id": "b", "question": "Who built it?", "answer": "1962", "gold": ["p0"]},
    ]
    source = read(folder(tmp_path, rows))
    assert [row["id"] for row in source.train] == ["a", "e", "f"]
    assert [row["id"] for row in source.held_out] == ["b"]  # by its id, so that it stays the same one
    questions = training_questions(source)
    kinds = set()
    for seed in range(40):
        for found in draw_inputs(questions, np.random.default_rng(seed)):
            titles = [part.title for part in found.passages]
            assert len(set(titles)) == len(titles)
            kinds.add((found.question[:5], len(found.passages) > 1, found.answer_type, found.complete))
            if found.question not in {row["question"] for row in rows}:
                assert not found.complete and not any(part.answer or part.relevant for part in found.passages)
                continue
            for part in found.passages:
                if part.answer:
                    assert part.text[slice(*part.answer)] == "1962" and part.title != "Havnes"
                    assert [part.text[a:b] for a, b in part.evidence] == [
                        {"Norvik": "Its ferry was built in 1962.", "Tarnvik": "The year 1962 was cold."}[part.title]
                    ]
                elif not part.relevant:
                    assert "1962" not in part.text
            if found.complete:
                assert {"Norvik", *(["Tarnvik"] if "a" in found.question[3:] else [])} & set(titles)
            assert found.answer_type == 0 or (found.answer_type == 1 and "older" in found.question and found.complete)
    assert {("When ", True, 0, True), ("Which", True, 1, True), ("Which", True, 0, False)} <= kinds
    assert ("What ", True, 0, True) in kinds and ("What ", True, 0, False) in kinds


def test_a_chain_has_its_answer_in_one_passage_and_its_steps_are_questions_of_their_own(tmp_path: Path) -> None:
    steps = [
        {"question": "Which town has a lake?", "answer": "Norvik", "gold": "p0"},
        {"question": "When was #1's ferry built?", "answer": "1962", "gold": "p0"},
    ]
    rows: list[dict[str, object]] = [
        {"id": "a", "question": "When?", "answer": "1962", "gold": ["p0", "p1"], "question_decomposition": steps}
    ]
    whole, first, second = training_questions(read(folder(tmp_path, rows)))
    assert [part.title for part in whole.gold if part.answer] == ["Tarnvik"]  # where the chain ends
    assert (first.text, second.text) == ("Which town has a lake?", "When was Norvik's ferry built?")
    assert [one.gold[0].text[slice(*(one.gold[0].answer or (0, 0)))] for one in (first, second)] == ["Norvik", "1962"]


def test_trainings_compute_in_float32_whatever_the_model_is_stored_in() -> None:
    for network in (ReaderNetwork.from_body("bundled"), load_network("bundled")):
        assert {parameter.dtype for parameter in network.parameters()} == {torch.float32}


def test_examples_point_at_the_answer_also_where_texts_are_cut() -> None:
    encode, rng = InputEncoder(BUNDLED_TOKENIZER), np.random.default_rng(0)
    long = "The lake is deep. " * 200 + "The ferry was built in 1962. " + "Nobody swims there. " * 200
    at = long.index("1962")
    holder = ReaderPassage("Norvik", long, (at, at + 4), ((long.index("The ferry"), at + 5),), relevant=True)
    others = [ReaderPassage(f"Town {n}", f"Town {n} has {n} boats. " * 20) for n in range(4)]
    for parts in ((holder,), (others[0], holder, *others[1:])):
        example = encode(ReaderInput("When was it built?", parts, complete=True), rng)
        assert len(example.ids) <= JOINT_TOKENS and len(example.texts) <= len(parts)
        assert encode.tokenizer.decode(list(example.ids[example.start : example.end + 1])) == "1962"
        held = [encode.tokenizer.decode(list(example.ids[a:b])) for a, b, support in example.sentences if support]
        assert held == ["the ferry was built in 1962."]
    batch = Batch.of([example, encode(ReaderInput("Who?", (others[0],)), rng)], "cpu", encode.sep)
    assert batch.ids.shape == batch.mask.shape == batch.allowed.shape == batch.sentence.shape
    assert batch.supports.sum() == 1 and batch.relevant.tolist() == [True, False]
    assert batch.allowed[0, example.start] and batch.allowed[:, 0].all() and not batch.allowed[:, 1].any()


def test_an_altered_question_asks_of_something_else_in_the_passage() -> None:
    part = ReaderPassage("Norvik", "The ferry of Norvik was built in 1962 by Tarnvik, after that of 1948.", (33, 37))
    rng = np.random.default_rng(0)
    found = {alter("Where was the ferry of Norvik built?", part, rng) for _ in range(20)}
    assert found == {"Where was the ferry of Tarnvik built?"}  # not of "The", which is no name, nor of a year
    assert alter("Who built the ferry before 1948?", part, rng) == ""  # the other year is the answer
    assert alter("Who sings?", part, rng) == ""


def test_a_folder_without_usable_questions_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no question with an answer"):
        read(folder(tmp_path, [{"id": "a", "question": "?", "answer": "x", "gold": ["p9"]}]))


def test_no_epochs_need_a_reader_to_start_from(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--start"):
        train_reader([], tmp_path / "r", options=ReaderOptions(epochs=0), calibration=1, start=None, say=print)


def test_reading_sets_alone_set_no_confidence(tmp_path: Path) -> None:
    row = {"kind": "nli", "question": "It is deep.", "passages": [PASSAGES[0]], "answer": "neutral"}
    (tmp_path / "train.jsonl").write_text(json.dumps(row))
    with pytest.raises(InputError, match="name a folder with a corpus"):
        train_reader([tmp_path], tmp_path / "r", options=ReaderOptions(), calibration=1, start=None, say=print)


def test_words_find_what_shares_the_rare_ones() -> None:
    lexical = LexicalIndex({row["pid"]: row["text"] for row in PASSAGES})
    assert lexical.best("the lake of 1962", 1) == ["p0"]
    assert lexical.best("zebra", 3) == []


def test_distractors_are_the_same_in_every_process() -> None:
    """Words add up in one order: that of a set goes by the hash seed, and rounding would decide between equals."""
    code = (
        "from rag.train.reader.distractors import LexicalIndex\n"
        "words = [[f'{a}{n}' * 3 for n in range(6)] for a in 'abcdefgh']\n"
        "texts = {str(i): ' '.join(row) for i, row in enumerate(words)}\n"
        "texts |= {f'{i} {n}': ' '.join(row[n:]) for i, row in enumerate(words) for n in range(1, 6)}\n"
        "print(LexicalIndex(texts).best(' '.join(sum(words, [])), 8))"
    )
    found = {
        subprocess.check_output([sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": seed})
        for seed in "123"
    }
    assert len(found) == 1


def test_the_logistic_function_finds_what_made_the_labels() -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(4000, 2))
    right = (rng.random(4000) < 1 / (1 + np.exp(-(2 * rows[:, 0] - rows[:, 1] + 0.5)))).astype(float)
    assert fit_logistic(rows, right) == pytest.approx([2, -1, 0.5], abs=0.25)
    assert fit_logistic(np.zeros((0, 2)), np.zeros(0)).tolist() == [0, 0, 0]


def test_an_order_puts_first_what_was_right_whatever_its_level() -> None:
    rng = np.random.default_rng(2)

    def lists(n: int) -> list[tuple[np.ndarray[Any, Any], list[bool], float]]:
        drawn = [rng.normal(size=(4, 3)) + np.array([0, 10 * (i % 2), 0]) for i in range(n)]
        return [(rows, [bool(x) for x in rows[:, 0] == rows[:, 0].max()], 1.0) for rows in drawn]

    units = fit_ranking([*lists(300), (np.zeros((2, 3)), [False, False], 1.0)], 3)
    first = [right[int(np.argmax(rank(rows, units)))] for rows, right, _ in lists(200)]
    assert np.mean(first) > 0.9
    assert fit_ranking([(np.zeros((2, 3)), [False, False], 1.0)], 3) == ()
    assert rank(np.zeros((2, 3), np.float32), ()).tolist() == [0, 0]


def test_what_speaks_for_an_answer_never_counts_against_it() -> None:
    rng = np.random.default_rng(4)
    rows = rng.normal(size=(500, 3))
    right = (rows[:, 0] - rows[:, 1] + 0.5 * rng.normal(size=500) > 0).astype(float)
    weights = fit_nonnegative(rows, right, np.ones(500))
    assert weights[0] > 1 and weights[1] == 0 and weights[2] >= 0
    assert fit_logistic(rows, right)[1] < -1  # which it would have been


def test_the_fit_prefers_the_right_candidate_and_knows_its_risk() -> None:
    rng = np.random.default_rng(1)
    cases = []
    for n in range(300):
        answerable = n % 3 != 0
        values = rng.normal(size=(2, len(SPAN_FEATURES)))
        values[0, 0] += 4 * answerable
        found = tuple(
            Candidate(text, Span(0, 0, 1, 0.0), False, tuple(map(float, row)), joint=float(row[0]))
            for text, row in zip("xy", values, strict=True)
        )
        cases.append(CalibrationExample(found, (answerable, False), 2.0 * (n % 2) - 2))
    calibration = fit(cases)
    picked = [calibration.best(case.candidates) for case in cases]
    assert (
        np.mean([p is not None and p[0] is c.candidates[0] for p, c in zip(picked, cases, strict=True) if c.right[0]])
        > 0.95
    )
    sure = np.array([calibration.confidence(*p, c.answerability) for p, c in zip(picked, cases, strict=True) if p])
    can = np.array([case.right[0] for case in cases])
    assert sure[can].mean() > sure[~can].mean() + 0.5
    assert sure.mean() == pytest.approx(can.mean(), abs=0.03)  # a probability
    said = sure >= 0.9
    assert said.sum() > 100 and (~can[said]).mean() < 0.15
    assert len(calibration.yes_no_weights) == len(YES_NO_FEATURES) + 1
    assert (
        calibration.confidence_weights[0] > 0.5 and abs(calibration.confidence_weights[2]) < 0.5
    )  # answerability said nothing that helps


def test_a_wrong_answer_to_a_question_that_has_one_is_surer_than_any_to_one_that_has_none() -> None:
    rng = np.random.default_rng(3)
    cases = []
    for n in range(600):
        answerable, right = n % 2 == 0, n % 4 == 0
        values = np.zeros((1, len(SPAN_FEATURES)))
        found = (Candidate("x", Span(0, 0, 1, 0.0), False, tuple(map(float, values[0]))),)
        judged = float(rng.normal() + 3 * answerable - 3)  # it tells which have an answer, not which answers are right
        cases.append(CalibrationExample(found, (right,), judged))
    calibration = fit(cases)
    sure = [calibration.confidence(one.candidates[0], 0.0, one.answerability) for one in cases]
    has, none = sure[::2], sure[1::2]
    assert np.mean(has) > np.mean(none) + 0.1


def small_network(words: int) -> ReaderNetwork:
    config = BertConfig(
        vocab_size=words,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        pad_token_id=0,
    )
    torch.manual_seed(0)
    return ReaderNetwork(BertModel(config, add_pooling_layer=False))


def small_inputs(rng: np.random.Generator) -> Iterator[ReaderInput]:
    """The answer is the year; a lake is asked for where there is none."""
    for year in rng.integers(1900, 2000, 32):
        text = f"The ferry was built in {year}."
        passage = ReaderPassage("Norvik", text, (23, 27), ((0, len(text)),), relevant=True)
        yield ReaderInput("When was the ferry built?", (passage,))
        yield ReaderInput("Is there a lake?", (ReaderPassage("Norvik", text, relevant=True),), 2)


def test_a_training_learns_and_an_interrupted_one_goes_on() -> None:
    tokenizer = BUNDLED_TOKENIZER
    options = ReaderOptions(epochs=6, tokens=256, rate=2e-3, every=1)
    network = small_network(tokenizer.get_vocab_size())
    before = network.tensors()
    saved: list[TrainedReader] = []
    trained = train(network, tokenizer, [small_inputs], options, before=0, save=saved.append, say=print)
    assert trained.done == 1 and trained.steps == len(saved)
    assert trained.loss < saved[0].loss - 2
    changed = {name for name, tensor in trained.network.items() if not np.array_equal(tensor, before[name])}
    assert changed and all(name.startswith("encoder.layer.") for name in changed)
    half = next(one for one in saved if one.done >= 0.5)
    rest = train(network, tokenizer, [small_inputs], options, before=half.done, save=saved.append, say=print)
    assert rest.done == 1 and half.steps + rest.steps == trained.steps


def test_a_teacher_is_followed_where_a_span_is_asked_for() -> None:
    """The divergence of arXiv 1503.02531 at temperature 1, sum of p log(p / q) over tokens."""
    rng = np.random.default_rng(0)
    encode = InputEncoder(BUNDLED_TOKENIZER)
    examples = [encode(one, rng) for one in small_inputs(rng)][:6]
    batch = Batch.of(examples, "cpu", encode.sep)
    own, taught = ({"span": torch.randn(*batch.ids.shape, 2), "relevant": torch.randn(6, 1, 1)} for _ in range(2))
    spans = batch.start != NO_TARGET
    assert 0 < spans.sum() < len(spans)
    expected = 0.0
    for row in spans.nonzero().flatten():
        for column in (0, 1):
            p, q = (out["span"][row, batch.allowed[row], column].softmax(0) for out in (taught, own))
            expected += float((p * (p / q).log()).sum())
    assert float(_teaching_losses(own, taught, batch)["span"]) == pytest.approx(expected / 6, rel=1e-4)
    assert float(_teaching_losses(own, own, batch)["span"]) == pytest.approx(0, abs=1e-6)
    elsewhere = {name: torch.where(spans.view(-1, 1, 1), out, out + 1) for name, out in taught.items()}
    for name, loss in _teaching_losses(own, elsewhere, batch).items():
        assert float(loss) == pytest.approx(float(_teaching_losses(own, taught, batch)[name]))


@pytest.mark.parametrize(("done", "before", "share"), [(0.02, 0, 0.4), (0.5, 0, 1), (0.85, 0, 0.5), (0.62, 0.6, 0.4)])
def test_the_rate_goes_up_stays_and_goes_down(done: float, before: float, share: float) -> None:
    assert pace(done, before) == pytest.approx(share)


def test_batches_hold_tokens_not_examples() -> None:
    rng = np.random.default_rng(0)
    encode = InputEncoder(BUNDLED_TOKENIZER)
    examples = [
        encode(ReaderInput("Who?", (ReaderPassage("", "boat " * int(n)),)), rng) for n in rng.integers(1, 60, 90)
    ]
    made = batches(examples, 256, rng)
    assert sorted(map(id, (one for batch in made for one in batch))) == sorted(map(id, examples))
    for batch in made:
        assert len(batch) * max(len(one.ids) for one in batch) <= 256 and len(batch) <= 32
    assert len(made) < 30


@pytest.mark.slow
def test_a_training_ends_in_a_reader_that_answers(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {"id": f"q{n}", "question": f"When was the ferry of Norvik built, {n}?", "answer": "1962", "gold": ["p0"]}
        for n in range(12)
    ]
    place, statements = folder(tmp_path, rows), tmp_path / "statements"
    statements.mkdir()
    row = {"kind": "nli", "question": "Norvik has no ferry.", "passages": [PASSAGES[0]], "answer": "contradiction"}
    (statements / "train.jsonl").write_text(json.dumps(row))
    said: list[str] = []
    options = ReaderOptions(epochs=3, tokens=256, every=2)
    out = tmp_path / "out" / "reader.safetensors"
    folders = [place, place, statements]
    trained = train_reader(folders, out, options=options, calibration=4, start=None, say=said.append)
    assert trained.steps > 6 and any("100.0%" in line for line in said)
    reader = GenerateReader(weights=str(out), risk=1)
    chunks = [Chunk(row["pid"], row["pid"], row["text"], 0, len(row["text"]), "s", row["title"]) for row in PASSAGES]
    hits = [Hit(chunk, 1.0) for chunk in chunks]
    assert "[1]" in "".join(reader.stream("When was the ferry of Norvik built?", hits))
    assert 0 <= reader.confidence("When was the ferry of Norvik built?", hits) <= 1
    card = out.with_suffix(".md").read_text(encoding="utf-8")
    assert "held out" in card and "statements | | 1 |" in card
    again = train_reader([place], out, options=ReaderOptions(epochs=0), calibration=4, start=out, say=said.append)
    assert again.steps == 0 and unfinished(out) == 0
    facts = {name: fact for name, fact in weights.load(out).facts.items() if name not in ("choice", "kind")}
    write(out, replace(trained, done=0.75), facts)
    assert unfinished(out) == 0.75
    rest = train_reader([place, place, statements], out, options=options, calibration=4, start=out, say=said.append)
    assert 0 < rest.steps < trained.steps / 2 and f"{out}: goes on at 75.0%" in said and unfinished(out) == 0
