"""How a folder of the embedded engine is laid out: what is mapped, what is read into memory, when a segment is closed.

What is written goes into an open segment, which the engine reads into memory as a whole when it opens the folder. From
`CLOSE_AT` on a segment is closed: its words and keywords are then files that are mapped, so that opening takes a sixth
of the time and the memory is the system's. In a closed segment deleted chunks keep their place until it is merged with
others; half of an index that is dead is written anew (`rag.index.publish`).

Source: qdrant-edge-py 0.9, `lib/shard/src/optimizers` of Qdrant 1.18.
"""

from pathlib import Path
from typing import Literal

import qdrant_edge as engine

from rag.store.payload import INDEXED

CLOSE_AT = 20_000  # KB of one kind of vector: 13,000 chunks of 384 columns
LARGEST = 400_000  # KB: larger segments are not merged, which takes memory by their size
OPEN = "mutable_id_tracker.mappings"  # a file that only open segments have
SEGMENTS = 4  # from here on the smallest are merged

Quantization = Literal["none", "int8", "turbo", "binary", "product"]
QUANTIZED = {  # each with its name in the engine's own files
    "none": ("none", None),
    "int8": ("scalar", engine.ScalarQuantizationConfig(engine.ScalarType.Int8)),
    "turbo": ("turbo", engine.TurboQuantQuantizationConfig(bits=engine.TurboQuantBitSize.Bits2)),
    "binary": ("binary", engine.BinaryQuantizationConfig()),
    "product": ("product", engine.ProductQuantizationConfig(engine.CompressionRatio.X32)),
}
_NO_GRAPH = engine.HnswIndexConfig(m=0, ef_construct=4, full_scan_threshold=0)  # search is exact
_MAPPED = engine.Memory.Cold


def make_config(*, dim: int, sparse: bool, idf: bool, tokens: int, quantize: Quantization) -> engine.EdgeConfig:
    """The engine's configuration; `dim` and `tokens` are columns of the vectors of chunks and tokens, 0 for none."""
    vectors = {}
    if dim:
        vectors["dense"] = engine.EdgeVectorParams(
            dim,
            engine.Distance.Dot,
            hnsw_config=_NO_GRAPH,
            quantization_config=QUANTIZED[quantize][1],
            memory=_MAPPED,
        )
    if tokens:
        vectors["tokens"] = engine.EdgeVectorParams(
            tokens,
            engine.Distance.Dot,
            multivector_config=engine.MultiVectorConfig(engine.MultiVectorComparator.MaxSim),
            hnsw_config=_NO_GRAPH,
            memory=_MAPPED,
        )
    modifier = engine.Modifier.Idf if idf else None
    words = {"sparse": engine.EdgeSparseVectorParams(modifier=modifier, memory=_MAPPED)} if sparse else {}
    optimizers = engine.EdgeOptimizersConfig(
        deleted_threshold=1.0,
        default_segment_number=SEGMENTS,
        max_segment_size=LARGEST,
        indexing_threshold=CLOSE_AT if quantize == "none" else 1,  # a short copy is made when a segment is closed
    )
    return engine.EdgeConfig(
        vectors=vectors,
        sparse_vectors=words,
        optimizers=optimizers,
        payload_memory=_MAPPED,
        id_tracker_memory=_MAPPED,
        wal_enabled=False,
    )


def index_keywords(shard: engine.EdgeShard) -> None:
    """Let a new folder have an index of every field of words."""
    for key in INDEXED:
        schema = engine.KeywordIndexParams(memory=_MAPPED)
        shard.update(engine.UpdateOperation.create_field_index(key, schema))


def bytes_to_close(folder: Path) -> int:
    """About how much the disk must hold more where segments of this folder are closed, and others merged with them."""
    sizes = {
        segment: sum(file.stat().st_blocks * 512 for file in segment.rglob("*") if file.is_file())
        for segment in (folder / "segments").iterdir()
    }
    written = sum(size for segment, size in sizes.items() if (segment / OPEN).exists())
    return written if written < CLOSE_AT * 1024 else sum(sizes.values())
