"""Smaller vectors in the default store's engine: what they cost in quality, and what they save in bytes and time.

    python -m benchmarks.quantized [--data FOLDER] [--set squad] [--copies 4] [--tokens]

The chunks and questions of `benchmarks.context` (64 tokens, with their title). Recall is the share of the exact ten
best chunks that are found; nDCG is of the labelled ones. `rescored` reads the full vectors of four times as many
candidates again. Time and bytes are of an index with so many copies of every chunk, slightly moved: the whole folder,
and in it what a search reads of every chunk. With --tokens: token vectors instead, compared by MaxSim, `pool_factor` of
them joined to one, for the chunks of the first four articles.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import qdrant_edge as engine

from benchmarks.common import DATA
from benchmarks.context import World, cut, embedded, golds, world
from rag.embed.onnx import OnnxEmbedder
from rag.models.pooling import merge_tokens
from rag.store.edge import EdgeStore
from rag.types import Query, Vectors

K, OVERSAMPLING = 10, 4.0
PAGE = 1000


@dataclass(frozen=True, slots=True)
class Kind:
    """How vectors are kept: columns, bits a number that a search reads, the engine's options."""

    columns: int = 384
    bits: float = 32
    vectors: Mapping[str, Any] | None = None
    rescore: bool = False
    main: bool = False  # the columns are the main directions (PCA) of all chunks


INT8 = engine.ScalarQuantizationConfig(engine.ScalarType.Int8)
BINARY = engine.BinaryQuantizationConfig()
TWO_BITS = engine.BinaryQuantizationConfig(encoding=engine.BinaryQuantizationEncoding.TwoBits)
TURBO = {
    bits: engine.TurboQuantQuantizationConfig(bits=size)
    for bits, size in ((4, engine.TurboQuantBitSize.Bits4), (2, engine.TurboQuantBitSize.Bits2))
}
PRODUCT = engine.ProductQuantizationConfig(engine.CompressionRatio.X32)
POOL_FACTORS = (1, 2, 3, 4, 6)
KINDS = {
    "float32": Kind(),
    "float16": Kind(bits=16, vectors={"datatype": engine.VectorStorageDatatype.Float16}),
    "int8": Kind(bits=8, vectors={"quantization_config": INT8}),
    "int8, rescored": Kind(bits=8, vectors={"quantization_config": INT8}, rescore=True),
    "4 bits (TurboQuant), rescored": Kind(bits=4, vectors={"quantization_config": TURBO[4]}, rescore=True),
    "2 bits (TurboQuant), rescored": Kind(bits=2, vectors={"quantization_config": TURBO[2]}, rescore=True),
    "1 bit (product), rescored": Kind(bits=1, vectors={"quantization_config": PRODUCT}, rescore=True),
    "2 bits, rescored": Kind(bits=2, vectors={"quantization_config": TWO_BITS}, rescore=True),
    "1 bit": Kind(bits=1, vectors={"quantization_config": BINARY}),
    "1 bit, rescored": Kind(bits=1, vectors={"quantization_config": BINARY}, rescore=True),
    "first 256 columns": Kind(columns=256),
    "first 128 columns": Kind(columns=128),
    "128 main directions": Kind(columns=128, main=True),
}


def shard(folder: Path, kind: Kind, vectors: Vectors) -> engine.EdgeShard:
    """An index of these vectors; point i has the id i. Quantized vectors are made by the engine's optimizer."""
    params = engine.EdgeVectorParams(
        kind.columns,
        engine.Distance.Cosine,
        hnsw_config=engine.HnswIndexConfig(m=0, ef_construct=4, full_scan_threshold=0),
        **(kind.vectors or {}),
    )
    optimizers = engine.EdgeOptimizersConfig(indexing_threshold=1)
    made = engine.EdgeShard.create(
        str(folder), engine.EdgeConfig(vectors={"dense": params}, optimizers=optimizers, wal_enabled=False)
    )
    for i in range(0, len(vectors), PAGE):
        rows = vectors[i : i + PAGE, : kind.columns].tolist()
        points = [engine.Point(i + j, {"dense": row}, {}) for j, row in enumerate(rows)]
        made.update(engine.UpdateOperation.upsert_points(points))
    made.optimize()
    made.flush()
    return made


def found(made: engine.EdgeShard, kind: Kind, queries: Vectors) -> tuple[list[list[int]], float]:
    """The ids of the K best of each query, and milliseconds a query."""
    params = engine.SearchParams(
        exact=False,
        quantization=engine.QuantizationSearchParams(
            ignore=False, rescore=kind.rescore, oversampling=OVERSAMPLING if kind.rescore else None
        ),
    )
    started, result = time.process_time(), []
    for row in queries[:, : kind.columns].tolist():
        answer = made.query(engine.QueryRequest(K, query=engine.Query.Nearest(row, using="dense"), params=params))
        result.append([int(point.id) if not isinstance(point.id, (str, UUID)) else -1 for point in answer])
    return result, 1000 * (time.process_time() - started) / len(queries)


def ndcg(places: Sequence[Sequence[int]], wanted: Sequence[Sequence[int]]) -> float:
    """Of the best placed gold chunk of each question."""
    gains = []
    for row, gold in zip(places, wanted, strict=True):
        rank = next((i for i, one in enumerate(row) if one in gold), None)
        gains.append(0.0 if rank is None else 1 / np.log2(rank + 2))
    return float(np.mean(gains))


def tokens(at: World) -> None:
    """Print the table of token vectors."""
    batch, wanted = cut(at.documents, "64", "title"), golds(at, cut(at.documents, "64", "none"))
    chunks = [chunk for item in batch for chunk in item.chunks]
    ids = [str(UUID(int=i)) for i in range(len(chunks))]
    asked = [i for i, gold in enumerate(wanted) if gold]
    model = OnnxEmbedder(tokens=True)
    vectors, queries = model.embed_chunks(batch), model.embed_queries([at.questions[i]["question"] for i in asked])
    assert vectors.tokens is not None and queries.tokens is not None
    print(f"{len(chunks):,} chunks, {len(asked):,} questions\n")
    print("| token vectors | recall@10 of all | nDCG@10 | bytes a chunk | CPU ms a query | CPU ms a chunk to join |")
    print("|---|---|---|---|---|---|", flush=True)
    exact: list[list[int]] = []
    for factor in POOL_FACTORS:
        started = time.process_time()
        rows = [merge_tokens(one, factor) if factor > 1 else one for one in vectors.tokens]
        spent = 1000 * (time.process_time() - started) / len(rows)
        with tempfile.TemporaryDirectory() as folder:
            store = EdgeStore(path=folder, dim=model.dim, sparse=False, tokens=True)
            store.write([replace(c, id=id) for c, id in zip(chunks, ids, strict=True)], replace(vectors, tokens=rows))
            store.flush()
            started = time.process_time()
            hits = store.search([Query("", tokens=one) for one in queries.tokens], k=K, using="tokens")
            took = 1000 * (time.process_time() - started) / len(asked)
        best = [[UUID(hit.chunk.id).int for hit in own] for own in hits]
        exact = exact or best
        kept = np.mean([len({*a} & {*b}) / K for a, b in zip(best, exact, strict=True)])
        gold, read = ndcg(best, [wanted[i] for i in asked]), 4 * model.dim * np.mean([len(one) for one in rows])
        name = "all" if factor == 1 else f"one of {factor}"
        print(f"| {name} | {kept:.3f} | {gold:.3f} | {read:,.0f} | {took:.1f} | {spent:.1f} |", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--set", default="squad", help="a folder of --data")
    parser.add_argument("--questions", type=int, default=1000)
    parser.add_argument("--copies", type=int, default=4, help="of every chunk, for time and bytes")
    parser.add_argument("--tokens", action="store_true", help="measure token vectors")
    given = parser.parse_args()
    at = world(given.data / given.set, articles=4 if given.tokens else None, most=given.questions)
    if given.tokens:
        return tokens(at)
    embedder = OnnxEmbedder()
    vectors, _ = embedded(embedder, cut(at.documents, "64", "title"))
    wanted = golds(at, cut(at.documents, "64", "none"))
    asked = [i for i, gold in enumerate(wanted) if gold]
    queries = embedder.embed_queries([at.questions[i]["question"] for i in asked]).dense
    assert queries is not None
    exact = np.argsort(-(queries @ vectors.T), axis=1, kind="stable")[:, :K]
    rng = np.random.default_rng(0)
    copies = [vectors + rng.normal(0, 0.02, vectors.shape).astype(np.float32) for _ in range(given.copies - 1)]
    many = np.concatenate([vectors, *copies])
    print(f"{len(vectors):,} chunks, {len(asked):,} questions; time and bytes with {len(many):,} chunks\n")
    print("| vectors | recall@10 of exact | nDCG@10 | bytes a chunk read | MB on disk | CPU ms a query |")
    print("|---|---|---|---|---|---|", flush=True)
    main = np.linalg.svd(vectors - vectors.mean(0), full_matrices=False)[
        2
    ].T  # columns: directions, the main ones first
    for name, kind in KINDS.items():
        if kind.main:
            vectors, queries, many = vectors @ main, queries @ main, many @ main
        with tempfile.TemporaryDirectory() as folder:
            small = shard(Path(folder) / "small", kind, vectors)
            best, _ = found(small, kind, queries)
            small.close()
            large = shard(Path(folder) / "large", kind, many)
            _, spent = found(large, kind, queries[:200])
            large.close()
            disk = sum(p.stat().st_blocks * 512 for p in (Path(folder) / "large").rglob("*") if p.is_file())
        kept = np.mean([len({*a} & {*b}) / K for a, b in zip(best, exact.tolist(), strict=True)])
        read = kind.columns * kind.bits / 8
        gold = ndcg(best, [wanted[i] for i in asked])
        print(f"| {name} | {kept:.3f} | {gold:.3f} | {read:,.0f} | {disk / 1e6:.0f} | {spent:.2f} |", flush=True)


if __name__ == "__main__":
    main()
