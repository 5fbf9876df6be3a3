"""The file of a hop encoder: how it differs from its embedder, one byte a weight.

A matrix is stored as int8 rows with one float32 scale each (`NAME` and `NAME.scale`), a vector as float32; both are
differences to the embedder's own tensor of that name. `rank` are the weights of the ranking, in the order of
`rag.hop.score.NAMES`. Metadata name the embedder, so that no other one is changed.
`rag.hop.encoder` reads it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from rag.hop.encoder import KIND, RANK
from rag.types import Vector, Vectors


def pack(difference: Mapping[str, Vectors]) -> dict[str, NDArray[np.generic]]:
    """Matrices in one byte a weight: the error is at most 1/254 of the largest difference of a row."""
    packed: dict[str, NDArray[np.generic]] = {}
    for name, tensor in difference.items():
        if tensor.ndim < 2:
            packed[name] = tensor.astype(np.float32)
            continue
        scale = np.maximum(np.abs(tensor).max(axis=1, keepdims=True), np.float32(1e-12)) / np.float32(127)
        packed[name] = np.rint(tensor / scale).astype(np.int8)
        packed[f"{name}.scale"] = scale.astype(np.float32)
    return packed


def write(
    path: Path,
    difference: Mapping[str, Vectors],
    rank: Vector,
    *,
    fingerprint: str,
    limit: int,
    facts: Mapping[str, str],
) -> None:
    """Write the file; `fingerprint` is the embedder's, `limit` the tokens of an input that were read in training."""
    metadata = {**facts, "kind": KIND, "embedder": fingerprint, "max_tokens": str(limit)}
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({**pack(difference), RANK: rank.astype(np.float32)}, path, metadata=metadata)


def error(exact: Mapping[str, Vectors], stored: Mapping[str, Vectors]) -> float:
    """The length of what storing changed, as a share of the length of the difference itself."""
    lost = sum(float(np.sum((exact[name] - stored[name]) ** 2)) for name in exact)
    whole = sum(float(np.sum(tensor**2)) for tensor in exact.values())
    return float(np.sqrt(lost / whole)) if whole else 0.0
