"""The file of a reader: how its network differs from the bundled model's, its heads, and how sure to be when.

Tensors named `heads.*` are the heads' own, `judges.N.*` those of the judge's networks, float32; all others are
differences, int8 rows with a float32 scale each.
`rag train reader` writes it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open

from rag.errors import ModelError
from rag.types import Vectors

KIND = "raghop reader 1"
HEADS, JUDGES = "heads.", "judges."


@dataclass(frozen=True, slots=True)
class Weights:
    """`difference` by the network's tensor names, `heads` by their own, the judge's networks; `facts` say more."""

    difference: Mapping[str, Vectors]
    heads: Mapping[str, Vectors]
    judges: Sequence[Mapping[str, Vectors]]
    facts: Mapping[str, str]


def load(path: Path) -> Weights:
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
    one = np.float32(1)
    whole = {
        name: tensor.astype(np.float32) * tensors.get(f"{name}.scale", one)
        for name, tensor in tensors.items()
        if not name.endswith(".scale")
    }
    judges: dict[str, dict[str, Vectors]] = {}
    for name in sorted(name for name in whole if name.startswith(JUDGES)):
        number, own = name.removeprefix(JUDGES).split(".", 1)
        judges.setdefault(number, {})[own] = whole[name]
    return Weights(
        {name: tensor for name, tensor in whole.items() if not name.startswith((HEADS, JUDGES))},
        {name.removeprefix(HEADS): tensor for name, tensor in whole.items() if name.startswith(HEADS)},
        tuple(judges.values()),
        facts,
    )
