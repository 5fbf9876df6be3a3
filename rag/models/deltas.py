"""Files of differences to a model's tensors, one byte a weight; the one place that reads and writes them.

A matrix is stored as int8 rows with one float32 scale each (`NAME` and `NAME.scale`), a vector as float32. Other
tensors, such as heads, may stand beside them. Metadata say what kind of file it is and which model it fits. The hop
encoder, the reader and the document side of an embedder are such files.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from rag.errors import ModelError
from rag.types import Vectors

SCALE = ".scale"


@dataclass(frozen=True, slots=True, eq=False)
class DeltaFile:
    """A file as it is stored: `tensors` and the metadata, `facts`. Most who open one need a part of it."""

    tensors: Mapping[str, NDArray[np.generic]]
    facts: Mapping[str, str]

    @property
    def names(self) -> list[str]:
        """Of every tensor; scales belong to theirs."""
        return [name for name in self.tensors if not name.endswith(SCALE)]

    def tensor(self, name: str) -> Vectors:
        """One tensor, unpacked to float32."""
        scale = self.tensors.get(f"{name}{SCALE}", np.ones(1, np.float32))
        return self.tensors[name].astype(np.float32) * scale.astype(np.float32)

    def without(self, *prefixes: str) -> dict[str, Vectors]:
        """Every tensor by name, but those that begin with one of `prefixes`."""
        return {name: self.tensor(name) for name in self.names if not name.startswith(prefixes)}

    def under(self, prefix: str) -> dict[str, Vectors]:
        """The tensors that begin with `prefix`, by the rest of their name."""
        return {name.removeprefix(prefix): self.tensor(name) for name in self.names if name.startswith(prefix)}


def load(path: Path, *, kind: str, facts: Collection[str], what: str, command: str) -> DeltaFile:
    """The file that `command` wrote, checked for its kind and for metadata named `facts`. Raises ModelError."""
    file = read(path, f"train one with `{command}`")
    if file.facts.get("kind") != kind or not file.facts.keys() >= set(facts):
        raise ModelError(f"{path}: not {what} of this version; train some with `{command}`.")
    return file


def read(path: Path, hint: str) -> DeltaFile:
    """Any safetensors file. Raises ModelError, with the hint, for one that cannot be read."""
    try:
        with safe_open(path, framework="numpy") as file:
            return DeltaFile({name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {})
    except (OSError, SafetensorError, TypeError) as error:  # TypeError: a number format that numpy does not have
        raise ModelError(f"{path}: not a readable safetensors file ({error}); {hint}.") from error


def pack(difference: Mapping[str, Vectors]) -> dict[str, NDArray[np.generic]]:
    """Matrices in one byte a weight: the error is at most 1/254 of the largest difference of a row."""
    tensors: dict[str, NDArray[np.generic]] = {}
    for name, tensor in difference.items():
        if tensor.ndim < 2:
            tensors[name] = tensor.astype(np.float32)
            continue
        scale = np.maximum(np.abs(tensor).max(axis=1, keepdims=True), np.float32(1e-12)) / np.float32(127)
        tensors[name] = np.rint(tensor / scale).astype(np.int8)
        tensors[f"{name}{SCALE}"] = scale.astype(np.float32)
    return tensors


def write(path: Path, tensors: Mapping[str, NDArray[np.generic]], facts: Mapping[str, str]) -> None:
    """Write a safetensors file; the old one stays until the new one is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.new")
    save_file(dict(tensors), draft, metadata=dict(facts))
    draft.replace(path)
