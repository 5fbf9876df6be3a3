"""Documents that lie apart from all others: by the distance of their vectors to their nearest neighbours.

A document's vector is the mean of its passages' unit vectors, at length one. Its distance is one minus the mean cosine
to its `NEIGHBOURS` nearest documents: a detector without training that no deep one beat on embedded texts. Copies of a
document are one, so that a forgotten file that lies there five times is odd as well. What it does not do: find what is
odd within a document.

Source: Text-ADBench (arXiv 2507.12295); the mean distance of Angiulli and Pizzuti 2002.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rag.errors import InputError
from rag.index.manifest import Manifest
from rag.types import Vectors

NEIGHBOURS = 5
BLOCK = 1024  # documents compared at once with all


@dataclass(frozen=True, slots=True)
class OddDocument:
    """A document, its mean distance to its nearest ones, and the nearest."""

    source: str
    title: str
    distance: float
    nearest: str


def find_odd(manifest: Manifest, count: int) -> list[OddDocument]:
    """The `count` documents that are farthest from others, farthest first; ties by source.

    Raises InputError for an index without dense vectors, or of too few documents to say so.
    """
    sums: dict[str, NDArray[np.float64]] = {}
    names: dict[str, tuple[str, str]] = {}
    ids = manifest.chunk_ids()
    for start in range(0, len(ids), BLOCK):
        chunks, embeddings = manifest.chunks(ids[start : start + BLOCK])
        if embeddings.dense is None:
            raise InputError("this index has no dense vectors to tell documents apart by; `embed` needs a dense model.")
        for chunk, vector in zip(chunks, embeddings.dense, strict=True):
            sums[chunk.doc_id] = sums.get(chunk.doc_id, np.zeros(len(vector))) + vector
            names[chunk.doc_id] = (chunk.source, chunk.title)
    once = {vector.round(6).tobytes(): id for id, vector in reversed(sums.items())}  # of copies the first
    documents = sorted(once.values())
    if len(documents) <= NEIGHBOURS:
        raise InputError(f"{len(documents)} different documents are too few to say which one is odd.")
    rows = np.array([sums[id] for id in documents], np.float32)
    distances, nearest = neighbour_distances(rows / np.linalg.norm(rows, axis=1, keepdims=True), NEIGHBOURS)
    found = [
        OddDocument(*names[id], float(distance), names[documents[other]][0])
        for id, distance, other in zip(documents, distances, nearest, strict=True)
    ]
    return sorted(found, key=lambda one: (-one.distance, one.source, one.title))[:count]


def neighbour_distances(rows: Vectors, k: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Of each of n unit vectors (n, dim): one minus the mean cosine to its k nearest others; the nearest one's row."""
    distances, nearest = np.empty(len(rows), np.float32), np.empty(len(rows), np.int64)
    for start in range(0, len(rows), BLOCK):
        part = slice(start, start + BLOCK)
        cosines = rows[part] @ rows.T
        cosines[np.arange(len(cosines)), np.arange(start, start + len(cosines))] = -np.inf  # itself
        nearest[part] = cosines.argmax(axis=1)
        distances[part] = 1 - np.partition(cosines, -k, axis=1)[:, -k:].mean(axis=1)
    return distances, nearest
