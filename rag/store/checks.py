"""What must hold before any of a batch is written, or a query sent. Pure, vectorised over the batch.

The engines do not check this themselves: Qdrant Edge accepts NaN and infinity, answers a NaN query with nothing, and
writes the good part of a bad batch.
"""

import json
import re
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rag.errors import StoreError
from rag.store.payload import to_payload
from rag.text.values import flatten
from rag.types import Chunk, Embeddings, Query, Sparse, Vectors

_UUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")  # making a UUID takes twenty times as long
Problems = Iterator[tuple[int, str]]  # row, what is wrong with it


def is_id(value: object) -> bool:
    """Whether this is a UUID in its canonical spelling, which is what engines give back."""
    return isinstance(value, str) and _UUID.fullmatch(value) is not None


def check_batch(chunks: Sequence[Chunk], embeddings: Embeddings, *, dim: int, sparse: bool, tokens: int) -> None:
    """Raises StoreError naming the first bad row when chunks and vectors do not fit each other or the store.

    `dim` and `tokens` are the columns of a chunk's and a token's vector, 0 for none.
    """
    expected = {"dense": dim > 0, "sparse": sparse, "tokens": tokens > 0}
    for name, on in expected.items():
        rows = getattr(embeddings, name)
        if on != (rows is not None) and chunks:
            kinds = ", ".join(name for name in expected if expected[name])
            raise StoreError(f"this store holds {kinds}; the batch has {'no' if on else 'also'} {name} vectors")
        if rows is not None and len(rows) != len(chunks):
            raise StoreError(f"{len(chunks)} chunks came with {len(rows)} {name} vectors; nothing was written")
    first = min(_problems(chunks, embeddings, dim, tokens), default=None)
    if first:
        row, what = first
        raise StoreError(f"row {row}, chunk {chunks[row].id} of {chunks[row].source}: {what}; nothing was written")


def check_query(query: Query, *, dim: int, tokens: int = 0) -> None:
    """Raises StoreError for a vector of another shape, or one that is not finite: engines answer those with nothing."""
    for name, vector, shape in (("dense", query.dense, (dim,)), ("tokens", query.tokens, (-1, tokens or dim))):
        if vector is not None and not (vector.ndim == len(shape) and vector.shape[-1] == shape[-1]):
            raise StoreError(f"query {query.text!r}: {name} has the shape {vector.shape}, this store takes {shape}")
        if vector is not None and not np.isfinite(vector).all():
            raise StoreError(f"query {query.text!r}: its {name} vector has a value that is not finite")
    if query.sparse is not None:
        for _, what in _sparse([query.sparse]):
            raise StoreError(f"query {query.text!r}: {what}")


def _problems(chunks: Sequence[Chunk], embeddings: Embeddings, dim: int, width: int) -> Problems:
    for row, chunk in enumerate(chunks):
        yield from ((row, what) for what in _unstorable(chunk))
    if embeddings.dense is not None:
        yield from _dense(embeddings.dense, np.arange(len(chunks)), dim)
    if embeddings.sparse:
        yield from _sparse(embeddings.sparse)
    if embeddings.tokens:
        shapes = [np.shape(rows) for rows in embeddings.tokens]
        bad = [row for row, shape in enumerate(shapes) if len(shape) != 2 or shape[0] == 0 or shape[1] != width]
        if bad:
            yield bad[0], f"its token vectors have the shape {shapes[bad[0]]} instead of (tokens, {width})"
        else:
            yield from _dense(np.concatenate(embeddings.tokens), _owner(embeddings.tokens), width)


def _unstorable(chunk: Chunk) -> Iterator[str]:
    if not is_id(chunk.id):
        yield "its id is not a UUID in lower case"
    flat, problems = flatten(chunk.meta)
    if problems or flat.keys() != chunk.meta.keys():
        what = problems[0].removesuffix(", kept as text") if problems else "it is nested, or has fields without a value"
        yield f"its meta cannot be stored: {what}"
        return
    try:
        json.dumps(to_payload(chunk), ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        yield f"it cannot be written as JSON in UTF-8 ({error})"


def _dense(vectors: Vectors, owner: NDArray[np.intp], dim: int) -> Problems:
    if vectors.shape != (len(owner), dim):
        raise StoreError(f"the vectors have the shape {vectors.shape} instead of ({len(owner)}, {dim})")
    yield from _first(~np.isfinite(vectors).all(axis=1), owner, "a vector has a value that is not finite")
    yield from _first(~vectors.any(axis=1), owner, "a vector is zero")


def _sparse(rows: Sequence[Sparse]) -> Problems:
    for row, one in enumerate(rows):
        if one.indices.ndim != 1 or one.indices.shape != one.values.shape:
            yield row, f"{one.indices.shape} sparse indices came with {one.values.shape} values"
            return
    owner = _owner([one.indices for one in rows])
    indices = np.concatenate([one.indices for one in rows])
    unordered = np.zeros(len(indices), dtype=bool)
    unordered[1:] = (np.diff(indices) <= 0) & (np.diff(owner) == 0)
    yield from _first(unordered, owner, "its sparse indices do not increase")
    yield from _first((indices < 0) | (indices >= 2**32), owner, "a sparse index does not fit into 32 bits")
    values = np.concatenate([one.values for one in rows])
    yield from _first(~np.isfinite(values), owner, "a sparse value is not finite")


def _owner(rows: Sequence[NDArray[np.generic]]) -> NDArray[np.intp]:
    return np.repeat(np.arange(len(rows)), [len(one) for one in rows])


def _first(bad: ArrayLike, owner: NDArray[np.intp], what: str) -> Problems:
    if np.any(bad):
        yield int(owner[np.argmax(bad)]), what
