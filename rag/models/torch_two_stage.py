"""Two encoders in torch: one makes vectors of a sample of the corpus, the other reads every text behind them.

    sample     s_i = W2 gelu(W1 mean(first(text_i)))
    prefix     p = [s_1 .. s_n; W4 relu(W3 1)], the second part being k learned vectors of the width d
    a text     W6 relu(W5 mean(second([p; words]) without p))

Tensors have the names of the published checkpoints. Source: Contextual Document Embeddings (arXiv 2410.02525).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch.nn.functional import gelu, linear, relu
from transformers import AutoConfig, AutoModel, AutoTokenizer

from rag.errors import ModelError
from rag.models.encoder import Forward, TextEncoder
from rag.models.files import locate, weights
from rag.models.pooling import Hidden, Mask, Projection
from rag.models.spec import ModelSpec
from rag.models.torch_load import load

Tensors = Mapping[str, torch.Tensor]
FIRST, SECOND = "first_stage_model.", "second_stage_model."


def text_encoder(
    spec: ModelSpec, sample: Sequence[str], *, backbone: str, size: int, device: str, batch_tokens: int
) -> TextEncoder:
    """What reads texts behind `size` vectors of the `sample`, which is gone through again where it is shorter.

    Raises ModelError naming the tensor that is missing, or the backbone that cannot be loaded.
    """
    tensors = _tensors(spec.folder)
    rules: str = load(AutoTokenizer, locate(backbone), label=backbone).backend_tokenizer.to_str()
    tokenizer = partial(Tokenizer.from_str, rules)
    first, second = (
        _backbone(backbone, tensors, prefix).to(device).eval() for prefix in (f"{FIRST}embedder.", f"{SECOND}backbone.")
    )
    whole = TextEncoder(replace(spec, normalise=False), tokenizer, _forward(first), batch_tokens)
    pooled = whole.embed_documents(sample).dense
    assert pooled is not None
    with torch.inference_mode():
        vectors = _layers(torch.from_numpy(pooled), tensors, f"{FIRST}mlp", gelu)
        ones = torch.ones(1, spec.hidden)
        learned = _layers(ones, tensors, f"{SECOND}prompt_projection", relu).reshape(-1, spec.hidden)
        prefix = torch.cat([torch.stack(list(islice(cycle(vectors), size))), learned]).to(device)
    projections = [
        Projection(_array(tensors, f"{SECOND}output_projection.{n}.weight"), bias, activation)
        for n, activation in ((0, "ReLU"), (2, "Identity"))
        for bias in [_array(tensors, f"{SECOND}output_projection.{n}.bias")]
    ]
    behind = _forward_behind(second, prefix)
    return TextEncoder(spec, tokenizer, behind, batch_tokens, projections=projections, before=len(prefix))


def _forward(model: Any) -> Forward:
    def forward(ids: NDArray[np.int64], mask: Mask) -> Hidden:
        with torch.inference_mode():
            real = torch.from_numpy(mask).to(model.device, torch.int64)
            hidden: Hidden = model(torch.from_numpy(ids).to(model.device), real).last_hidden_state.cpu().numpy()
        return hidden

    return forward


def _forward_behind(model: Any, prefix: torch.Tensor) -> Forward:
    """The token vectors of texts that are read behind `prefix` (n, d)."""

    def forward(ids: NDArray[np.int64], mask: Mask) -> Hidden:
        with torch.inference_mode():
            before = prefix.expand(len(ids), -1, -1)
            words = model.embeddings(torch.from_numpy(ids).to(model.device))
            real = torch.from_numpy(mask).to(model.device, torch.int64)
            seen = torch.cat([real.new_ones(before.shape[:2]), real], dim=1)
            out = model(inputs_embeds=torch.cat([before, words], dim=1), attention_mask=seen).last_hidden_state
            hidden: Hidden = out[:, len(prefix) :].cpu().numpy()
        return hidden

    return forward


def _layers(x: torch.Tensor, tensors: Tensors, name: str, activation: Any) -> torch.Tensor:
    """Two linear maps with an activation between them."""
    for n in (0, 2):
        x = linear(x, _tensor(tensors, f"{name}.{n}.weight"), _tensor(tensors, f"{name}.{n}.bias"))
        x = activation(x) if n == 0 else x
    return x


def _backbone(name: str, tensors: Tensors, prefix: str) -> Any:
    config = load(AutoConfig, locate(name), label=name)
    try:
        model: Any = AutoModel.from_config(config, trust_remote_code=False)  # type: ignore[no-untyped-call]
    except (OSError, ValueError, KeyError, ImportError, AttributeError) as error:
        raise ModelError(f"{name}: transformers has no such model to read texts with: {error}") from error
    own = {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
    try:
        model.load_state_dict(own)
    except RuntimeError as error:
        raise ModelError(f"{prefix}: the tensors do not fit {name!r}: {error}") from error
    return model


def _tensors(folder: Path) -> dict[str, torch.Tensor]:
    try:
        return {key: tensor.float() for path in weights(folder) for key, tensor in load_file(path).items()}
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{folder}: not readable safetensors: {error}") from error


def _tensor(tensors: Tensors, name: str) -> torch.Tensor:
    if name not in tensors:
        raise ModelError(f"there is no tensor {name}: this is no two-stage model.")
    return tensors[name]


def _array(tensors: Tensors, name: str) -> NDArray[np.float32]:
    return _tensor(tensors, name).numpy()
