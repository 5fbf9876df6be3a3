"""From an index and the name of a new model to a file that lets the model's questions search the index as it is.

A sample of the index's passages is read by the new model; their old vectors are in the index. Questions for `shift` are
a file's lines, or else a sentence of each passage. One passage in eight is held out: its sentence is asked in the new
model, and through the map, and what both find among the sample tells how much of the new model the map lets through.
"""

import random
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from rag.config import PipelineConfig, build
from rag.embed._encoder import EncoderEmbedder
from rag.embed.query_map import write
from rag.errors import ConfigError, InputError
from rag.index.facts import check_fingerprints
from rag.index.folder import Index
from rag.stages import JointEmbedder
from rag.text.sentence_ends import sentences
from rag.train.map.fit import WAYS, MapExamples
from rag.types import Chunk, Chunked, Document, Vectors

LEAST = 16  # passages
HELD_OUT = 8  # one passage in so many
NEAREST = 10


@dataclass(frozen=True, slots=True)
class MapReport:
    """How many passages the new model read, and of its ten nearest passages the share found through the map.

    `before` is that share by the old model's own questions.
    """

    passages: int
    found: float
    before: float


def train_map(
    index: Index,
    config: PipelineConfig,
    query_model: str,
    out: Path,
    *,
    way: str,
    most: int,
    questions: Sequence[str],
    seed: int,
) -> MapReport:
    """Write the map. The index is only read.

    Raises ConfigError, InputError (a small index), MismatchError (an index of another pipeline), ModelError.
    """
    old = _encoder(config)
    new = replace(old, model=query_model, query_model=None, query_map="", weights="", late=0.0, situated=0.0)
    with closing(index.read_manifest()) as manifest:
        check_fingerprints(manifest.facts(), build(config).fingerprints, kinds=("embed",))
        ids = manifest.chunk_ids()
        rng = random.Random(seed)
        chunks, embeddings = manifest.chunks(rng.sample(ids, min(most, len(ids))))
    if len(chunks) < LEAST or embeddings.dense is None:
        raise InputError(f"{index.path}: {len(chunks)} passages with dense vectors; a map needs {LEAST} or more.")
    asked = [
        rng.choice([chunk.text[a:b].strip() for a, b in sentences(chunk.text)] or [chunk.text]) for chunk in chunks
    ]
    shown = list(questions) or asked
    held = np.arange(len(chunks)) % HELD_OUT == 0
    passages = _read(new, chunks)
    examples = MapExamples(_ask(old, shown), _ask(new, shown), embeddings.dense[~held], passages[~held])
    query_map = WAYS[way](examples)
    write(out, query_map, index=old.fingerprint, queries=new.query_fingerprint)
    test = [one for one, is_held in zip(asked, held, strict=True) if is_held]
    right = _ask(new, test) @ passages.T
    stored = embeddings.dense.T
    found, before = (_agreement(right, mine @ stored) for mine in (query_map(_ask(new, test)), _ask(old, test)))
    return MapReport(len(chunks), found, before)


def _encoder(config: PipelineConfig) -> EncoderEmbedder:
    """The embedder that makes the dense vectors of an index, with questions of its own."""
    embedder = build(config).embedder
    dense = embedder.dense if isinstance(embedder, JointEmbedder) else embedder
    if not isinstance(dense, EncoderEmbedder):
        use = config.stages["embed"]["use"]
        raise ConfigError(f"embed: {use} takes no `query_model`; a map is for `onnx` and `transformers`.")
    return replace(dense, query_model=None, query_map="")


def _read(embedder: EncoderEmbedder, chunks: Sequence[Chunk]) -> Vectors:
    batch = [Chunked(Document(one.doc_id, one.source, one.text, one.title), (one,)) for one in chunks]
    return np.asarray(embedder.embed_chunks(batch).dense)


def _ask(embedder: EncoderEmbedder, texts: Sequence[str]) -> Vectors:
    return np.asarray(embedder.embed_queries(texts).dense)


def _agreement(right: Vectors, scores: Vectors) -> float:
    """Of the nearest by `right` (q, n), the share that is among the nearest by `scores`."""
    k = min(NEAREST, right.shape[1])
    first, second = (np.argpartition(-one, k - 1, axis=1)[:, :k] for one in (right, scores))
    return float(np.mean([len(set(a) & set(b)) / k for a, b in zip(first.tolist(), second.tolist(), strict=True)]))
