"""Two encoders in torch: one makes vectors of a sample of the corpus, the other reads every text behind them.

    sample     s_i = W2 gelu(W1 mean(first(text_i)))
    prefix     p = [s_1 .. s_n; W4 relu(W3 1)], the second part being k learned vectors of the width d
    a text     v = W6 relu(W5 m), or v = W6 relu(W5 m) + m    with m = mean(second([p; words]) without p)

The second is that of cde-small-v2, whose means may leave out the instruction, too: all up to the first token of ": ".
Tensors have the names of the published checkpoints. Source: Contextual Document Embeddings (arXiv 2410.02525, section
4.2), and cde/model.py of its authors' repository.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch.nn.functional import gelu, linear, relu
from transformers import AutoConfig, AutoModel

from rag.errors import ModelError
from rag.models.batching import Forward
from rag.models.encoder import TextEncoder
from rag.models.files import locate, weights
from rag.models.pooling import Hidden, Mask, Projection
from rag.models.spec import ModelSpec
from rag.models.torch_backend import load, load_tokenizer, make_forward

Tensors = Mapping[str, torch.Tensor]
FIRST, SECOND = "first_stage_model.", "second_stage_model."


def text_encoder(
    spec: ModelSpec,
    sample: Sequence[str],
    *,
    backbone: str,
    size: int,
    residual: bool,
    instructed: bool,
    device: str,
    batch_tokens: int,
) -> TextEncoder:
    """What reads texts behind `size` vectors of the `sample`, which is gone through again where it is shorter.

    `residual` adds m to v; `instructed` leaves the instruction out of m. Raises ModelError naming the tensor that is
    missing, or the backbone that cannot be loaded.
    """
    tensors = _tensors(spec.folder)
    tokenizer = load_tokenizer(locate(backbone), label=backbone)
    first, second = (
        _backbone(backbone, tensors, prefix).to(device).eval() for prefix in (f"{FIRST}embedder.", f"{SECOND}backbone.")
    )
    whole = TextEncoder(replace(spec, normalise=False), tokenizer, make_forward(first), batch_tokens)
    with torch.inference_mode():
        vectors = _layers(torch.from_numpy(whole.vectors(sample)), tensors, f"{FIRST}mlp", gelu)
        ones = torch.ones(1, spec.hidden)
        learned = _layers(ones, tensors, f"{SECOND}prompt_projection", relu).reshape(-1, spec.hidden)
        prefix = torch.cat([torch.stack(list(islice(cycle(vectors), size))), learned]).to(device)
    projections = [
        Projection(weight.numpy(), bias.numpy(), activation)
        for n, activation in ((0, "ReLU"), (2, "Identity"))
        for weight, bias in [_linear(tensors, f"{SECOND}output_projection.{n}")]
    ]
    behind = _forward_behind(second, prefix)
    colon = tokenizer().encode(": ", add_special_tokens=False).ids[0] if instructed else None
    return TextEncoder(
        spec, tokenizer, behind, batch_tokens, projections=projections, residual=residual, before=len(prefix),
        colon=colon,
    )  # fmt: skip


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
    return linear(activation(linear(x, *_linear(tensors, f"{name}.0"))), *_linear(tensors, f"{name}.2"))


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


def _linear(tensors: Tensors, name: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Weight and bias of a linear map."""
    try:
        return tensors[f"{name}.weight"], tensors[f"{name}.bias"]
    except KeyError as error:
        raise ModelError(f"there is no tensor {error.args[0]}: this is no two-stage model.") from error
