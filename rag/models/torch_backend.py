"""A transformers model in torch, as token ids and mask in, token vectors out."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoConfig, AutoModel, AutoModelForTextEncoding

from rag.errors import ModelError
from rag.models.encoder import Forward, TextEncoder
from rag.models.pooling import Hidden, Mask
from rag.models.spec import ModelSpec
from rag.models.torch_load import best_device, load, load_network, load_tokenizer, place
from rag.models.torch_variant import apply_variant, stretch_rotary
from rag.types import Difference


def text_encoder(
    spec: ModelSpec, device: str | None, dtype: str, *, batch_tokens: int, difference: Difference | None = None
) -> TextEncoder:
    """The model, loaded, with `difference` added to the tensors it names.

    Raises ModelError, or ConfigError for a device that is not there or an option the architecture has nothing for.
    """
    label = str(spec.folder)
    config = load(AutoConfig, spec.folder, label=label)
    stretch_rotary(config, spec)
    # an encoder-decoder's own class would want decoder inputs
    auto: Any = AutoModelForTextEncoding if spec.config.get("is_encoder_decoder") else AutoModel
    model = load_network(auto, spec.folder, label=label, config=config, dtype=getattr(torch, dtype))
    _add(model, difference or {}, spec)
    apply_variant(model, spec)
    place(model, device or best_device(), key="embed.device")
    return TextEncoder(spec, load_tokenizer(spec.folder, label=label), make_forward(model), batch_tokens)


def _add(model: Any, difference: Difference, spec: ModelSpec) -> None:
    """Add to the tensors it names. Raises ModelError for one that the model does not have."""
    tensors = model.state_dict()
    for name, added in difference.items():
        if name not in tensors or tensors[name].shape != added.shape:
            raise ModelError(f"{spec.folder}: no tensor {name} of shape {added.shape}; the weights fit another model.")
        tensors[name] += torch.from_numpy(added).to(tensors[name].dtype)


def make_forward(model: Any) -> Forward:
    """The network as a function of token ids and their mask."""

    def forward(ids: NDArray[np.int64], mask: Mask) -> Hidden:
        with torch.inference_mode():
            output = model(
                input_ids=torch.from_numpy(ids).to(model.device),
                attention_mask=torch.from_numpy(mask).to(model.device, torch.int64),
            )
            hidden: Hidden = output.last_hidden_state.float().cpu().numpy()
        return hidden

    return forward
