"""The table of docs/guides/models.md: every row as a small random model in its file formats, against plain torch."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from safetensors.numpy import save_file

from rag.embed.onnx import OnnxEmbedder
from rag.embed.transformers import TransformersEmbedder
from rag.errors import ModelError
from tests.test_models_backends import SIZES, TEXTS, saved

ROOT = Path(__file__).parent.parent
HEADS = {**SIZES, "num_key_value_heads": 2, "head_dim": 4}


@dataclass(frozen=True)
class Family:
    """How a family's files look: architecture, pooling, Dense modules, prompts; `runs` are what loads it."""

    model: Callable[[], Any]
    pooling: str
    runs: tuple[type, ...] = (OnnxEmbedder, TransformersEmbedder)
    dense: tuple[int, ...] = ()  # columns after each
    query: str = ""
    document: str = ""
    in_files: bool = True  # the prompts; else they are options
    legacy: bool = False  # pooling_mode_*_tokens: true
    config: dict[str, Any] = field(default_factory=dict)


def of(name: str, sizes: dict[str, Any], **more: Any) -> Callable[[], Any]:
    return lambda: getattr(transformers, f"{name}Model")(getattr(transformers, f"{name}Config")(**sizes, **more))


TORCH = (TransformersEmbedder,)
GEMMA = {"use_bidirectional_attention": True, "sliding_window": 64, "layer_types": ["full_attention"] * 2}
FAMILIES = {
    "BGE": Family(of("Bert", SIZES), "cls", query="query : ", in_files=False, legacy=True),
    "E5": Family(of("Bert", SIZES), "mean", query="query : ", document="passage : ", in_files=False, legacy=True),
    "multilingual E5 instruct": Family(of("XLMRoberta", SIZES), "mean", query="building : query : ", in_files=False),
    "BGE-M3": Family(of("XLMRoberta", SIZES), "cls", legacy=True),
    "LEAF": Family(of("Bert", SIZES), "mean", dense=(12,), query="query : "),
    "Qwen3-Embedding": Family(of("Qwen3", HEADS), "lasttoken", TORCH, query="building : query : "),
    "KaLM": Family(of("Qwen2", HEADS), "mean", TORCH, query="building : query : "),
    "EmbeddingGemma": Family(
        of("Gemma3Text", HEADS, **GEMMA), "mean", TORCH, dense=(24, 16), query="query : ", document="passage : "
    ),
    "GTE-ModernBERT, Granite R2": Family(
        of("ModernBert", {k: v for k, v in SIZES.items() if k != "initializer_range"}, cls_token_id=0, sep_token_id=2),
        "cls",
        TORCH,
    ),
}
POOLED: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "cls": lambda hidden: hidden[0],
    "mean": lambda hidden: hidden.mean(0),
    "lasttoken": lambda hidden: hidden[-1],
}
LEGACY = {"cls": "pooling_mode_cls_token", "mean": "pooling_mode_mean_tokens"}


def written(folder: Path, family: Family) -> list[np.ndarray]:
    """The family's folder; the weights of its Dense modules."""
    saved(folder, family.model)
    paths = [("Transformer", ""), ("Pooling", "1_Pooling")]
    paths += [("Dense", f"{n}_Dense") for n in range(2, 2 + len(family.dense))] + [("Normalize", "9_Normalize")]
    pooling = {LEGACY[family.pooling]: True} if family.legacy else {"pooling_mode": family.pooling}
    prompts = {"query": family.query, "document": family.document} if family.in_files else {}
    files: dict[str, Any] = {
        "modules.json": [{"path": path, "type": f"sentence_transformers.models.{kind}"} for kind, path in paths],
        "1_Pooling/config.json": pooling,
        "config_sentence_transformers.json": {"prompts": prompts, "default_prompt_name": None},
    }
    random, width, matrices = np.random.default_rng(3), 16, []
    for n, columns in enumerate(family.dense, 2):
        matrices.append(random.normal(size=(columns, width)).astype(np.float32))
        files[f"{n}_Dense/config.json"] = {
            "in_features": width,
            "out_features": columns,
            "bias": False,
            "activation_function": "torch.nn.modules.linear.Identity",
        }
        width = columns
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(json.dumps(content))
    for n, matrix in enumerate(matrices, 2):
        save_file({"linear.weight": matrix}, folder / f"{n}_Dense" / "model.safetensors")
    return matrices


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_of_the_table_equals_its_definition_in_torch(tmp_path: Path, name: str) -> None:
    family = FAMILIES[name]
    folder = tmp_path / "model"
    matrices = written(folder, family)
    model: Any = transformers.AutoModel.from_pretrained(folder).eval()
    tokenizer: Any = transformers.TokenizersBackend.from_pretrained(folder)

    def expected(text: str) -> np.ndarray:
        """One text at a time, so that nothing is padded."""
        encoded = tokenizer(text, return_tensors="pt", return_token_type_ids=False)
        with torch.inference_mode():
            vector = POOLED[family.pooling](model(**encoded).last_hidden_state[0]).numpy()
        for matrix in matrices:
            vector = matrix @ vector
        return np.asarray(vector / np.linalg.norm(vector))

    options: dict[str, Any] = {"model": str(folder)}
    if not family.in_files:
        options |= {"query_prefix": family.query, "document_prefix": family.document}
    for kind in family.runs:
        embedder = kind(**options, **({"device": "cpu"} if kind is TransformersEmbedder else {}))
        texts = [text for text in TEXTS if text]
        queries = embedder.embed_queries(texts).dense
        assert np.abs(queries - [expected(family.query + text) for text in texts]).max() < 1e-5
        documents = kind(**options | {"query_prefix": family.document}).embed_queries(texts).dense
        assert np.abs(documents - [expected(family.document + text) for text in texts]).max() < 1e-5
        assert kind(**options | {"query_prefix": "soup"}).fingerprint == embedder.fingerprint  # no new index
        assert kind(**options | {"document_prefix": "soup"}).fingerprint != embedder.fingerprint
    if OnnxEmbedder not in family.runs:
        with pytest.raises(ModelError, match="use: transformers"):
            OnnxEmbedder(**options).embed_queries(["soup"])


def test_models_that_bring_their_own_code_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    written(folder, FAMILIES["KaLM"])
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"auto_map": {"AutoModel": "modeling_nvembed.NVEmbed"}}))
    with pytest.raises(ModelError, match="auto_map asks for code from outside"):
        TransformersEmbedder(model=str(folder)).embed_queries(["soup"])


def test_the_page_lists_what_is_tested_here_and_nothing_else() -> None:
    lines = (ROOT / "docs" / "guides" / "models.md").read_text().split("\n## ")[0].splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| ")]
    listed = {row[0]: row[1:3] for row in rows[1:] if row[1] != "refused"}
    expected = {
        name: ["onnx" if OnnxEmbedder in family.runs else "transformers", family.pooling]
        for name, family in FAMILIES.items()
    }
    own_test = {
        "CDE with a ModernBERT or BERT backbone": ["two_stage", "mean, behind the corpus"],
        "KaLM-V2, GTE-Qwen2, Llama-Embed-Nemotron, in a copy without their code": ["transformers", "as its files say"],
        "E2Rank": ["transformers", "lasttoken"],
    }
    assert listed == expected | own_test
