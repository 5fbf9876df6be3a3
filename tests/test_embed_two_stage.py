"""Two-stage models: small random ones in the published format, against the definition written out in torch."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch.nn.functional import gelu, relu

from rag.embed.two_stage import TwoStageEmbedder
from rag.errors import ConfigError, ModelError
from rag.models.pooling import Hidden, Mask
from rag.testing import EmbedderConformance
from tests.test_models_backends import SIZES, TEXTS, bert, saved
from tests.test_models_variant import modernbert

WIDTH, LEARNED, PLACES = 16, 3, 5
V1, V2 = "DatasetTransformer", "ContextualDocumentEmbeddingTransformer"
SAMPLE = ["lumen makes the router", "soup of tarnvik", "the building"]
PREFIXES: dict[str, Any] = {"query_prefix": "query : ", "document_prefix": "passage : "}


def checkpoint(
    folder: Path, make: Callable[[], Any], **config: Any
) -> tuple[TwoStageEmbedder, dict[str, torch.Tensor], Any]:
    """The embedder, its tensors, and both of its backbones."""
    torch.manual_seed(1)
    saved(folder / "backbone", make)
    stages = {"first_stage_model.embedder": make().eval(), "second_stage_model.backbone": make().eval()}
    tensors = {f"{name}.{key}": x for name, model in stages.items() for key, x in model.state_dict().items()}
    for name, outputs in (
        ("first_stage_model.mlp", WIDTH),
        ("second_stage_model.prompt_projection", WIDTH * LEARNED),
        ("second_stage_model.output_projection", WIDTH),
    ):
        for n, rows in ((0, WIDTH), (2, outputs)):
            tensors[f"{name}.{n}.weight"], tensors[f"{name}.{n}.bias"] = torch.randn(rows, WIDTH), torch.randn(rows)
    (folder / "model").mkdir()
    save_file({key: x.clone().contiguous() for key, x in tensors.items()}, folder / "model" / "model.safetensors")
    facts = {
        "transductive_corpus_size": PLACES,
        "dataset_backbone": str(folder / "backbone"),
        "architectures": [V1],
        **config,
    }
    (folder / "model" / "config.json").write_text(json.dumps(facts))
    (folder / "sample.txt").write_text("\n".join(SAMPLE) + "\n\n")
    embedder = TwoStageEmbedder(
        model=str(folder / "model"), sample=str(folder / "sample.txt"), device="cpu", **PREFIXES
    )
    return embedder, tensors, tuple(stages.values())


class TestConformance(EmbedderConformance):
    @pytest.fixture
    def embedder(self, tmp_path: Path) -> TwoStageEmbedder:
        return checkpoint(tmp_path, bert)[0]


@pytest.mark.parametrize("make", [bert, modernbert])
@pytest.mark.parametrize(
    "config",
    [{}, {"architectures": [V2]}, {"architectures": [V2], "pool_ignore_instruction_tokens": True}],
    ids=["v1", "v2", "v2 without instruction"],
)
def test_a_text_is_read_behind_the_vectors_of_the_sample(
    tmp_path: Path, make: Callable[[], Any], config: dict[str, Any]
) -> None:
    """Section 4.2 of arXiv 2410.02525; DatasetConditionedBiencoder.forward in cde/model.py of jxmorris12/cde."""
    embedder, tensors, (first, second) = checkpoint(tmp_path, make, **config)
    tokenizer: Any = transformers.AutoTokenizer.from_pretrained(tmp_path / "backbone")

    def layers(x: torch.Tensor, name: str, activation: Any) -> Any:
        w = [tensors[f"{name}.{n}.{part}"] for n in (0, 2) for part in ("weight", "bias")]
        return activation(x @ w[0].T + w[1]) @ w[2].T + w[3]

    def ids(text: str) -> Any:
        return tokenizer(text, return_tensors="pt")["input_ids"]

    def expected(text: str) -> np.ndarray:
        with torch.inference_mode():
            whole = [first(ids("passage : " + one)).last_hidden_state[0].mean(0) for one in SAMPLE]
            vectors = [layers(one, "first_stage_model.mlp", gelu) for one in (*whole, *whole[:2])]  # five places
            prompt = layers(torch.ones(WIDTH), "second_stage_model.prompt_projection", relu).reshape(LEARNED, WIDTH)
            words = second.embeddings(ids(text))
            read = second(inputs_embeds=torch.cat([torch.stack(vectors), prompt, words[0]])[None])
            rows = read.last_hidden_state[0, PLACES + LEARNED :]
            if "pool_ignore_instruction_tokens" in config:
                colon = tokenizer(": ", add_special_tokens=False)["input_ids"][0]
                rows = rows[ids(text)[0].tolist().index(colon) + 1 :]
            pooled = rows.mean(0)
            vector = layers(pooled, "second_stage_model.output_projection", relu)
            vector = (vector + pooled if "architectures" in config else vector).numpy()
        return np.asarray(vector / np.linalg.norm(vector))

    texts = [text for text in TEXTS if text]
    found = embedder.embed_queries(texts).dense
    assert found is not None
    assert np.abs(found - [expected("query : " + text) for text in texts]).max() < 1e-5


def test_the_sample_counts_towards_what_runs_at_once(tmp_path: Path) -> None:
    encoder = checkpoint(tmp_path, bert)[0]._encoder
    shapes: list[tuple[int, ...]] = []

    def watched(ids: NDArray[np.int64], mask: Mask) -> Hidden:
        shapes.append(ids.shape)
        return encoder.forward(ids, mask)

    replace(encoder, forward=watched, batch_tokens=40).vectors(["soup"] * 6)
    assert sum(texts for texts, _ in shapes) == 6
    assert all(texts * (PLACES + LEARNED + tokens) <= 40 for texts, tokens in shapes)


def test_another_sample_is_another_embedder(tmp_path: Path) -> None:
    embedder = checkpoint(tmp_path, bert)[0]
    before, fingerprint = embedder.embed_queries(["soup"]).dense, embedder.fingerprint
    (tmp_path / "sample.txt").write_text("the router of tarnvik\n")
    again = TwoStageEmbedder(model=embedder.model, sample=embedder.sample, device="cpu", **PREFIXES)
    after = again.embed_queries(["soup"]).dense
    assert before is not None and after is not None
    assert again.fingerprint != fingerprint and np.abs(before - after).max() > 1e-3
    asks = TwoStageEmbedder(model=embedder.model, sample=embedder.sample, device="cpu", document_prefix="passage : ")
    assert asks.fingerprint == again.fingerprint  # no new index


def test_what_cannot_be_loaded_is_named(tmp_path: Path) -> None:
    embedder = checkpoint(tmp_path, bert)[0]
    model, sample = embedder.model, embedder.sample
    with pytest.raises(ConfigError, match=r"gone\.txt cannot be read.*a passage a line"):
        _ = TwoStageEmbedder(model=model, sample=str(tmp_path / "gone.txt")).fingerprint
    (tmp_path / "empty.txt").write_text("\n")
    with pytest.raises(ConfigError, match="is empty"):
        _ = TwoStageEmbedder(model=model, sample=str(tmp_path / "empty.txt")).fingerprint
    with pytest.raises(ModelError, match="neither a folder nor"):
        _ = TwoStageEmbedder(model=model, sample=sample, backbone="nobody/nothing").dim
    wide = transformers.BertConfig(**{**SIZES, "num_hidden_layers": 1})
    saved(tmp_path / "other", lambda: transformers.BertModel(wide))
    with pytest.raises(ModelError, match="do not fit"):
        TwoStageEmbedder(model=model, sample=sample, backbone=str(tmp_path / "other"), device="cpu").embed_queries(
            ["soup"]
        )
    config = Path(model) / "config.json"
    for odd in (
        {"autoregressive_backbone": True},
        {"transductive_tokens_per_document": 2},
        {"pooling_strategy": "max"},
        {"pool_ignore_contextual_tokens": False},
    ):
        config.write_text(json.dumps({"dataset_backbone": str(tmp_path / "backbone"), **odd}))
        with pytest.raises(ModelError, match=f"{next(iter(odd))}.*is not supported"):
            _ = TwoStageEmbedder(model=model, sample=sample).dim
    config.write_text(json.dumps({"dataset_backbone": str(tmp_path / "backbone"), "architectures": ["Other"]}))
    with pytest.raises(ModelError, match=r"architectures is \['Other'\]; should name DatasetTransformer \(v1\)"):
        _ = TwoStageEmbedder(model=model, sample=sample).fingerprint
    config.write_text("{}")
    with pytest.raises(ConfigError, match=r"embed\.backbone"):
        _ = TwoStageEmbedder(model=model, sample=sample).dim
