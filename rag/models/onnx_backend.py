"""A BERT-like model in onnxruntime from model.safetensors, without torch.

The table of the vocabulary's vectors, half of a small model, stays in the file, which is mapped: rows are read as they
are needed. onnxruntime copies the other weights, as float32.

Loading a small model and its tokenizer costs about 0.3 CPU seconds with all imports. Like any mapped file, the weights
may be replaced but not overwritten while in use.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from rag import cache
from rag.errors import ModelError
from rag.models.batching import Forward
from rag.models.encoder import TextEncoder
from rag.models.files import weights
from rag.models.onnx_graph import graph
from rag.models.onnx_session import open_session
from rag.models.packing import pack
from rag.models.pooling import Hidden, Mask
from rag.models.processor import count_cores
from rag.models.spec import TABLE, ModelSpec, first_position
from rag.models.tensors import Floats, Numbers, let_go, stored
from rag.models.variant import Variant
from rag.types import Difference

# networks in use, by weights, configuration, variant and whether their products are int8
_LOADED: WeakValueDictionary[tuple[str, str, Variant, bool], Forward] = WeakValueDictionary()


@dataclass(frozen=True, slots=True)
class TokenizerFile:
    """A tokenizer.json, with its checksum; a call gives a new copy of what it holds."""

    path: Path
    sha256: str

    def __call__(self) -> Tokenizer:
        """A new copy."""
        return Tokenizer.from_file(str(self.path))


def text_encoder(
    spec: ModelSpec, *, batch_tokens: int, difference: Difference | None = None, int8: bool = False
) -> TextEncoder:
    """The model, loaded, with `difference` added to the tensors it names; with `int8`, by products of whole numbers.

    Raises ModelError naming what is missing, or the backend that can run it.
    """
    rules = spec.folder / "tokenizer.json"
    if not rules.is_file():
        raise _other_backend(spec, "it has no tokenizer.json")
    tokenizer = TokenizerFile(rules, cache.sha256(rules))
    return TextEncoder(spec, tokenizer, _forward(spec, difference or {}, int8), batch_tokens, workers=count_cores())


def _forward(spec: ModelSpec, difference: Difference, int8: bool) -> Forward:
    """The network; without a difference the one that is loaded already, if there is one."""
    files = weights(spec.folder)
    if len(files) > 1:
        raise _other_backend(spec, f"its weights are in {len(files)} files")
    key = (cache.sha256(files[0]), json.dumps(dict(spec.config), sort_keys=True), spec.variant, int8)
    if not difference and (loaded := _LOADED.get(key)):
        return loaded
    exact = _tensors(files[0], spec, difference)
    table = exact.pop(TABLE, None)
    tensors: Mapping[str, Numbers] = pack(exact) if int8 else exact
    shapes = {name: tensor.shape for name, tensor in tensors.items()}
    try:
        model = graph(spec.config, shapes, temperature=spec.variant.temperature, products="int8" if int8 else "stored")
    except (KeyError, ValueError) as error:
        raise _other_backend(spec, str(error)) from error
    if table is None:
        raise _other_backend(spec, f"its tensor {TABLE} is missing")
    run = open_session(model, tensors, where=files[0])
    let_go(table)

    def forward(ids: NDArray[np.int64], mask: Mask) -> Hidden:
        return run({"words": table[ids].astype(np.float32), "mask": mask.astype(np.int32)})

    if not difference:
        _LOADED[key] = forward
    return forward


def _tensors(path: Path, spec: ModelSpec, difference: Difference) -> dict[str, Floats]:
    """The encoder's tensors by name, float32 but for TABLE, which is as stored. Raises ModelError."""
    tensors = stored(path)
    # a checkpoint saved with a head has a prefix, mostly "bert.", and the head's tensors, which have no part here
    prefix = next((name.removesuffix(TABLE) for name in tensors if name.endswith(TABLE)), "")
    encoder = tuple(prefix + part for part in ("embeddings.", "encoder.", "transformer."))
    tensors = {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(encoder)}
    for name, change in difference.items():
        if name not in tensors or tensors[name].shape != change.shape:
            raise ModelError(f"{path}: no tensor {name} of shape {change.shape}; the weights fit another model.")
        tensors[name] = tensors[name] + change
    tensors = spec.variant.tensors(tensors, first_position(spec.config))
    return {name: value if name == TABLE else value.astype(np.float32, copy=False) for name, value in tensors.items()}


def _other_backend(spec: ModelSpec, reason: str) -> ModelError:
    return ModelError(
        f"embed.model: {spec.name!r} cannot run in onnxruntime: {reason}. Say `embed: {{use: transformers, "
        f"model: {spec.name}}}`."
    )
