"""The model-free embedder: deterministic, never zero, near for shared words."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.embed.hashing import HashingEmbedder
from rag.stages import Embedder
from rag.types import Vectors


def embed(*texts: str, width: int = 256) -> Vectors:
    dense = HashingEmbedder(width=width).embed_queries(texts).dense
    assert dense is not None
    return dense


def test_it_is_an_embedder() -> None:
    assert isinstance(HashingEmbedder(), Embedder)


@given(st.lists(st.text(), min_size=1), st.integers(1, 32))
def test_every_text_gets_a_row_of_length_one(texts: list[str], width: int) -> None:
    dense = embed(*texts, width=width)
    assert dense.shape == (len(texts), width)
    assert np.linalg.norm(dense, axis=1) == pytest.approx(np.ones(len(texts)))


def test_texts_that_share_words_are_nearer() -> None:
    question, near, far = embed("Who made the router?", "The router was made by Lumen.", "Soup is served until two.")
    assert question @ near > question @ far + 0.2


def test_another_process_computes_the_same() -> None:
    code = (
        "from rag.embed.hashing import HashingEmbedder as H; print(H(width=8).embed_queries(['näher']).dense.tolist())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(embed("näher", width=8).tolist())


def test_spans_are_the_words() -> None:
    text = "The Lumen-K2, 40 W."
    [spans] = HashingEmbedder().token_spans([text])
    assert [text[a:b] for a, b in spans] == ["The", "Lumen", "K2", "40", "W"]


def test_token_vectors_are_one_a_word() -> None:
    two, none = HashingEmbedder(width=16).token_vectors(["Lumen router", "..."])
    assert two.shape == (2, 16)
    assert none.shape == (1, 16)
    assert np.array_equal(two[1:], embed("router", width=16))
