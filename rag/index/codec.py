"""What stands in the manifest's rows: vectors as bytes and back, and the checksum every row carries. Pure."""

import json
from collections.abc import Sequence
from typing import Any
from zlib import crc32

import numpy as np

from rag.types import Chunk, Embeddings, Sparse, Vector, Vectors

Cell = str | int | bytes | None
MALFORMED = (ValueError, TypeError, KeyError, AttributeError, RecursionError)  # what JSON that we did not write raises


def pack(vector: Vector) -> bytes:
    """A vector as little-endian float32."""
    return vector.astype("<f4").tobytes()


def pack_rows(rows: Vectors) -> bytes:
    """Count, rows."""
    return len(rows).to_bytes(8, "little") + pack(rows)


def pack_sparse(sparse: Sparse) -> bytes:
    """Count, indices, values."""
    return len(sparse.indices).to_bytes(8, "little") + sparse.indices.astype("<i8").tobytes() + pack(sparse.values)


def unpack_sparse(blob: bytes) -> Sparse:
    """What `pack_sparse` packed."""
    n = int.from_bytes(blob[:8], "little")
    indices = np.frombuffer(blob, "<i8", count=n, offset=8)
    return Sparse(indices, np.frombuffer(blob, "<f4", count=n, offset=8 + 8 * n))


def unpack_rows(blob: bytes) -> Vectors:
    """What `pack_rows` packed."""
    return np.frombuffer(blob, "<f4", offset=8).reshape(int.from_bytes(blob[:8], "little"), -1)


def pack_embeddings(keys: Sequence[str], embeddings: Embeddings) -> list[tuple[Cell, ...]]:
    """A row of the table `vectors` for each key, its checksum last."""
    rows: list[tuple[Cell, ...]] = []
    for i, key in enumerate(keys):
        dense = None if embeddings.dense is None else pack(embeddings.dense[i])
        sparse = None if embeddings.sparse is None else pack_sparse(embeddings.sparse[i])
        tokens = None if embeddings.tokens is None else pack_rows(embeddings.tokens[i])
        rows.append((key, dense, sparse, tokens, row_checksum(key, dense, sparse, tokens)))
    return rows


def unpack_embeddings(rows: Sequence[tuple[Any, ...]]) -> Embeddings:
    """What `pack_embeddings` packed."""
    _, dense, sparse, tokens, *_ = rows[0] if rows else (None,) * 5
    return Embeddings(
        dense=np.stack([np.frombuffer(row[1], "<f4") for row in rows]) if dense else None,
        sparse=[unpack_sparse(row[2]) for row in rows] if sparse else None,
        tokens=[unpack_rows(row[3]) for row in rows] if tokens else None,
    )


def row_checksum(*cells: Cell) -> int:
    """The checksum of a row's cells, with their types and lengths."""
    data = [cell if isinstance(cell, bytes) else str(cell).encode("utf-8", "surrogatepass") for cell in cells]
    kinds = ",".join([f"{type(cell).__name__}{len(one)}" for cell, one in zip(cells, data, strict=True)])
    return crc32(b"".join([kinds.encode(), *data]))


def chunk_checksum(chunk: Chunk, key: str) -> int:
    """The checksum of a whole chunk as a reader meets it, and of the key of its vectors."""
    plain: list[Any] = [
        chunk.id, chunk.doc_id, chunk.text, chunk.start, chunk.end, chunk.source, chunk.title, chunk.context,
        list(chunk.about), [[s.start, s.end, s.kind, s.label] for s in chunk.sections], dict(chunk.meta), key,
    ]  # fmt: skip
    return crc32(json.dumps(plain, sort_keys=True).encode())
