"""The file of a reader: how its network differs from the bundled model's, its heads, and its calibration.

Tensors named `heads.*` are the heads' own, `judges.N.*` those of answerability, float32; all others are
differences (`rag.models.deltas`). `rag train reader` writes it.
"""

from dataclasses import dataclass
from pathlib import Path

from rag.models import deltas
from rag.models.deltas import DeltaFile
from rag.types import Vectors

KIND = "raghop reader 1"
HEADS, ANSWERABILITY = "heads.", "judges."


@dataclass(frozen=True, slots=True, eq=False)
class ReaderWeights(DeltaFile):
    """A file, whose tensors are unpacked when they are asked for, since most who open it need a part."""

    @property
    def difference(self) -> dict[str, Vectors]:
        """By the network's tensor names."""
        return self.without(HEADS, ANSWERABILITY)

    @property
    def heads(self) -> dict[str, Vectors]:
        """By their own names."""
        return self.under(HEADS)

    @property
    def answerability(self) -> list[dict[str, Vectors]]:
        """The networks of answerability, each by its own names."""
        networks: dict[str, dict[str, Vectors]] = {}
        for name, tensor in sorted(self.under(ANSWERABILITY).items()):
            number, own = name.split(".", 1)
            networks.setdefault(number, {})[own] = tensor
        return [*networks.values()]


def load(path: Path) -> ReaderWeights:
    """Read the file. Raises ModelError naming what is wrong with it."""
    file = deltas.load(path, kind=KIND, facts={"model"}, what="the weights of a reader", command="rag train reader")
    return ReaderWeights(file.tensors, file.facts)
