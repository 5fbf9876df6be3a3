"""A transformers model in torch, as token ids and mask in, token vectors out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from tokenizers import Tokenizer
from transformers import AutoConfig, AutoModel, AutoModelForTextEncoding, AutoTokenizer
from transformers.utils import logging

from rag.errors import ConfigError, ModelError
from rag.models.encoder import Forward, TextEncoder
from rag.models.pooling import Hidden, Mask
from rag.models.spec import ModelSpec
from rag.models.torch_variant import apply_variant, stretch_rotary


def text_encoder(
    spec: ModelSpec,
    *,
    device: str | None,
    dtype: str,
    batch_tokens: int,
    difference: Mapping[str, NDArray[np.float32]] | None = None,
) -> TextEncoder:
    """The model, loaded, with `difference` added to the tensors it names.

    Raises ModelError, or ConfigError for a device that is not there or an option the architecture has nothing for.
    """
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    local: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    # an encoder-decoder's own class would want decoder inputs
    auto: Any = AutoModelForTextEncoding if spec.config.get("is_encoder_decoder") else AutoModel
    try:
        tokenizer = AutoTokenizer.from_pretrained(spec.folder, **local)
        rules: str = tokenizer.backend_tokenizer.to_str()
        config = AutoConfig.from_pretrained(spec.folder, **local)
        stretch_rotary(config, spec)
        model, report = auto.from_pretrained(
            spec.folder,
            config=config,
            use_safetensors=True,
            dtype=getattr(torch, dtype),
            output_loading_info=True,
            **local,
        )
    except (OSError, ValueError, KeyError, ImportError, AttributeError, RuntimeError, SafetensorError) as error:
        raise ModelError(f"{spec.folder}: transformers cannot load this model: {error}") from error
    # transformers would go on with random numbers; a pooler's have no part here
    if missing := sorted(key for key in report["missing_keys"] if not key.startswith("pooler.")):
        raise ModelError(f"{spec.folder}: its weights lack {missing[0]}; fetch the model again.")
    _add(model, difference or {}, spec)
    apply_variant(model, spec)
    try:
        model.to(device or best_device()).eval()
    except (RuntimeError, AssertionError) as error:
        raise ConfigError(f"embed.device: {device!r} cannot be used: {error}") from error
    return TextEncoder(
        spec=spec,
        tokenizer=lambda: Tokenizer.from_str(rules),
        forward=_forward(model),
        batch_tokens=batch_tokens,
    )


def _add(model: Any, difference: Mapping[str, NDArray[np.float32]], spec: ModelSpec) -> None:
    """Add to the tensors it names. Raises ModelError for one that the model does not have."""
    tensors = model.state_dict()
    for name, added in difference.items():
        if name not in tensors or tensors[name].shape != added.shape:
            raise ModelError(
                f"{spec.folder}: no tensor {name} of the shape {added.shape}; the weights fit another model."
            )
        tensors[name] += torch.from_numpy(added).to(tensors[name].dtype)


def best_device() -> str:
    """The best torch device of this machine."""
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _forward(model: Any) -> Forward:
    def forward(ids: NDArray[np.int64], mask: Mask) -> Hidden:
        with torch.inference_mode():
            output = model(
                input_ids=torch.from_numpy(ids).to(model.device),
                attention_mask=torch.from_numpy(mask).to(model.device, torch.int64),
            )
            hidden: Hidden = output.last_hidden_state.float().cpu().numpy()
        return hidden

    return forward
