"""Decoders as embedders: attention in both directions, texts with something after them, a title in its slot."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from rag.embed.onnx import OnnxEmbedder
from rag.embed.transformers import TransformersEmbedder
from rag.errors import ConfigError
from rag.models.spec import read
from rag.types import Chunk, Chunked, Document, Vectors
from tests.test_models_backends import SIZES, TEXTS, bert, dense, qwen, saved
from tests.test_models_late import pooled_by
from tests.test_models_variant import gemma


def llama() -> Any:
    return transformers.LlamaModel(transformers.LlamaConfig(**SIZES, num_key_value_heads=2))


def all_see_all(folder: Path, texts: list[str]) -> Vectors:
    """Mean of the token vectors under a mask of ones, for every layer, one text at a time."""
    model: Any = transformers.AutoModel.from_pretrained(folder, attn_implementation="eager").eval()
    tokenizer: Any = transformers.TokenizersBackend.from_pretrained(folder)
    rows = []
    for text in texts:
        ids = tokenizer(text, return_tensors="pt")["input_ids"]
        open_to_all = torch.zeros(1, 1, ids.shape[1], ids.shape[1])  # added to attention's scores
        with torch.inference_mode():
            hidden = model(input_ids=ids, attention_mask=open_to_all).last_hidden_state[0]
        rows.append(torch.nn.functional.normalize(hidden.mean(0), dim=0).numpy())
    return np.stack(rows)


@pytest.mark.parametrize("make", [qwen, llama])
def test_attention_in_both_directions_equals_a_mask_of_ones(tmp_path: Path, make: Callable[[], Any]) -> None:
    """KaLM-Embedding-V2 (arXiv 2506.20923, section 3.1), NV-Embed's equation of attention without its causal mask."""
    folder = saved(tmp_path / "model", make)
    expected = all_see_all(folder, TEXTS)
    causal = TransformersEmbedder(model=str(folder), device="cpu")
    both = TransformersEmbedder(model=str(folder), device="cpu", attention="bidirectional")
    alone = np.concatenate([dense(both, [text]) for text in TEXTS])
    assert np.abs(dense(both, TEXTS) - expected).max() < 1e-5  # with padding
    assert np.abs(alone - expected).max() < 1e-5  # and without
    assert np.abs(dense(causal, TEXTS) - expected).max() > 1e-2
    assert both.fingerprint != causal.fingerprint
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"is_causal": False}))
    said = TransformersEmbedder(model=str(folder), device="cpu")
    assert np.abs(dense(said, TEXTS) - expected).max() < 1e-5
    back = TransformersEmbedder(model=str(folder), device="cpu", attention="causal")
    assert np.abs(dense(back, TEXTS) - dense(causal, TEXTS)).max() < 1e-6


def test_a_direction_that_a_model_does_not_have_is_refused(tmp_path: Path) -> None:
    folder = str(saved(tmp_path / "bert", bert))
    with pytest.raises(ConfigError, match=r"embed\.attention: transformers offers no causal one"):
        dense(TransformersEmbedder(model=folder, device="cpu", attention="causal"), TEXTS)
    assert dense(TransformersEmbedder(model=folder, device="cpu", attention="bidirectional"), TEXTS).shape[0] == 5


def test_a_suffix_follows_every_text_and_is_never_cut_off(tmp_path: Path) -> None:
    folder = pooled_by(saved(tmp_path / "model", qwen), "lasttoken")
    embedder = TransformersEmbedder(
        model=folder, device="cpu", max_tokens=10, query_suffix=" optik", document_suffix=" soup"
    )
    plain = TransformersEmbedder(model=folder, device="cpu", max_tokens=10)
    assert np.abs(dense(embedder, ["lumen"]) - dense(plain, ["lumen optik"])).max() < 1e-6
    long = "lumen router " * 20
    assert np.abs(dense(embedder, [long]) - dense(plain, ["lumen router " * 3 + "lumen optik"])).max() < 1e-6
    assert embedder.count_unread([long]) == [40 + 2 + 1 - 10]
    assert embedder.fingerprint != plain.fingerprint
    asks = TransformersEmbedder(model=folder, device="cpu", max_tokens=10, query_suffix=" optik")
    assert asks.fingerprint == plain.fingerprint


@pytest.mark.parametrize("make", [bert, gemma])
def test_a_title_fills_its_slot_in_the_prompt(tmp_path: Path, make: Callable[[], Any]) -> None:
    """The document prompt of EmbeddingGemma (arXiv 2509.20354): title: {title | none} | text: {content}."""
    folder = str(saved(tmp_path / "model", make))
    options: dict[str, Any] = {"model": folder, "device": "cpu"}
    slotted = TransformersEmbedder(**options, document_prefix="title: none | text: ")
    text = "soup of tarnvik"
    chunks = (
        Chunk("a", "d", text, 0, len(text), "d", "lumen router"),
        Chunk("b", "d", text, 0, len(text), "d"),
    )
    found = slotted.embed_chunks([Chunked(Document("d", "d", text), chunks)]).dense
    assert found is not None
    plain = TransformersEmbedder(**options)
    expected = dense(plain, [f"title: {title} | text: {text}" for title in ("lumen router", "none")])
    assert np.abs(found - expected).max() < 1e-5
    assert read(folder, document_prefix="title: none | text: ").titled_prefix("") == "title: none | text: "
    if make is bert:
        ours = OnnxEmbedder(model=folder, document_prefix="title: none | text: ")
        assert ours.fingerprint == slotted.fingerprint
