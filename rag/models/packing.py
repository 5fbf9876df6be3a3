"""A BERT-like network's tensors in one byte a weight. Pure; `rag.models.packed` runs them.

A dense weight is stored as int8 (in, out) with one float32 scale for each output, the table of the vocabulary's vectors
as int8 rows with one each (`NAME` and `NAME.scale`); biases, layer norms and the small tables as float32.
"""

from collections.abc import Mapping

import numpy as np

from rag.models.onnx_graph import SCALE
from rag.models.spec import TABLE
from rag.models.tensors import Numbers
from rag.types import Vectors


def pack(tensors: Mapping[str, Vectors]) -> dict[str, Numbers]:
    """The tensors of a network, a dense weight (out, in): the error is at most 1/254 of the largest of an output."""
    packed: dict[str, Numbers] = {}
    for name, tensor in tensors.items():
        if not _is_packed(name, tensor):
            packed[name] = tensor.astype(np.float32)
            continue
        scale = np.maximum(np.abs(tensor).max(axis=1, keepdims=True), np.float32(1e-12)) / np.float32(127)
        rows = np.rint(tensor / scale).astype(np.int8)
        packed[name] = rows if name == TABLE else np.ascontiguousarray(rows.T)
        packed[name + SCALE] = (scale if name == TABLE else scale[:, 0]).astype(np.float32)
    return packed


def unpack(packed: Mapping[str, Numbers]) -> dict[str, Vectors]:
    """The tensors again, dense weights (out, in)."""
    tensors: dict[str, Vectors] = {}
    for name in (name for name in packed if not name.endswith(SCALE)):
        tensor = packed[name].astype(np.float32)
        if name + SCALE in packed:
            tensor = tensor * packed[name + SCALE].astype(np.float32)
            tensor = tensor if name == TABLE else np.ascontiguousarray(tensor.T)
        tensors[name] = tensor
    return tensors


def _is_packed(name: str, tensor: Vectors) -> bool:
    return name == TABLE or (tensor.ndim == 2 and not name.startswith("embeddings."))
