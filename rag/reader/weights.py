"""The file of a reader: how its network differs from the bundled model's, its heads, and its calibration.

Tensors named `heads.*` are the heads' own, `judges.N.*` those of answerability, float32; all others are
differences (`rag.models.deltas`). `rag train reader` writes it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rag.models import deltas
from rag.models.deltas import DeltaFile
from rag.types import Vectors

KIND = "raghop reader 1"
HEADS, ANSWERABILITY = "heads.", "judges."


@dataclass(frozen=True, slots=True, eq=False)
class ReaderWeights:
    """A file, whose tensors are unpacked when they are asked for, since most who open it need a part."""

    file: DeltaFile

    @property
    def facts(self) -> Mapping[str, str]:
        """The metadata."""
        return self.file.facts

    @property
    def difference(self) -> dict[str, Vectors]:
        """By the network's tensor names."""
        return self.file.without(HEADS, ANSWERABILITY)

    @property
    def heads(self) -> dict[str, Vectors]:
        """By their own names."""
        return self.file.under(HEADS)

    @property
    def answerability(self) -> list[dict[str, Vectors]]:
        """The networks of answerability, each by its own names."""
        networks: dict[str, dict[str, Vectors]] = {}
        for name, tensor in sorted(self.file.under(ANSWERABILITY).items()):
            number, own = name.split(".", 1)
            networks.setdefault(number, {})[own] = tensor
        return [*networks.values()]


def load(path: Path) -> ReaderWeights:
    """Read the file. Raises ModelError naming what is wrong with it."""
    return ReaderWeights(
        deltas.load(path, kind=KIND, facts={"model"}, what="the weights of a reader", command="rag train reader")
    )
