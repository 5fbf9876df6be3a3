"""The frozen side of training: folders with their index vectors, which are computed once and kept in raghop's cache.

A folder that hop encoder and gate learn from holds labelled questions, or an index whose links are mined.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np

from rag import cache
from rag.embed.onnx import OnnxEmbedder
from rag.errors import InputError
from rag.index.folder import Index
from rag.stages import Embedder
from rag.train.common import dataset, mining
from rag.train.common.dataset import HopDataset, index_text
from rag.train.common.loop import Say
from rag.types import Chunk, Chunked, Document, Vectors


def read_folders(
    folders: Sequence[Path], embedder: OnnxEmbedder, *, most: int | None, seed: int, say: Say
) -> list[HopDataset]:
    """Every folder's dataset with the index vectors of its passages. Raises InputError where there are no pairs."""
    sources = []
    for folder in folders:
        if Index.at(folder).exists():
            source = mining.read_index(folder, embedder, most=most, seed=seed)
        else:
            source = dataset.read(folder, most=most)
            texts = [index_text(*passage) for passage in source.passages.values()]
            source = replace(source, vectors=passage_vectors(embedder, texts))
        say(
            f"{folder}: {len(source.pairs):,} pairs, {len(source.passages):,} passages, "
            f"{len(source.held_out_questions):,} questions held out"
        )
        sources.append(source)
    if not any(source.pairs for source in sources):
        raise InputError(f"{', '.join(map(str, folders))}: no question whose gold passages are all in the corpus.")
    return sources


def passage_vectors(embedder: Embedder, texts: Sequence[str]) -> Vectors:
    """The vectors (n, dim) that an index has for these texts."""

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
