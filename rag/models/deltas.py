"""The file of `rag train embedder`: how a document side differs from its model, int8 rows with a float32 scale each."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open

from rag import cache
from rag.errors import MismatchError, ModelError
from rag.models.files import weights
from rag.types import Vectors

KIND = "raghop embedder 1"


def checksum(folder: Path) -> str:
    """sha256 (hex) of a model folder's weights: what a file of differences fits. Raises ModelError."""
    return " ".join(cache.sha256(path) for path in weights(folder))


def load(path: Path, folder: Path) -> Mapping[str, Vectors]:
    """The difference by tensor name, for the model in `folder`. Raises ModelError, MismatchError for another model."""
    try:
        with safe_open(path, framework="numpy") as file:
            facts = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}
    except (OSError, SafetensorError) as error:
        raise ModelError(
            f"embed.weights: {path} is not a readable safetensors file ({error}); train one with `rag train embedder`."
        ) from error
    if facts.get("kind") != KIND:
        raise ModelError(f"embed.weights: {path} is no file of `rag train embedder` of this version; train one.")
    if facts.get("model") != checksum(folder):
        raise MismatchError(
            f"embed.weights: {path} was trained for another model than {folder}; name that one as `model`, or train "
            "for this one with `rag train embedder`."
        )
    one = np.float32(1)
    return {
        name: tensor.astype(np.float32) * tensors.get(f"{name}.scale", one)
        for name, tensor in tensors.items()
        if not name.endswith(".scale")
    }
