"""A masked language model's weights of its vocabulary, in torch: of each text the largest log(1 + relu(logit)).

Source: SPLADE v2 (arXiv 2109.10086), equation 2.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoModelForMaskedLM

from rag.models.encoder import TextEncoder
from rag.models.pooling import Hidden, Mask
from rag.models.spec import ModelSpec
from rag.models.torch_backend import best_device, load_network, load_tokenizer, place


def text_encoder(spec: ModelSpec, device: str | None, *, batch_tokens: int) -> TextEncoder:
    """The model, whose `forward` gives of each text one row: (b, 1, vocabulary). Raises ModelError, ConfigError."""
    label = str(spec.folder)
    model = load_network(AutoModelForMaskedLM, spec.folder, label=label, dtype=torch.float32)
    place(model, device or best_device(), key="sparse.device")

    def forward(ids: NDArray[np.int64], mask: Mask) -> Hidden:
        with torch.inference_mode():
            real = torch.from_numpy(mask).to(model.device)
            logits: Any = model(
                input_ids=torch.from_numpy(ids).to(model.device), attention_mask=real.to(torch.int64)
            ).logits
            weights = torch.log1p(torch.relu(logits)).masked_fill(~real[:, :, None], 0).amax(1, keepdim=True)
            rows: Hidden = weights.cpu().numpy()
        return rows

    return TextEncoder(spec, load_tokenizer(spec.folder, label=label), forward, batch_tokens)
