"""The file of a reader: how its network differs from the bundled model's, its heads, and how sure to be when.

Tensors named `heads.*` are the heads' own, `judges.N.*` those of the judge's networks, float32; all others are
differences, int8 rows with a float32 scale each.
`rag train reader` writes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from rag.errors import ModelError
from rag.types import Vectors

KIND = "raghop reader 1"
HEADS, JUDGES = "heads.", "judges."


@dataclass(frozen=True, slots=True, eq=False)
class ReaderWeights:
    """A file as it is stored; what is asked for is made whole then, since most who open it need a part."""

    tensors: Mapping[str, NDArray[np.generic]]
    facts: Mapping[str, str]

    @property
    def difference(self) -> dict[str, Vectors]:
        """By the network's tensor names."""
        return {name: self._whole(name) for name in self._names if not name.startswith((HEADS, JUDGES))}

    @property
    def heads(self) -> dict[str, Vectors]:
        """By their own names."""
        return {name.removeprefix(HEADS): self._whole(name) for name in self._names if name.startswith(HEADS)}

    @property
    def judges(self) -> list[dict[str, Vectors]]:
        """The judge's networks, each by its own names."""
        found: dict[str, dict[str, Vectors]] = {}
        for name in sorted(name for name in self._names if name.startswith(JUDGES)):
            number, own = name.removeprefix(JUDGES).split(".", 1)
            found.setdefault(number, {})[own] = self._whole(name)
        return [*found.values()]

    @property
    def _names(self) -> list[str]:
        return [name for name in self.tensors if not name.endswith(".scale")]

    def _whole(self, name: str) -> Vectors:
        scale = self.tensors.get(f"{name}.scale", np.ones(1, np.float32))
        return self.tensors[name].astype(np.float32) * scale.astype(np.float32)


def load(path: Path) -> ReaderWeights:
    """Read the file. Raises ModelError naming what is wrong with it."""
    try:
        with safe_open(path, framework="numpy") as file:
            facts = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}
    except (OSError, SafetensorError) as error:
        raise ModelError(
            f"{path}: not a readable safetensors file ({error}); train one with `rag train reader`."
        ) from error
    if facts.get("kind") != KIND or "model" not in facts:
        raise ModelError(f"{path}: not the weights of a reader; train some with `rag train reader`.")
    return ReaderWeights(tensors, facts)
