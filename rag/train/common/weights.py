"""Writes the file of a hop encoder, which `rag.hop.encoder` reads: the difference to its embedder and the ranking."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from rag.hop.encoder import KIND, RANK
from rag.models import deltas
from rag.types import Vector, Vectors


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
    deltas.write(path, {**deltas.pack(difference), RANK: rank.astype(np.float32)}, metadata)


def error(exact: Mapping[str, Vectors], stored: Mapping[str, Vectors]) -> float:
    """The length of what storing changed, as a share of the length of the difference itself."""
    lost = sum(float(np.sum((exact[name] - stored[name]) ** 2)) for name in exact)
    whole = sum(float(np.sum(tensor**2)) for tensor in exact.values())
    return float(np.sqrt(lost / whole)) if whole else 0.0
