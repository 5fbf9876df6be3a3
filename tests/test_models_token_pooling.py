"""Token vectors joined by Ward's criterion, against scipy's clusters."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.cluster.hierarchy import fcluster, linkage

from rag.embed.onnx import OnnxEmbedder
from rag.errors import ConfigError
from rag.models.pooling import merge_tokens, normalize
from rag.types import Chunk, Chunked, Document


@pytest.mark.parametrize(("n", "factor"), [(2, 2), (7, 2), (40, 3), (61, 4), (5, 9)])
def test_clusters_are_those_of_the_reference(n: int, factor: int) -> None:
    vectors = normalize(np.random.default_rng(n).normal(size=(n, 8)).astype(np.float32))
    labels = fcluster(linkage(vectors, "ward"), -(-n // factor), "maxclust")
    first = list(dict.fromkeys(labels))  # in the order of their first members
    expected = normalize(np.stack([vectors[labels == label].mean(0) for label in first]))
    np.testing.assert_allclose(merge_tokens(vectors, factor), expected, atol=1e-6)


def test_nothing_is_joined_by_one_and_nothing_of_nothing() -> None:
    vectors = normalize(np.random.default_rng(0).normal(size=(5, 8)).astype(np.float32))
    np.testing.assert_allclose(merge_tokens(vectors, 1), vectors, atol=1e-6)
    assert merge_tokens(np.empty((0, 8), np.float32), 2).shape == (0, 8)


def test_a_passage_keeps_one_token_vector_in_so_many_and_a_question_all() -> None:
    text = "The canteen opens at seven and serves soup until two in the afternoon."
    item = Chunked(Document("d", "d.txt", text, ""), (Chunk("c", "d", text, 0, len(text), "d.txt"),))
    whole, pooled = OnnxEmbedder(tokens=True), OnnxEmbedder(tokens=True, pool_factor=3)
    all_of_it, some = whole.embed_chunks([item]).tokens, pooled.embed_chunks([item]).tokens
    assert all_of_it is not None and some is not None
    np.testing.assert_allclose(some[0], merge_tokens(all_of_it[0], 3), atol=1e-6)
    assert len(some[0]) == -(-len(all_of_it[0]) // 3)
    asked, again = whole.embed_queries([text]).tokens, pooled.embed_queries([text]).tokens
    assert asked is not None and again is not None and len(asked[0]) == len(again[0])
    assert pooled.fingerprint != whole.fingerprint
    with pytest.raises(ConfigError, match="tokens: true"):
        OnnxEmbedder(pool_factor=2)
