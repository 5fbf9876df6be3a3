"""A file of `rag train embedder` under both backends: documents are read with it, questions are not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import transformers
from safetensors.numpy import save_file

from rag.embed.onnx import OnnxEmbedder
from rag.embed.transformers import TransformersEmbedder
from rag.embed.weights import KIND, checksum
from rag.errors import MismatchError, ModelError
from rag.types import Chunk, Chunked, Document, Vectors
from tests.test_models_backends import TEXTS, bert, dense, saved

NAME = "encoder.layer.1.output.dense.weight"
TEXT = "lumen makes the router . soup of tarnvik in a building"


def difference(path: Path, folder: Path, name: str = NAME) -> str:
    changed = np.random.default_rng(5).normal(size=(16, 24)).astype(np.float32)
    save_file({name: changed}, path, {"kind": KIND, "model": checksum(folder)})
    return str(path)


def documents(embedder: Any) -> Vectors:
    spans = [(0, 24), (25, len(TEXT))]
    chunks = tuple(Chunk(str(a), "d", TEXT[a:b], a, b, "s") for a, b in spans)
    vectors: Vectors = embedder.embed_chunks([Chunked(Document("d", "s", TEXT), chunks)]).dense
    return vectors


@pytest.mark.parametrize("late", [0, 1, 0.5])
def test_both_backends_read_documents_with_the_difference(tmp_path: Path, late: float) -> None:
    folder = saved(tmp_path / "model", bert)
    options: dict[str, Any] = {"model": str(folder), "late": late}
    path = difference(tmp_path / "weights.safetensors", folder)
    ours, torchs = OnnxEmbedder(**options, weights=path), TransformersEmbedder(**options, weights=path, device="cpu")
    plain = OnnxEmbedder(**options)
    assert np.abs(documents(ours) - documents(torchs)).max() < 1e-5
    assert np.abs(documents(ours) - documents(plain)).max() > 1e-2
    assert np.abs(dense(torchs, TEXTS) - dense(plain, TEXTS)).max() < 1e-5
    assert ours.fingerprint == torchs.fingerprint != plain.fingerprint


def test_the_difference_is_what_is_added(tmp_path: Path) -> None:
    folder = saved(tmp_path / "model", bert)
    path = difference(tmp_path / "weights.safetensors", folder)
    model: Any = transformers.AutoModel.from_pretrained(folder)
    changed = np.random.default_rng(5).normal(size=(16, 24)).astype(np.float32)
    weight = model.encoder.layer[1].output.dense.weight
    weight.data += weight.new_tensor(changed)
    tokens = transformers.AutoTokenizer.from_pretrained(folder)
    model.save_pretrained(tmp_path / "sum")
    tokens.save_pretrained(tmp_path / "sum")
    tuned = TransformersEmbedder(model=str(folder), weights=path, device="cpu")
    assert (
        np.abs(documents(tuned) - documents(TransformersEmbedder(model=str(tmp_path / "sum"), device="cpu"))).max()
        < 1e-6
    )


@pytest.mark.parametrize("backend", [OnnxEmbedder, TransformersEmbedder])
def test_weights_of_another_model_are_refused(tmp_path: Path, backend: Any) -> None:
    folder = saved(tmp_path / "model", bert)
    path = difference(tmp_path / "weights.safetensors", folder, "encoder.layer.7.output.dense.weight")
    with pytest.raises(ModelError, match=r"no tensor encoder\.layer\.7"):
        documents(backend(model=str(folder), weights=path))
    with pytest.raises(MismatchError, match="was trained for another model"):
        documents(backend(weights=path))
