"""Two embedders behind one."""

from __future__ import annotations

import numpy as np
import pytest

from rag.embed.bm25 import Bm25
from rag.embed.hashing import HashingEmbedder
from rag.embed.hybrid import HybridEmbedder
from rag.errors import ConfigError
from rag.stages import Embedder
from rag.types import Chunk, Chunked, Document, Embeddings

JOINT = HybridEmbedder(dense=HashingEmbedder(width=16), sparse=Bm25())


def check(both: Embeddings, dense: Embeddings, sparse: Embeddings) -> None:
    assert both.dense is not None and dense.dense is not None
    assert both.sparse is not None and sparse.sparse is not None
    assert np.array_equal(both.dense, dense.dense)
    assert [row.indices.tolist() for row in both.sparse] == [row.indices.tolist() for row in sparse.sparse]


def test_both_representations_are_there() -> None:
    texts = ["Lumen router", "soup"]
    chunks = tuple(Chunk(text, "d", text, 0, 1, "s") for text in texts)
    batch = [Chunked(Document("d", "s", ""), chunks)]
    assert isinstance(JOINT, Embedder)
    assert JOINT.dim == 16
    assert JOINT.representations == {"dense", "sparse"}
    check(JOINT.embed_queries(texts), JOINT.dense.embed_queries(texts), JOINT.sparse.embed_queries(texts))
    check(JOINT.embed_chunks(batch), JOINT.dense.embed_chunks(batch), JOINT.sparse.embed_chunks(batch))


def test_the_fingerprint_follows_both() -> None:
    others = [
        HybridEmbedder(dense=HashingEmbedder(width=8), sparse=Bm25()),
        HybridEmbedder(dense=HashingEmbedder(width=16), sparse=Bm25(b=0.5)),
    ]
    assert len({JOINT.fingerprint, *(other.fingerprint for other in others)}) == 3


def test_tokens_are_those_of_the_dense_embedder() -> None:
    assert np.array_equal(JOINT.token_spans(["a_b c"])[0], JOINT.dense.token_spans(["a_b c"])[0])
    assert JOINT.token_vectors(["Lumen router"])[0].shape == (2, 16)
    with pytest.raises(ConfigError, match="Bm25 has no token vectors"):
        HybridEmbedder(dense=Bm25(), sparse=Bm25()).token_vectors(["x"])
