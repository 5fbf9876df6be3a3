"""A transformers model in torch, as token ids and mask in, token vectors out."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from tokenizers import Tokenizer
from transformers import AutoModel, AutoModelForTextEncoding, AutoTokenizer
from transformers.utils import logging

from rag.embed.encoder import Forward, TextEncoder
from rag.embed.modelspec import ModelSpec
from rag.embed.pooling import Hidden, Mask
from rag.errors import ConfigError, ModelError


def text_encoder(spec: ModelSpec, *, device: str | None, dtype: str, batch_tokens: int) -> TextEncoder:
    """The model, loaded. Raises ModelError, or ConfigError for a device that is not there."""
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    local: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    # an encoder-decoder's own class would want decoder inputs
    auto: Any = AutoModelForTextEncoding if spec.config.get("is_encoder_decoder") else AutoModel
    try:
        tokenizer = AutoTokenizer.from_pretrained(spec.folder, **local)
        rules: str = tokenizer.backend_tokenizer.to_str()
        model, report = auto.from_pretrained(
            spec.folder, use_safetensors=True, dtype=getattr(torch, dtype), output_loading_info=True, **local
        )
    except (OSError, ValueError, KeyError, ImportError, AttributeError, RuntimeError, SafetensorError) as error:
        raise ModelError(f"{spec.folder}: transformers cannot load this model: {error}") from error
    # transformers would go on with random numbers; a pooler's have no part here
    if missing := sorted(key for key in report["missing_keys"] if not key.startswith("pooler.")):
        raise ModelError(f"{spec.folder}: its weights lack {missing[0]}; fetch the model again.")
    try:
        model.to(device or fastest()).eval()
    except (RuntimeError, AssertionError) as error:
        raise ConfigError(f"embed.device: {device!r} cannot be used: {error}") from error
    return TextEncoder(
        spec=spec,
        tokenizer=lambda: Tokenizer.from_str(rules),
        forward=_forward(model),
        batch_tokens=batch_tokens,
    )


def fastest() -> str:
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
