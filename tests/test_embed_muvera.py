"""MUVERA's encodings against the similarity that they approximate."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file

from rag.embed.muvera import Encoding, MuveraEmbedder, random_encoding
from rag.embed.onnx import OnnxEmbedder
from rag.rerank.maxsim import maxsim
from rag.stages import Embedder, TokenEmbedder
from rag.testing import EmbedderConformance
from rag.types import Vectors
from tests.test_models_backends import bert, saved

WIDTH = 8


def tokens(n: int, seed: int) -> Vectors:
    rows = np.random.default_rng(seed).standard_normal((n, WIDTH)).astype(np.float32)
    unit: Vectors = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit


def score(made: Encoding, question: Vectors, passage: Vectors) -> float:
    return float(made.question(question) @ made.passage(passage))


sizes, seeds = st.integers(1, 12), st.integers(0, 10_000)


@given(sizes, sizes, seeds, st.integers(1, 4), st.integers(1, 4))
def test_without_projection_it_never_exceeds_maxsim(n: int, m: int, seed: int, bits: int, repetitions: int) -> None:
    made = random_encoding(WIDTH, repetitions=repetitions, bits=bits, columns=0, seed=seed)
    question, passage = tokens(n, seed), tokens(m, seed + 1)
    assert score(made, question, passage) <= maxsim(question, passage) + 1e-5


@given(sizes, seeds, st.integers(1, 4))
def test_of_a_passage_of_one_token_it_is_maxsim(n: int, seed: int, bits: int) -> None:
    made = random_encoding(WIDTH, repetitions=3, bits=bits, columns=0, seed=seed)
    question, passage = tokens(n, seed), tokens(1, seed + 1)
    assert score(made, question, passage) == pytest.approx(maxsim(question, passage), abs=1e-5)


@given(seeds)
def test_finer_regions_come_near_to_maxsim(seed: int) -> None:
    """The approximation of the paper's theorem 2.1: the error of the mean shrinks as regions get finer."""
    passage = tokens(10, seed)
    near = passage[:5] + 0.1 * tokens(5, seed + 1)
    question = near / np.linalg.norm(near, axis=1, keepdims=True)
    exact = maxsim(question, passage)
    errors = [
        exact - score(random_encoding(WIDTH, repetitions=40, bits=bits, columns=0, seed=seed), question, passage)
        for bits in (1, 7)
    ]
    assert errors[1] < errors[0]
    assert errors[1] < 0.3


def test_the_projection_keeps_scores_on_average() -> None:
    question, passage = tokens(6, 1), tokens(9, 2)
    exact = random_encoding(WIDTH, repetitions=400, bits=2, columns=0, seed=0)
    short = random_encoding(WIDTH, repetitions=400, bits=2, columns=4, seed=0)
    assert short.dim == 400 * 4 * 4
    assert score(short, question, passage) == pytest.approx(score(exact, question, passage), abs=0.05)


class TestMuvera(EmbedderConformance):
    unit_length = False

    @pytest.fixture
    def embedder(self) -> MuveraEmbedder:
        return MuveraEmbedder(repetitions=2, bits=2, columns=4)


def test_it_encodes_the_models_tokens() -> None:
    made = MuveraEmbedder(repetitions=3, bits=2, columns=5)
    assert isinstance(made, Embedder) and isinstance(made, TokenEmbedder)
    assert made.dim == 3 * 4 * 5
    rows = made.embed_queries(["Who opened the dam?"]).dense
    assert rows is not None
    own = random_encoding(OnnxEmbedder().dim, repetitions=3, bits=2, columns=5, seed=0)
    np.testing.assert_allclose(
        rows[0], own.question(OnnxEmbedder().token_vectors(["Who opened the dam?"], query=True)[0])
    )


@pytest.mark.parametrize("width", [16, 6, 24])
def test_a_head_for_tokens_may_have_another_width_than_texts(tmp_path: Path, width: int) -> None:
    """Section 2 of arXiv 2405.19504: planes and projections are those of token vectors, which BGE-M3's head makes."""
    torch.manual_seed(1)
    folder = saved(tmp_path / "model", bert)
    head = {"weight": torch.randn(width, 16), "bias": torch.randn(width)}
    save_file(head, folder / "colbert_linear.safetensors")
    made = MuveraEmbedder(model=str(folder), repetitions=2, bits=2, columns=3)
    [found] = made.token_vectors(["lumen makes the router"])
    assert found.shape[1] == width
    rows = made.embed_queries(["lumen makes the router"]).dense
    assert rows is not None
    own = random_encoding(width, repetitions=2, bits=2, columns=3, seed=0)
    [tokens] = made.token_vectors(["lumen makes the router"], query=True)
    np.testing.assert_allclose(rows[0], own.question(tokens), atol=1e-6)


def test_every_option_is_part_of_the_fingerprint() -> None:
    changed = [
        MuveraEmbedder(repetitions=3),
        MuveraEmbedder(bits=3),
        MuveraEmbedder(columns=3),
        MuveraEmbedder(seed=3),
        MuveraEmbedder(),
    ]
    assert len({OnnxEmbedder().fingerprint, *(one.fingerprint for one in changed)}) == 6
    assert MuveraEmbedder().fingerprint == MuveraEmbedder(seed=0).fingerprint
