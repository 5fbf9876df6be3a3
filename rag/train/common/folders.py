"""The folders that hop encoder and gate learn from: labelled questions, or an index whose links are mined."""

from collections.abc import Sequence
from pathlib import Path

from rag.embed.onnx import OnnxEmbedder
from rag.errors import InputError
from rag.train.common import dataset, mining
from rag.train.common.dataset import HopDataset, index_text
from rag.train.common.embeddings import passage_vectors
from rag.train.common.loop import Say
from rag.types import Vectors


def read_folders(
    folders: Sequence[Path], embedder: OnnxEmbedder, *, most: int | None, seed: int, say: Say
) -> tuple[list[HopDataset], list[Vectors]]:
    """Every folder's dataset with the index vectors of its passages. Raises InputError where there are no pairs."""
    sources, vectors = [], []
    for folder in folders:
        if mining.has_index(folder):
            source, rows = mining.read_index(folder, embedder, most=most, seed=seed)
        else:
            source = dataset.read(folder, most=most)
            rows = passage_vectors(embedder, [index_text(*passage) for passage in source.passages.values()])
        say(
            f"{folder}: {len(source.pairs):,} pairs, {len(source.passages):,} passages, "
            f"{len(source.held_out_questions):,} questions held out"
        )
        sources.append(source)
        vectors.append(rows)
    if not any(source.pairs for source in sources):
        raise InputError(f"{', '.join(map(str, folders))}: no question whose gold passages are all in the corpus.")
    return sources, vectors
