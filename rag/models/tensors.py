"""The tensors of a safetensors file as float arrays that share memory with it.

Mapping the file instead of copying it makes a cold start cheap: pages that are not used, most of the vocabulary's
vectors in a short query, are never read. Format: https://github.com/huggingface/safetensors (8 bytes little-endian
header length, JSON header, data). Of whole numbers only int8 is read; buffers like position ids are left out.
"""

import json
import mmap
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from rag.errors import ModelError

_MAX_HEADER = 100_000_000  # the format's own limit

Floats = NDArray[np.floating[Any]]  # float32 or float16
Numbers = NDArray[np.generic]  # these, or int8

_READ: Mapping[str, Callable[[NDArray[np.uint8]], Numbers]] = {
    "I8": lambda raw: raw.view(np.int8),
    "F32": lambda raw: raw.view("<f4"),
    "F16": lambda raw: raw.view("<f2"),
    "BF16": lambda raw: (raw.view("<u2").astype(np.uint32) << 16).view(np.float32),  # numpy has no such type
}


def mapped(path: Path) -> dict[str, NDArray[np.float32]]:
    """Name -> float32 array; half-precision tensors are converted. Raises ModelError for a damaged file."""
    return {name: tensor.astype(np.float32, copy=False) for name, tensor in stored(path).items()}


def stored(path: Path) -> dict[str, Floats]:
    """Name -> read-only array, float16 where the file has float16. Raises ModelError for a damaged file."""
    tensors, _ = read(path)
    return {name: cast("Floats", tensor) for name, tensor in tensors.items() if tensor.dtype != np.int8}


def read(path: Path, hint: str = "fetch the model again") -> tuple[dict[str, Numbers], dict[str, str]]:
    """Read-only arrays by name, and the metadata. Raises ModelError, with the hint, for a damaged file."""
    try:
        data = np.memmap(path, dtype=np.uint8, mode="r").view(np.ndarray)
        size = int(data[:8].view("<u8")[0])
        if size > min(_MAX_HEADER, len(data) - 8):
            raise ValueError("its header is longer than the file")
        header: dict[str, Any] = json.loads(data[8 : 8 + size].tobytes())
        body = data[8 + size :]
        tensors = {name: _tensor(body, entry) for name, entry in header.items() if entry.get("dtype") in _READ}
        return tensors, header.get("__metadata__", {})
    except (OSError, ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise ModelError(f"{path}: not a readable safetensors file ({error}); {hint}.") from error


def let_go(tensor: NDArray[Any]) -> None:
    """Give back the memory of the file that a tensor is mapped from; what is used of it is mapped again."""
    base: Any = tensor
    while isinstance(base, np.ndarray):
        base = base.base
    if isinstance(base, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        base.madvise(mmap.MADV_DONTNEED)


def _tensor(body: NDArray[np.uint8], entry: Mapping[str, Any]) -> Numbers:
    start, end = entry["data_offsets"]
    if not 0 <= start <= end <= len(body):
        raise ValueError("a tensor lies outside the file")
    return _READ[entry["dtype"]](body[start:end]).reshape(entry["shape"])
