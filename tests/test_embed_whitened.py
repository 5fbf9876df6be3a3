"""Whitened embeddings against WhiteningBERT's own steps in torch, on both sides, by cosine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from rag.embed.onnx import OnnxEmbedder
from rag.embed.whitened import WhitenedEmbedder, fit_whitener
from rag.errors import ConfigError
from rag.testing import EmbedderConformance, make_vectors
from tests.test_models_backends import TEXTS, WORDS, bert, saved


def uneven_bert() -> Any:
    """Its norms have weights, as trained ones do: else all vectors of all layers have the sum 0."""
    network = bert()
    for name, parameter in network.named_parameters():
        if "LayerNorm" in name:
            torch.nn.init.normal_(parameter, 1 if name.endswith("weight") else 0, 0.3)
    return network


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(saved(tmp_path_factory.mktemp("models") / "plain", uneven_bert))


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> str:
    random = np.random.default_rng(5)
    lines = [" ".join(random.choice(WORDS, random.integers(1, 9))) for _ in range(60)]
    file = tmp_path_factory.mktemp("sample") / "passages.txt"
    file.write_text("\n".join(lines))
    return str(file)


def by_reference(folder: str, texts: list[str], layers: list[int]) -> torch.Tensor:
    """`LayerNPooling` over `layers`, averaged: Jun-jie-Huang/WhiteningBERT, --pooling aver --layer_num 1,12."""
    network: Any = transformers.AutoModel.from_pretrained(folder).eval()
    tokenizer: Any = transformers.TokenizersBackend.from_pretrained(folder)
    rows = []
    with torch.inference_mode():
        for text in texts:
            states = network(**tokenizer(text, return_tensors="pt"), output_hidden_states=True).hidden_states
            rows.append(torch.stack([states[layer][0].mean(0) for layer in layers]).mean(0))
    return torch.stack(rows).double()


@pytest.mark.parametrize(("first_last", "layers"), [(True, [1, -1]), (False, [-1])])
def test_cosines_equal_the_reference(model: str, sample: str, first_last: bool, layers: list[int]) -> None:
    passages = Path(sample).read_text().splitlines()
    vectors = by_reference(model, [*passages, *TEXTS], layers)
    mean = vectors[: len(passages)].mean(0, keepdim=True)  # whitening_torch_final, of the sample
    u, s, _ = torch.linalg.svd((vectors[: len(passages)] - mean).T @ (vectors[: len(passages)] - mean))
    assert (s[-1] > 1e-7 * s[0]) == first_last  # behind a norm's weights one direction has no spread: 1 / rounding
    s = torch.where(s > 1e-7 * s[0], s, torch.inf)
    white = torch.nn.functional.normalize((vectors - mean) @ (u @ torch.diag(1 / torch.sqrt(s))), dim=1)
    expected = (white @ white.T).numpy()[-len(TEXTS) :, -len(TEXTS) :]
    found = WhitenedEmbedder(model=model, sample=sample, first_last=first_last).embed_queries(TEXTS).dense
    assert found is not None and np.abs(found @ found.T - expected).max() < 1e-4
    plain = OnnxEmbedder(model=model).embed_queries(TEXTS).dense
    assert plain is not None and np.abs(plain @ plain.T - expected).max() > 0.1


def test_the_sample_is_white_afterwards_and_directions_without_spread_are_nothing() -> None:
    rows = make_vectors(200, 8) * np.geomspace(3, 0.1, 8).astype(np.float32) + 1
    whitener = fit_whitener(rows)
    white = (rows - whitener.mean) @ whitener.matrix
    assert np.abs(white.T @ white - np.eye(8)).max() < 1e-4
    flat = fit_whitener(np.column_stack([rows, rows[:, 0]]).astype(np.float32))
    assert np.isfinite(flat(make_vectors(3, 9))).all() and (np.abs(flat.matrix).max(axis=0) == 0).sum() == 1
    _, values, axes = np.linalg.svd(rows - rows.mean(axis=0), full_matrices=False)  # principal components
    turned = fit_whitener(rows, power=0, columns=3)
    assert np.abs(np.abs(turned.matrix.T @ axes[:3].T) - np.eye(3)).max() < 1e-4
    assert np.abs((white**2).sum(0) - 1).max() < 1e-4 and values[0] > 5 * values[-1]


def test_a_sample_that_is_too_small_or_missing_is_refused(model: str, tmp_path: Path) -> None:
    (tmp_path / "few.txt").write_text("soup\nrouter\n")
    with pytest.raises(ConfigError, match="holds 2 passages, which do not span 16 columns"):
        WhitenedEmbedder(model=model, sample=str(tmp_path / "few.txt")).embed_queries(["soup"])
    with pytest.raises(ConfigError, match="cannot be read"):
        WhitenedEmbedder(model=model, sample=str(tmp_path / "none.txt")).embed_queries(["soup"])


def test_sample_and_layers_are_in_the_fingerprint(model: str, sample: str, tmp_path: Path) -> None:
    (tmp_path / "other.txt").write_text("soup")
    embedders = [WhitenedEmbedder(model=model, sample=sample, first_last=one) for one in (False, True)]
    embedders.append(WhitenedEmbedder(model=model, sample=str(tmp_path / "other.txt")))
    embedders += [
        WhitenedEmbedder(model=model, sample=sample, power=0),
        WhitenedEmbedder(model=model, sample=sample, columns=4),
    ]
    prints = [OnnxEmbedder(model=model).fingerprint, *(one.fingerprint for one in embedders)]
    assert len(set(prints)) == 6
    assert [one.dim for one in embedders[-2:]] == [16, 4]


class TestConformance(EmbedderConformance):
    @pytest.fixture(params=[None, 5])
    def embedder(self, request: pytest.FixtureRequest, model: str, sample: str) -> WhitenedEmbedder:
        return WhitenedEmbedder(model=model, sample=sample, columns=request.param)
