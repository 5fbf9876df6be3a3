"""The state of a training in one safetensors file: a killed one goes on from its last check with the same result.

The file holds the weights now, the best ones so far and the optimizer's moments. Its metadata hold the numbers as JSON,
and the fingerprint of data and options, so that another training never goes on with it.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from rag.errors import ModelError
from rag.models import deltas

MOMENTS = ("exp_avg", "exp_avg_sq", "step")  # of AdamW


@dataclass(slots=True)
class Progress:
    """Steps done, seconds spent, the running loss, the least loss of a check, and checks since then."""

    step: int = 0
    seconds: float = 0.0
    loss: float = float("nan")
    least: float = float("inf")
    worse: int = 0


@dataclass(slots=True)
class Checkpoint:
    """The parameters and the optimizer of a training, and the file that keeps them.

    `arrays`, by their names, change as it goes on and are put back in place.
    """

    parameters: Mapping[str, Tensor]
    optimizer: torch.optim.Optimizer
    path: Path
    fingerprint: str
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    best: dict[str, Tensor] = field(default_factory=dict)

    def resume(self) -> Progress:
        """The progress in the file, with weights and optimizer put back; none where the file is of no such training."""
        try:
            file = deltas.read(self.path, "it is written anew")
        except ModelError:
            return Progress()
        if file.facts.get("fingerprint") != self.fingerprint:
            return Progress()
        tensors = {name: torch.tensor(array) for name, array in file.tensors.items()}
        with torch.no_grad():
            for name, parameter in self.parameters.items():
                parameter.copy_(tensors[f"now.{name}"])
                self.best[name] = tensors[f"best.{name}"].to(parameter.device)
                moments = {kind: tensors[f"{kind}.{name}"] for kind in MOMENTS}
                self.optimizer.state[parameter] = {
                    kind: value if kind == "step" else value.to(parameter.device) for kind, value in moments.items()
                }
        for name, array in self.arrays.items():
            array[...] = file.tensors[f"array.{name}"]
        return Progress(**json.loads(file.facts["standing"]))

    def save(self, at: Progress, loss: float | None) -> None:
        """Write the file; its best weights are these where the held-out `loss` is the least, or where there is none."""
        better = loss is None or loss < at.least or not self.best
        at.worse = 0 if better else at.worse + 1
        if better:
            at.least = at.least if loss is None else loss
            self.best = {name: parameter.detach().clone() for name, parameter in self.parameters.items()}
        tensors: dict[str, Tensor] = {}
        for name, parameter in self.parameters.items():
            tensors |= {f"now.{name}": parameter.detach(), f"best.{name}": self.best[name]}
            tensors |= {f"{kind}.{name}": self.optimizer.state[parameter][kind] for kind in MOMENTS}
        arrays = {name: tensor.cpu().contiguous().numpy() for name, tensor in tensors.items()}
        arrays |= {f"array.{name}": array for name, array in self.arrays.items()}
        deltas.write(self.path, arrays, {"fingerprint": self.fingerprint, "standing": json.dumps(asdict(at))})


def fingerprint(options: Any, ids: Sequence[Sequence[int]], targets: NDArray[Any]) -> str:
    """sha256 (hex) of a training: its options (a dataclass), its inputs as token ids, and their targets."""
    facts = json.dumps([asdict(options), [list(row) for row in ids], targets.tolist()])
    return hashlib.sha256(facts.encode()).hexdigest()
