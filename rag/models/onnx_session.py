"""A network in onnxruntime: a graph and the tensors it names, which the session copies when it opens.

A batch runs on one thread and batches run side by side, which took less CPU than threads within an operator. No
operators are fused but by the graph itself: onnxruntime joins a sum with the layer norm behind it, which took 12 layers
of 384 0.04 CPU seconds longer for 1,000 tokens than both apart.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import onnxruntime
from numpy.typing import NDArray

from rag.errors import ModelError
from rag.models.pooling import Hidden
from rag.models.tensors import Numbers

Run = Callable[[Mapping[str, NDArray[Any]]], Hidden]  # inputs by name -> hidden (b, t, hidden)


def open_session(graph: bytes, tensors: Mapping[str, Numbers], *, where: Path) -> Run:
    """The network, ready to run. Raises ModelError, naming `where` it is from, for one that is refused."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.enable_mem_pattern = False  # it would plan anew for every length of batch
    options.log_severity_level = 3
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    values = {name: onnxruntime.OrtValue.ortvalue_from_numpy(tensor) for name, tensor in tensors.items()}
    options.add_external_initializers(list(values), list(values.values()))
    try:
        session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors have no common base but this
        raise ModelError(f"{where}: onnxruntime refuses the model: {error}") from error

    def run(inputs: Mapping[str, NDArray[Any]]) -> Hidden:
        hidden: Hidden = session.run(["hidden"], dict(inputs))[0]
        return hidden

    return run
