"""The reader against the network that trains it, on a tiny model with random weights; files that are no reader."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import BertConfig, BertModel

from rag.embed.modelspec import read as spec
from rag.errors import ModelError
from rag.read.candidates import CLOSED, FEATURES
from rag.read.choice import SURE, Choice, read
from rag.read.reader import Reading, opened
from rag.read.weights import load
from rag.sentences import sentence_spans
from rag.train.reader import Encoder, Network, Options, Trained, padded
from rag.train.reader_run import write
from rag.train.readings import Part
from rag.train.readings import Reading as Example

WORDS = "the ferry to Norvik leaves pier nine at noon . it is run by Havn Lines ? when does who soup served".split()
PASSAGES = [
    ("Norvik ferry", "The ferry to Norvik leaves pier nine at noon. It is run by Havn Lines."),
    ("Canteen", "Soup is served at noon."),
]
QUESTION = "when does the ferry leave ?"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Network, Path]:
    """A model folder, the network that trains on it with some changes, and the reader's file."""
    folder = tmp_path_factory.mktemp("tiny")
    vocabulary = {word: i for i, word in enumerate(dict.fromkeys(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS]))}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.save(str(folder / "tokenizer.json"))
    config = BertConfig(
        vocab_size=len(vocabulary), hidden_size=16, num_hidden_layers=2, num_attention_heads=4, intermediate_size=24
    )
    torch.manual_seed(0)
    BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    network = Network(str(folder)).eval()
    with torch.no_grad():
        for parameter in [p for p in network.parameters() if p.requires_grad]:
            parameter.add_(torch.randn_like(parameter) * 0.3)
    out = tmp_path_factory.mktemp("reader") / "reader.safetensors"
    facts = {"kind": "raghop reader 1", "model": str(folder), "embedder": spec(str(folder)).fingerprint()}
    write(out, Trained(network.difference(), network.head_tensors(), 0, 0.0, 0.0), facts)
    return folder, network, out


def reference(folder: Path, path: Path, parts: list[tuple[str, str]]) -> dict[str, NDArray[Any]]:
    """The outputs of the training's own network on one input, from the stored weights."""
    network = Network(str(folder)).eval()
    network.resume(path)
    encode = Encoder(str(folder), Options())
    example = encode(Example(QUESTION, tuple(Part(*part) for part in parts)), np.random.default_rng(0))
    ids, mask = padded([example.ids])
    with torch.no_grad():
        return {name: out[0].numpy() for name, out in network(ids, mask).items()} | {"texts": np.array(example.texts)}


def test_scores_are_those_of_the_network_that_trains(tiny: tuple[Path, Network, Path]) -> None:
    folder, _, path = tiny
    inputs = [PASSAGES[:1], PASSAGES[1:], PASSAGES]
    for parts, found in zip(inputs, opened(path).read(QUESTION, inputs), strict=True):
        wanted = reference(folder, path, parts)
        assert found.relevant == pytest.approx(wanted["relevant"][0, 0], abs=1e-4)
        assert found.kinds == pytest.approx(wanted["kind"][0], abs=1e-4)
        best = max(
            wanted["span"][s, 0] + wanted["span"][e, 1] - wanted["span"][0].sum()
            for low, high in wanted["texts"]
            for s in range(low, high)
            for e in range(s, high)
        )
        assert found.spans[0].score == pytest.approx(best, abs=1e-4)
        sentences = [(n, *span) for n, (_, text) in enumerate(parts) for span in sentence_spans(text)]
        assert [(fact.passage, fact.start, fact.end) for fact in found.facts] == sentences
        low, high = wanted["texts"][-1]
        if len(sentence_spans(parts[-1][1])) == 1:
            assert found.facts[-1].score == pytest.approx(wanted["fact"][low:high].mean(), abs=1e-4)


def test_storing_keeps_the_network_nearly_as_it_is(tiny: tuple[Path, Network, Path]) -> None:
    _, network, path = tiny
    stored, exact = load(path).difference, network.difference()
    for name, tensor in exact.items():
        assert np.abs(stored[name] - tensor).max() <= np.abs(tensor).max() / 250


def test_company_changes_no_reading(tiny: tuple[Path, Network, Path]) -> None:
    reader = opened(tiny[2])
    together = reader.read(QUESTION, [[passage] for passage in PASSAGES])
    for reading, passage in zip(together, PASSAGES, strict=True):
        (alone,) = reader.read(QUESTION, [[passage]])
        assert alone.relevant == pytest.approx(reading.relevant, abs=1e-5)
        assert [(s.start, s.end) for s in alone.spans] == [(s.start, s.end) for s in reading.spans]


@pytest.mark.parametrize("text", ["", " ", "broken \ud800 surrogate", "noon " * 2000, "東京 👩‍👩‍👧"])
def test_any_text_can_be_read(tiny: tuple[Path, Network, Path], text: str) -> None:
    (reading,) = opened(tiny[2]).read(text or QUESTION, [[("", text), PASSAGES[0]]])
    assert isinstance(reading, Reading) and reading.spans
    for span in reading.spans:
        assert 0 <= span.start < span.end <= len([text, PASSAGES[0][1]][span.passage])


def test_other_files_and_other_models_are_refused(tiny: tuple[Path, Network, Path], tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    path.write_bytes(b"no")
    with pytest.raises(ModelError, match="rag train reader"):
        load(path)
    save_file({"a": np.zeros(1, np.float32)}, path, metadata={"kind": "raghop hop encoder 1"})
    with pytest.raises(ModelError, match="not the weights of a reader"):
        load(path)
    facts = dict(load(tiny[2]).facts)
    save_file({"a": np.zeros(1, np.float32)}, path, metadata={**facts, "embedder": "another"})
    with pytest.raises(ModelError, match="another version"):
        opened(path)


def test_a_choice_survives_its_file_and_others_are_refused() -> None:
    span, closed, sure = (tuple(map(float, range(len(names) + 1))) for names in (FEATURES, CLOSED, SURE))
    choice = Choice(span, closed, sure, ((0.05, 0.9), (0.2, 0.4)))
    assert read({"choice": choice.text()}, "f") == choice
    assert [choice.threshold(risk) for risk in (0.01, 0.05, 0.1, 0.3)] == [1.01, 0.9, 0.9, 0.4]
    assert choice.best([]) is None
    for facts in ({}, {"choice": "{}"}, {"choice": json.dumps({"span": [1], "closed": [1], "sure": [1], "risks": []})}):
        with pytest.raises(ModelError, match="train it again"):
            read(facts, "f")
