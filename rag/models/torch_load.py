"""Loads what transformers knows, for every torch model: safetensors only, a model's own code never, no download."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from tokenizers import Tokenizer
from transformers import AutoTokenizer
from transformers.utils import logging

from rag.errors import ConfigError, ModelError


def load(kind: Any, model: str | Path, *, label: str, **options: Any) -> Any:
    """What `kind.from_pretrained` makes of a folder or a cached hub name. Raises ModelError, `label` first."""
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        return kind.from_pretrained(model, local_files_only=True, trust_remote_code=False, **options)
    except (OSError, ValueError, KeyError, ImportError, AttributeError, RuntimeError, SafetensorError) as error:
        raise ModelError(
            f"{label} cannot be loaded: {str(error).strip()} Name a folder, or a model in the local cache, with "
            "safetensors weights."
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
    rules: str = load(AutoTokenizer, model, label=label).backend_tokenizer.to_str()
    return partial(Tokenizer.from_str, rules)


def best_device() -> str:
    """The fastest torch device of this machine."""
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"
