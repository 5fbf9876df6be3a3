"""Models of transformers in torch: loading them, safetensors only, their own code never, no download; and encoders.

An encoder is token ids and mask in, token vectors out.
"""

import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from struct import error as StructError
from typing import Any

import numpy as np
import torch
from jinja2 import TemplateError
from numpy.typing import NDArray
from safetensors import SafetensorError
from tokenizers import Tokenizer
from transformers import AutoConfig, AutoModel, AutoModelForTextEncoding, AutoTokenizer, TokenizersBackend
from transformers.utils import logging

from rag.errors import ConfigError, ModelError
from rag.models.batching import Forward
from rag.models.encoder import TextEncoder
from rag.models.pooling import Hidden, Mask
from rag.models.spec import ModelSpec
from rag.models.torch_variant import apply_variant, stretch_rotary
from rag.types import Difference

BROKEN = (  # what transformers raises for files that are not what they should be
    OSError, ValueError, LookupError, ImportError, AttributeError, RuntimeError, SafetensorError, StructError
)  # fmt: skip


def load(kind: Any, model: str | Path, *, label: str, **options: Any) -> Any:
    """What `kind.from_pretrained` makes of a folder or a cached hub name. Raises ModelError, `label` first."""
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        return kind.from_pretrained(model, local_files_only=True, trust_remote_code=False, **options)
    except BROKEN as error:
        raise ModelError(
            f"{label} cannot be loaded: {str(error).strip()} Name a folder, or a model in the local cache, with "
            "safetensors weights, or of a language model a .gguf file."
        ) from error


def load_network(kind: Any, model: str | Path, *, label: str, **options: Any) -> Any:
    """A network with all its weights; transformers would go on with random numbers for missing ones."""
    network, report = load(kind, model, label=label, use_safetensors=True, output_loading_info=True, **options)
    if missing := sorted(key for key in report["missing_keys"] if not key.startswith("pooler.")):  # a pooler is not run
        raise ModelError(f"{label}: its weights lack {', '.join(missing[:3])}; use another model, or fetch it again.")
    return network


def place(network: Any, device: str, *, key: str) -> Any:
    """The network on a device, for inference; "auto" is the GPU if there is one. Raises ConfigError naming `key`."""
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        return network.to(device).eval()
    except (RuntimeError, AssertionError) as error:
        raise ConfigError(f"{key}: {device!r} cannot be used: {error}") from error


def load_tokenizer(model: str | Path, *, label: str) -> Callable[[], Tokenizer]:
    """What makes new copies of a model's tokenizer. Raises ModelError."""
    rules: str = _tokenizer(model, label=label).backend_tokenizer.to_str()
    return partial(Tokenizer.from_str, rules)


def _tokenizer(model: str | Path, *, label: str) -> Any:
    """As transformers loads it; by tokenizer.json alone where an architecture's own class makes another kind of it."""
    found = load(AutoTokenizer, model, label=label)
    file = Path(model) / "tokenizer.json"
    if file.is_file() and _kind(found.backend_tokenizer) != _kind(Tokenizer.from_file(str(file))):
        return load(TokenizersBackend, model, label=label)
    return found


def _kind(tokenizer: Tokenizer) -> tuple[Any, ...]:
    rules = json.loads(tokenizer.to_str())["model"]
    return rules["type"], len(rules["vocab"]), len(rules.get("merges") or ())


def chat_tokens(folder: Path, texts: Sequence[str]) -> list[list[int]]:
    """Token ids of each text as a user's message in a model's chat template, with the start of a reply, no thinking.

    Control tokens that a text holds are read as ordinary text. Raises ModelError where there is no template.
    """
    tokenizer = _tokenizer(folder, label=str(folder))
    options = {"add_generation_prompt": True, "enable_thinking": False, "sanitize_control_tokens": True}
    try:
        rows = [tokenizer.apply_chat_template([{"role": "user", "content": text}], **options) for text in texts]
    except (TemplateError, ValueError, NotImplementedError) as error:
        raise ModelError(f"{folder}: its chat template fails: {error}. Use a model that has one.") from error
    return [row["input_ids"] for row in rows]


def best_device() -> str:
    """The fastest torch device of this machine."""
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


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
    forward = make_forward(model, first_last=spec.variant.first_last)
    return TextEncoder(spec, load_tokenizer(spec.folder, label=label), forward, batch_tokens)


def _add(model: Any, difference: Difference, spec: ModelSpec) -> None:
    """Add to the tensors it names. Raises ModelError for one that the model does not have."""
    tensors = model.state_dict()
    for name, added in difference.items():
        if name not in tensors or tensors[name].shape != added.shape:
            raise ModelError(f"{spec.folder}: no tensor {name} of shape {added.shape}; the weights fit another model.")
        tensors[name] += torch.from_numpy(added).to(tensors[name].dtype)


def make_forward(model: Any, *, first_last: bool = False) -> Forward:
    """The network as a function of token ids and their mask: its last layer, or the mean of the first and the last."""

    def forward(ids: NDArray[np.int64], mask: Mask) -> Hidden:
        with torch.inference_mode():
            output = model(
                input_ids=torch.from_numpy(ids).to(model.device),
                attention_mask=torch.from_numpy(mask).to(model.device, torch.int64),
                **({"output_hidden_states": True} if first_last else {}),
            )
            vectors = output.last_hidden_state
            if first_last:
                vectors = (output.hidden_states[1] + vectors) / 2
            hidden: Hidden = vectors.float().cpu().numpy()
        return hidden

    return forward
