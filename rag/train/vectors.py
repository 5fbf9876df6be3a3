"""The frozen side of training: index vectors of passages, computed once and kept in raghop's cache."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from io import BytesIO

import numpy as np

from rag import cache
from rag.stages import Embedder
from rag.types import Chunk, Chunked, Document, Vectors


def frozen(embedder: Embedder, texts: Sequence[str]) -> Vectors:
    """The vectors (n, dim) that an index has for these texts, of at least one passage."""
    digest = hashlib.sha256("\0".join([embedder.fingerprint, *texts]).encode("utf-8", "replace")).hexdigest()
    if stored := cache.load(f"vectors-{digest}"):
        found: Vectors = np.load(BytesIO(stored), allow_pickle=False)
        return found
    chunked = [Chunked(Document("", "", text), (Chunk("", "", text, 0, len(text), ""),)) for text in texts]
    vectors = np.asarray(embedder.embed_chunks(chunked).dense)
    file = BytesIO()
    np.save(file, vectors)
    cache.save(f"vectors-{digest}", file.getvalue())
    return vectors
