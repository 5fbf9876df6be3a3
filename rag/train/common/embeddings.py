"""The frozen side of training: index vectors of passages and the like, computed once and kept in raghop's cache."""

import hashlib
from collections.abc import Callable, Sequence
from io import BytesIO

import numpy as np

from rag import cache
from rag.stages import Embedder
from rag.types import Chunk, Chunked, Document, Vectors


def passage_vectors(embedder: Embedder, texts: Sequence[str]) -> Vectors:
    """The vectors (n, dim) that an index has for these texts, of at least one passage."""

    def compute() -> Vectors:
        chunked = [Chunked(Document("", "", text), (Chunk("", "", text, 0, len(text), ""),)) for text in texts]
        return np.asarray(embedder.embed_chunks(chunked).dense)

    return cached_vectors([embedder.fingerprint, *texts], compute)


def cached_vectors(facts: Sequence[str], compute: Callable[[], Vectors]) -> Vectors:
    """What `compute` gives, or gave an earlier training for the same facts."""
    name = f"vectors-{hashlib.sha256(chr(0).join(facts).encode('utf-8', 'replace')).hexdigest()}"
    if stored := cache.load(name):
        found: Vectors = np.load(BytesIO(stored), allow_pickle=False)
        return found
    vectors = compute()
    file = BytesIO()
    np.save(file, vectors)
    cache.save(name, file.getvalue())
    return vectors
