"""A causal language model in torch: chat messages in, pieces of text out, by greedy decoding.

The model comes from a folder or the local Hugging Face cache (safetensors only), or from a GGUF file, whose numbers are
made float again: its own code never, no download.
Control tokens that a message holds are encoded as ordinary text, so that no document can end its turn.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext, redirect_stderr
from dataclasses import dataclass
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from typing import Any

import torch
from jinja2 import TemplateError
from transformers import AutoModelForCausalLM, AutoTokenizer

from rag.errors import ConfigError, GeneratorError, ModelError, extra
from rag.models.torch_backend import load, load_network, place

GGUF = ".gguf"


@dataclass(frozen=True, eq=False)
class CausalModel:
    """A model ready to run; prompt and reply have room for `window` tokens, and a token of `stops` ends the reply."""

    name: str
    tokenizer: Any
    network: Any
    window: int
    stops: frozenset[int]

    def count(self, text: str) -> int:
        """How many tokens a text has."""
        return len(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def reply(self, messages: Sequence[Mapping[str, str]], *, max_tokens: int) -> Iterator[str]:
        """What the model says to these messages; a piece ends where its bytes are whole characters.

        Raises ModelError for a chat template that fails, ConfigError for too long a prompt, GeneratorError.
        """
        ids, cache = self.encode(messages), None
        reply: list[int] = []
        text = ""
        for _ in range(min(max_tokens, self.window - ids.shape[1])):
            try:
                token, cache = step(self.network, ids, cache)
            except RuntimeError as error:  # out of memory among them
                raise GeneratorError(f"{self.name}: {error}") from error
            if token in self.stops:
                break
            reply.append(token)
            ids = torch.tensor([[token]], device=ids.device)
            longer = str(self.tokenizer.decode(reply, skip_special_tokens=True))
            if not longer.endswith("\ufffd"):
                yield longer[len(text) :]
                text = longer

    def encode(self, messages: Sequence[Mapping[str, str]]) -> torch.Tensor:
        """Token ids of the messages in the model's own chat format, (1, tokens)."""
        try:
            encoded = self.tokenizer.apply_chat_template(
                list(messages), add_generation_prompt=True, sanitize_control_tokens=True, return_tensors="pt"
            )
        except (TemplateError, ValueError, NotImplementedError) as error:
            raise ModelError(f"{self.name}: its chat template fails: {error}. Choose a chat model.") from error
        ids: torch.Tensor = encoded["input_ids"].to(self.network.device)
        if ids.shape[1] >= self.window:
            raise ConfigError(f"{self.name}: the prompt fills its window of {self.window} tokens; lower `context`.")
        return ids


def causal_model(name: str, *, device: str, dtype: str, window: int) -> CausalModel:
    """The model, loaded; `window` counts where the model names none of its own. Raises ModelError and ConfigError."""
    if dtype != "auto" and not isinstance(getattr(torch, dtype, None), torch.dtype):
        raise ConfigError(f"generate.dtype: {dtype!r} is no torch type. Use auto, float32 or bfloat16.")
    label = f"generate.model: {name!r}"
    place_of, file = _find_file(name, label)
    with redirect_stderr(StringIO()) if file else nullcontext():  # a bar that nothing else switches off
        weights = load_network(AutoModelForCausalLM, place_of, label=label, dtype=dtype, **file)
        tokenizer = load(AutoTokenizer, place_of, label=label, **file)
    network = place(weights, device, key="generate.device")
    # a model may name one token that ends an answer or several, in either of two places
    ends = [network.generation_config.eos_token_id, tokenizer.eos_token_id]
    stops = frozenset(i for ids in ends for i in (ids if isinstance(ids, list) else [ids]) if i is not None)
    window = int(getattr(network.config, "max_position_embeddings", None) or window)
    return CausalModel(name, tokenizer, network, window, stops)


def _find_file(name: str, label: str) -> tuple[str, dict[str, str]]:
    """What transformers calls a model: a folder or name, and of a GGUF file its folder and, as an option, the file.

    Raises ModelError, MissingExtra.
    """
    path = Path(name).expanduser()
    if path.suffix.lower() != GGUF:
        return name, {}
    if not path.is_file():
        raise ModelError(f"{label}: there is no such file.")
    with extra("models", label):
        for library in ("gguf", "accelerate"):
            if find_spec(library) is None:
                raise ModuleNotFoundError(name=library)
    return str(path.parent), {"gguf_file": path.name}


@torch.inference_mode()
def step(network: Any, ids: torch.Tensor, cache: Any) -> tuple[int, Any]:
    """The next token's id and the cache that holds everything before it."""
    output = network(input_ids=ids, cache=cache, use_cache=True, logits_to_keep=1)
    return int(output.logits[0, -1].argmax()), output.cache
