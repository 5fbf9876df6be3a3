"""SPLADE against its equation in torch, with a small random model; what a store makes of its weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from rag.config import build, parse
from rag.embed.splade import SpladeEmbedder
from rag.errors import ConfigError, ModelError
from rag.testing import EmbedderConformance
from tests.test_models_backends import TEXTS, bert, headed_roberta, saved


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(saved(tmp_path_factory.mktemp("models") / "splade", headed_roberta))


def by_equation(folder: str, text: str) -> dict[int, float]:
    """w_j = max over i of log(1 + ReLU(w_ij)): equation 2 of arXiv 2109.10086, over all tokens of one text."""
    network: Any = transformers.AutoModelForMaskedLM.from_pretrained(folder).eval()
    tokenizer: Any = transformers.TokenizersBackend.from_pretrained(folder)
    with torch.inference_mode():
        logits = network(**tokenizer(text, return_tensors="pt", return_token_type_ids=False)).logits[0]
    weights = torch.stack([torch.log(1 + torch.clamp(row, min=0)) for row in logits]).max(dim=0).values
    return {j: float(weight) for j, weight in enumerate(weights) if weight > 0}


def test_weights_equal_the_equation_padded_or_not(model: str) -> None:
    embedder = SpladeEmbedder(model=model, device="cpu")
    together = embedder.embed_queries(TEXTS).sparse
    assert together is not None
    for text, row in zip(TEXTS, together, strict=True):
        expected = by_equation(model, text)
        assert row.indices.tolist() == sorted(expected)
        assert row.values == pytest.approx([expected[j] for j in sorted(expected)], abs=1e-5)
    largest = SpladeEmbedder(model=model, device="cpu", top=3).embed_queries(TEXTS[:1]).sparse
    assert largest is not None and len(largest[0].values) == 3
    assert sorted(largest[0].values, reverse=True) == pytest.approx(sorted(together[0].values, reverse=True)[:3])


def test_the_store_takes_weights_as_they_are(model: str, tmp_path: Path) -> None:
    text = (Path(__file__).parent / "tiny.yaml").read_text().replace("{use: bm25}", f"{{use: splade, model: {model}}}")
    stages = build(parse(text, name="splade", origin="splade.yaml"), path=str(tmp_path / "i"), readonly=False)
    assert stages.store.idf is False  # type: ignore[attr-defined]
    assert stages.embedder.representations == {"dense", "sparse"}


def test_what_shapes_weights_is_in_the_fingerprint(model: str) -> None:
    one = SpladeEmbedder(model=model)
    same, others = (
        SpladeEmbedder(model=model, batch_tokens=7),
        [
            SpladeEmbedder(model=model, top=3),
            SpladeEmbedder(model=model, max_tokens=7),
        ],
    )
    assert one.fingerprint == same.fingerprint and len({e.fingerprint for e in (one, *others)}) == 3


def test_a_model_without_the_head_is_refused(tmp_path: Path) -> None:
    folder = saved(tmp_path / "model", bert)
    with pytest.raises(ModelError, match="its weights lack cls"):
        SpladeEmbedder(model=str(folder), device="cpu").embed_queries(["soup"])
    with pytest.raises((ConfigError, ModelError), match=r"sparse\.device: 'nowhere'"):
        SpladeEmbedder(model=str(saved(tmp_path / "other", headed_roberta)), device="nowhere").embed_queries(["soup"])


def test_a_long_text_is_cut_where_its_model_ends(model: str) -> None:
    embedder = SpladeEmbedder(model=model, device="cpu")
    assert embedder._spec.max_tokens == 38  # 40 positions, of which the first two stand for none
    [row] = embedder.embed_queries(["soup " * 100]).sparse or ()
    assert np.isfinite(row.values).all()


class TestConformance(EmbedderConformance):
    @pytest.fixture
    def embedder(self, model: str) -> SpladeEmbedder:
        return SpladeEmbedder(model=model, device="cpu")
