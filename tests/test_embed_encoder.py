"""The base of the two model embedders: an index of one fits the other, and hops and answers are the same with both."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from rag.config import load
from rag.embed._encoder import EncoderEmbedder
from rag.embed.onnx import OnnxEmbedder
from rag.embed.transformers import TransformersEmbedder
from rag.index.folder import Index
from rag.pipeline import Pipeline
from rag.stages import Embedder, TokenEmbedder, Tunable

EXAMPLES = Path(__file__).parent.parent / "examples"
TORCH = {"use": "transformers", "model": "bundled", "device": "cpu"}
FOLDERS = ("buildings", "fleet", "harbour", "network")


@pytest.fixture(scope="module")
def questions() -> list[str]:
    rows = [json.loads(line) for line in (EXAMPLES / "questions.jsonl").read_text(encoding="utf-8").splitlines()]
    return [row["question"] for row in rows[:4]]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index that `onnx` made."""
    folder = tmp_path_factory.mktemp("index")
    with Pipeline.load("default", index=folder) as pipeline:
        pipeline.ingest([EXAMPLES / "documents" / name for name in FOLDERS])
    return folder


def results(index: Path, preset: str, questions: Sequence[str], **stages: Any) -> list[Any]:
    """Of each question the passages with their hops, best first, and the answer."""
    config = load(preset)
    for kind, options in stages.items():
        config = config.with_stage(kind, options)
    with Pipeline(config, Index.at(index)) as pipeline:
        answers = [pipeline.ask(question) for question in questions]
    return [([(hit.chunk.id, hit.hop, hit.trail) for hit in answer.hits], answer.text) for answer in answers]


@pytest.mark.parametrize(
    ("preset", "stages"),
    [
        ("default", {"hop": {"use": "encoder", "precision": "float32"}}),
        ("fast", {}),
        ("links", {"rerank": {"use": "paths", "precision": "float32"}}),
    ],
    ids=["encoder", "gate", "links and paths"],
)
def test_hops_and_answers_are_the_same_with_both_backends(
    index: Path, questions: list[str], preset: str, stages: dict[str, Any]
) -> None:
    expected = results(index, preset, questions, **stages)
    assert any(hop for hits, _ in expected for _, hop, _ in hits)
    assert results(index, preset, questions, **stages, embed=TORCH) == expected


def test_both_backends_offer_the_same_and_share_every_option_but_those_of_a_device() -> None:
    onnx, torch = OnnxEmbedder(), TransformersEmbedder()
    for embedder in (onnx, torch):
        assert isinstance(embedder, EncoderEmbedder)
        assert all(isinstance(embedder, protocol) for protocol in (Embedder, TokenEmbedder, Tunable))
    assert onnx.fingerprint == torch.fingerprint
    names = [{field.name for field in dataclasses.fields(embedder)} for embedder in (onnx, torch)]
    assert names[1] - names[0] == {"attention", "device", "dtype", "first_last", "neighbours"}
    assert names[0] - names[1] == {"precision"}  # int8 products are onnxruntime's
