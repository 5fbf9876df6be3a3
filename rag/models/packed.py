"""A BERT-like network in onnxruntime from weights of one byte (`rag.models.packing`).

Where the processor is made for it, dense products are those of whole numbers, elsewhere those of the same weights as
floats. The two differ by the rounding of what is multiplied with the weights, a token at a time.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.errors import ModelError
from rag.models.batching import Forward
from rag.models.onnx_graph import SCALE, Products, graph
from rag.models.onnx_session import open_session
from rag.models.pooling import Hidden, Mask
from rag.models.processor import has_fast_int8
from rag.models.spec import TABLE
from rag.models.tensors import Numbers, let_go


def load(
    tensors: Mapping[str, Numbers], config: Mapping[str, Any], *, sep: int, where: Path, int8: bool | None = None
) -> Forward:
    """The network, ready to run; token types are 1 behind the first `sep` of a row.

    `int8` products unless it is False, or None on a processor that gains nothing by them. Raises ModelError for tensors
    that do not fit the configuration.
    """
    products: Products = "int8" if (has_fast_int8() if int8 is None else int8) else "unpacked"
    tensors = dict(tensors)
    try:
        table, scale = tensors.pop(TABLE), tensors.pop(TABLE + SCALE)
        shapes = {name: tensor.shape for name, tensor in tensors.items()}
        model = graph(config, shapes, products=products, kinds=True)
    except (KeyError, ValueError) as error:
        raise ModelError(f"{where}: its network cannot run: {error}") from error
    run = open_session(model, tensors, where=where)
    let_go(table)

    def forward(ids: NDArray[np.int64], mask: Mask) -> Hidden:
        words = table[ids].astype(np.float32) * scale[ids].astype(np.float32, copy=False)
        return run({"words": words, "mask": mask.astype(np.int32), "kinds": token_types(ids, mask, sep)})

    return forward


def token_types(ids: NDArray[np.int64], mask: Mask, sep: int) -> NDArray[np.int64]:
    """0 up to the first `sep` of each row of ids (b, t) and in padding, 1 behind it."""
    parts = ids == sep
    types: NDArray[np.int64] = ((parts.cumsum(axis=1) - parts > 0) & mask).astype(np.int64)
    return types
