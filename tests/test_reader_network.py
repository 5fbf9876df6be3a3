"""The reader against the network that trains it, on a tiny model with random weights; files that are no reader."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import BertConfig, BertModel

from rag.errors import ModelError
from rag.models import packed
from rag.models.processor import has_fast_int8
from rag.reader.candidates import SPAN_FEATURES, YES_NO_FEATURES, Candidate
from rag.reader.confidence import (
    CONFIDENCE_FEATURES,
    MAX_ANSWERABILITY,
    MAX_SHARE,
    Calibration,
    read_calibration,
)
from rag.reader.network import MAX_PASSAGES, MAX_SPANS, ReaderOutput, Span, load_reader
from rag.reader.together import WEAK, WINDOW_TOKENS, find_window, read_together, sort_strongest
from rag.reader.weights import load
from rag.text.sentences import sentence_spans
from rag.train.reader.inputs import ReaderInput as Example
from rag.train.reader.questions import ReaderPassage
from rag.train.reader.run import write
from rag.train.reader.tensors import Batch, InputEncoder
from rag.train.reader.train import ReaderNetwork, TrainedReader

WORDS = "the ferry to Norvik leaves pier nine at noon . it is run by Havn Lines ? when does who soup served".split()
PASSAGES = [
    ("Norvik ferry", "The ferry to Norvik leaves pier nine at noon. It is run by Havn Lines."),
    ("Canteen", "Soup is served at noon."),
    ("Pier nine", "It is nine at pier nine? Who is at the pier."),
]
QUESTION = "when does the ferry leave ?"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> tuple[ReaderNetwork, Path]:
    """A small network with random weights, and the reader's file of it."""
    folder = tmp_path_factory.mktemp("tiny")
    vocabulary = {word: i for i, word in enumerate(dict.fromkeys(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS]))}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    config = BertConfig(
        vocab_size=len(vocabulary), hidden_size=16, num_hidden_layers=2, num_attention_heads=4, intermediate_size=24
    )
    torch.manual_seed(0)
    network = ReaderNetwork(BertModel(config, add_pooling_layer=False)).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
    out = folder / "reader.safetensors"
    facts = {"config": json.dumps(config.to_dict()), "tokenizer": tokenizer.to_str(), "embedder": "x", "source": "tiny"}
    write(out, TrainedReader(network.tensors(), network.head_tensors(), 0, 1.0, 0.0, 0.0), facts)
    return network, out


@pytest.fixture(autouse=True, params=[False, True], ids=["float", "int8"])
def products(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> float:
    """How the network's products are computed; the most that scores may differ by from those of torch."""
    if request.param and not has_fast_int8():
        pytest.skip("products of whole numbers overflow on a processor that is not made for them")
    monkeypatch.setattr(packed, "has_fast_int8", lambda: request.param)
    load_reader.cache_clear()
    return 0.15 if request.param else 1e-4


def reference(path: Path, parts: list[tuple[str, str]]) -> dict[str, NDArray[Any]]:
    """The outputs of the training's own network on one input, from the stored weights."""
    network = ReaderNetwork.from_file(path).eval()
    encode = InputEncoder(load(path).tokenizer)
    example = encode(Example(QUESTION, tuple(ReaderPassage(*part) for part in parts)), np.random.default_rng(0))
    batch = Batch.of([example], "cpu", encode.sep)
    with torch.no_grad():
        outputs = network(batch.ids, batch.mask, batch.kinds)
    return {name: out[0].numpy() for name, out in outputs.items()} | {"texts": np.array(example.texts)}


def test_scores_are_those_of_the_network_that_trains(tiny: tuple[ReaderNetwork, Path], products: float) -> None:
    _, path = tiny
    inputs = [PASSAGES[:1], PASSAGES[1:2], PASSAGES[:2], PASSAGES]
    for parts, found in zip(inputs, load_reader(path).read(QUESTION, inputs), strict=True):
        wanted = reference(path, parts)
        assert found.relevance == pytest.approx(wanted["relevant"][0, 0], abs=products)
        assert found.answer_types == pytest.approx(wanted["kind"][0], abs=products)
        best = max(
            wanted["span"][s, 0] + wanted["span"][e, 1] - wanted["span"][0].sum()
            for low, high in wanted["texts"]
            for s in range(low, high)
            for e in range(s, high)
        )
        assert found.spans[0].score == pytest.approx(best, abs=products)
        sentences = [(n, *span) for n, (_, text) in enumerate(parts) for span in sentence_spans(text)]
        assert [(fact.passage, fact.start, fact.end) for fact in found.evidence] == sentences
        low, high = wanted["texts"][-1]
        if len(sentence_spans(parts[-1][1])) == 1:
            assert found.evidence[-1].score == pytest.approx(wanted["fact"][low:high].mean(), abs=products)


def test_storing_keeps_the_network_nearly_as_it_is(tiny: tuple[ReaderNetwork, Path]) -> None:
    network, path = tiny
    stored, exact = load(path).network, network.tensors()
    assert stored.keys() == exact.keys()
    for name, tensor in exact.items():
        assert stored[name].shape == tensor.shape
        assert np.abs(stored[name] - tensor).max() <= np.abs(tensor).max() / 250


def test_as_many_passages_are_read_at_once_as_fit(tiny: tuple[ReaderNetwork, Path]) -> None:
    reader = load_reader(tiny[1])
    short, long = ("Pier", "soup " * 20), ("Pier", "soup " * 200)
    assert [reader.count_fitting(QUESTION, passages) for passages in ([short], [short] * 3, [short] * 9)] == [
        2,
        3,
        MAX_PASSAGES,
    ]
    assert reader.count_fitting(QUESTION, [short, long, long, long]) == 3  # 20 + 200 + 200 tokens, then 200 more
    assert reader.count_fitting(QUESTION, [long, long, long]) == 2
    assert reader.count_fitting(QUESTION, [("Pier", "soup " * 900)] * 3) == 2  # which are cut
    (reading,) = reader.read(QUESTION, [[("Pier", "soup " * 900)] * 2])
    assert reading.evidence[-1].passage == 1 and len(reading.spans) > MAX_SPANS


def test_weak_passages_are_read_together_by_the_sentences_around_their_spans(
    tiny: tuple[ReaderNetwork, Path],
) -> None:
    reader = load_reader(tiny[1])
    passages = [*PASSAGES, ("Pier", "There is soup. " * 200), ("", ""), *PASSAGES]
    outputs = reader.read(QUESTION, [[passage] for passage in passages])
    for best in (WEAK - 1, WEAK):
        strength = [best - 1 + n / len(passages) for n in range(1, len(passages) + 1)]
        places, joint = read_together(QUESTION, passages, outputs, strength, reader)
        whole, most = best == WEAK, sort_strongest(strength)[:MAX_PASSAGES]
        assert joint.spans and (set(places) < set(most) if whole else set(places) == set(most))
        for one in (*joint.spans, *joint.evidence):
            text = passages[one.passage][1]
            room = WINDOW_TOKENS // len(places)
            window = find_window(text, outputs[one.passage], room, reader.count)
            start, end = (0, len(text)) if whole else window
            assert one.passage in places and start <= one.start < one.end <= end


def test_a_window_holds_its_span_and_what_supports_it_most() -> None:
    text = "One is here. Two is there. Three is red. Four is blue. Five is green."
    starts = [text.index(word) for word in ("One", "Two", "Three", "Four", "Five")]
    support = [Span(0, start, start + 5, score) for start, score in zip(starts, (9, 2, 0, 1, 5), strict=True)]
    output = ReaderOutput((Span(0, starts[2] + 6, starts[2] + 8, 1.0),), 0.0, (0.0, 0.0, 0.0), tuple(support))
    rooms = (1, 6, 9, 12, 99)
    seen = [text[slice(*find_window(text, output, room, lambda text: len(text.split())))] for room in rooms]
    assert seen == [
        "Three is red.",
        "Two is there. Three is red.",
        "One is here. Two is there. Three is red.",
        "One is here. Two is there. Three is red. Four is blue.",
        text,
    ]


def test_company_changes_no_reading(tiny: tuple[ReaderNetwork, Path]) -> None:
    reader = load_reader(tiny[1])
    together = reader.read(QUESTION, [[passage] for passage in PASSAGES])
    for reading, passage in zip(together, PASSAGES, strict=True):
        (alone,) = reader.read(QUESTION, [[passage]])
        assert alone.relevance == pytest.approx(reading.relevance, abs=1e-5)
        assert [(s.start, s.end) for s in alone.spans] == [(s.start, s.end) for s in reading.spans]


@pytest.mark.parametrize("text", ["", " ", "broken \ud800 surrogate", "noon " * 2000, "東京 👩‍👩‍👧"])
def test_any_text_can_be_read(tiny: tuple[ReaderNetwork, Path], text: str) -> None:
    (reading,) = load_reader(tiny[1]).read(text or QUESTION, [[("", text), PASSAGES[0]]])
    assert isinstance(reading, ReaderOutput) and reading.spans
    for span in reading.spans:
        assert 0 <= span.start < span.end <= len([text, PASSAGES[0][1]][span.passage])


def test_other_files_and_other_models_are_refused(tiny: tuple[ReaderNetwork, Path], tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    path.write_bytes(b"no")
    with pytest.raises(ModelError, match="rag train reader"):
        load(path)
    save_file({"a": np.zeros(1, np.float32)}, path, metadata={"kind": "raghop hop encoder 1"})
    with pytest.raises(ModelError, match="not the weights of a reader"):
        load(path)
    file = load(tiny[1])
    save_file(dict(file.tensors), path, metadata={**file.facts, "kind": "raghop reader 0"})
    with pytest.raises(ModelError, match="of this version"):
        load_reader(path)
    config = json.dumps({**file.config, "num_hidden_layers": 3})
    save_file(dict(file.tensors), path, metadata={**file.facts, "config": config})
    with pytest.raises(ModelError, match=r"encoder\.layer\.2"):
        load_reader(path)


def test_a_calibration_survives_its_file_and_others_are_refused() -> None:
    yes_no, confidence = (tuple(map(float, range(len(of) + 1))) for of in (YES_NO_FEATURES, CONFIDENCE_FEATURES))
    unit = tuple(map(float, range(len(SPAN_FEATURES) + 2)))
    calibration = Calibration((unit, unit), yes_no, confidence)
    assert read_calibration({"choice": calibration.to_json()}, "f") == calibration
    assert calibration.best([]) is None
    data = json.loads(calibration.to_json())
    short = json.dumps({**data, "sure": [1]})
    narrow = json.dumps({**data, "order": [[1, 2]]})
    other = json.dumps({**data, "of": [*SPAN_FEATURES, *YES_NO_FEATURES, "something else"]})
    for facts in ({}, {"choice": "{}"}, *({"choice": text} for text in (short, narrow, other))):
        with pytest.raises(ModelError, match="--start f --epochs 0"):
            read_calibration(facts, "f")
    of = [*SPAN_FEATURES, *YES_NO_FEATURES[:-1], *CONFIDENCE_FEATURES[:-1]]  # a file from before the last ones
    older = {**data, "of": of, "closed": [*yes_no[:-2], 9.0], "sure": [*confidence[:-2], 8.0]}
    known = read_calibration({"choice": json.dumps(older)}, "f")
    assert known.yes_no_weights == (*yes_no[:-2], 0.0, 9.0) and known.confidence_weights == (*confidence[:-2], 0.0, 8.0)


def test_a_network_ranks_spans_and_equal_answers_share() -> None:
    def found(text: str, place: float, source: str = "") -> Candidate:
        features = tuple(place if name == "place" else 0.0 for name in SPAN_FEATURES)
        return Candidate(text, Span(0, 0, 1, 0.0), False, features, source=source)

    a, b, also_b = found("a1", 0.0), found("The b", 1.0, "one"), found("b", 0.5, "other")
    unit = [0.0] * (len(SPAN_FEATURES) + 2)
    unit[SPAN_FEATURES.index("place")], unit[-1] = 1.0, 2.0  # 2 tanh(place)
    weights = tuple(float(n == CONFIDENCE_FEATURES.index("share")) for n in range(len(CONFIDENCE_FEATURES) + 1))
    calibration = Calibration((tuple(unit),), (0.0,) * (len(YES_NO_FEATURES) + 1), weights)
    scores = [math.exp(2 * math.tanh(place)) for place in (0.0, 1.0, 0.5)]
    best, share = calibration.best([a, b, also_b]) or (a, 0.0)
    assert best is b and share == pytest.approx(math.log(scores[1] + scores[2]) - math.log(scores[0]), abs=1e-5)
    assert calibration.best([a, b, also_b, replace(also_b, text="b.")]) == (best, share)  # a source counts once
    _, rest = calibration.best([a], among=[a, b, also_b]) or (a, 0.0)
    assert rest == pytest.approx(-share, abs=1e-5)
    alone = calibration.best([a])
    assert alone is not None and alone[1] == pytest.approx(MAX_SHARE, abs=0.1)  # nothing else was found
    assert calibration.confidence(b, 2.0, 0.0) == pytest.approx(1 / (1 + math.exp(-2)))


def test_answerability_may_doubt_an_answer_and_documents_vouch_for_one() -> None:
    one = Candidate("a", Span(0, 0, 1, 0.0), False, (0.0,) * len(SPAN_FEATURES))
    names = {"judged": 2.0, "documents": 1.0}
    weights = (*(names.get(name, 0.0) for name in CONFIDENCE_FEATURES), 0.0)
    calibration = Calibration((), (0.0,) * (len(YES_NO_FEATURES) + 1), weights)
    sure = [calibration.confidence(one, 0.0, logit) for logit in (-1.0, 0.0, MAX_ANSWERABILITY, 9.0)]
    assert sure[0] < sure[1] < sure[2] == sure[3]
    assert calibration.confidence(replace(one, documents=2), 0.0, 0.0) > sure[1]
