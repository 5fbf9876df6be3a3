"""Answers from a causal language model on this machine, run by torch and transformers.

The model comes from a folder or the local Hugging Face cache: safetensors only, its own code never, no download. The
prompt goes through the model's chat template; control tokens that documents hold are encoded as ordinary text, so
that no document can end its turn. Decoding is greedy: the same passages give the same answer. It stops at the model's
own stop tokens, at `max_tokens` or at the end of its window. What it does not do: sampling, batching, quantization.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import torch
from jinja2 import TemplateError
from safetensors import SafetensorError
from transformers import AutoModelForCausalLM, AutoTokenizer

from rag.errors import ConfigError, GeneratorError, ModelError
from rag.llm.prompts import build, metered
from rag.stages import component
from rag.types import Hit


@component
class TransformersGenerator:
    """`model` is a folder or a cached hub name. `device` and `dtype` are torch's names, or "auto".

    `context` tokens at most are used of the model's window, `max_tokens` of them for the answer.
    """

    model: str
    device: str = "auto"
    dtype: str = "auto"
    max_tokens: int = 512
    context: int = 8192

    def stream(self, question: str, hits: Sequence[Hit]) -> Generator[str, None, Mapping[str, int]]:
        """The model's answer as it comes; nothing where it abstains. Raises ModelError, GeneratorError, ConfigError."""
        budget = min(self.context, self._window) - self.max_tokens
        prompt = build(question, hits, budget=budget, count=self._count)
        return (yield from metered(prompt, self.reply(prompt.messages), self._count))

    def reply(self, messages: Sequence[Mapping[str, str]]) -> Iterator[str]:
        """What the model says to these messages; a piece ends where its bytes are whole characters."""
        ids, cache = self._encode(messages), None
        limit = min(self.max_tokens, self._window - ids.shape[1])
        produced: list[int] = []
        said = ""
        for _ in range(limit):
            try:
                token, cache = _step(self._network, ids, cache)
            except RuntimeError as error:  # out of memory among them
                raise GeneratorError(f"{self.model}: {error}") from error
            if token in self._stops:
                break
            produced.append(token)
            ids = torch.tensor([[token]], device=ids.device)
            text = str(self._tokenizer.decode(produced, skip_special_tokens=True))
            if not text.endswith("\ufffd"):
                yield text[len(said) :]
                said = text

    def _encode(self, messages: Sequence[Mapping[str, str]]) -> torch.Tensor:
        """Token ids of the messages in the model's own chat format, (1, tokens)."""
        try:
            encoded = self._tokenizer.apply_chat_template(
                list(messages), add_generation_prompt=True, sanitize_control_tokens=True, return_tensors="pt"
            )
        except (TemplateError, ValueError, NotImplementedError) as error:
            raise ModelError(f"{self.model}: its chat template fails: {error}. Choose a chat model.") from error
        ids: torch.Tensor = encoded["input_ids"].to(self._network.device)
        if ids.shape[1] >= self._window:
            raise ConfigError(f"{self.model}: the prompt fills its window of {self._window} tokens; lower `context`.")
        return ids

    def _count(self, text: str) -> int:
        return len(self._tokenizer(text, add_special_tokens=False)["input_ids"])

    @cached_property
    def _tokenizer(self) -> Any:
        return self._load(AutoTokenizer)

    @cached_property
    def _network(self) -> Any:
        if self.dtype != "auto" and not isinstance(getattr(torch, self.dtype, None), torch.dtype):
            raise ConfigError(f"generate: dtype {self.dtype!r} is no torch type. Use auto, float32 or bfloat16.")
        device = ("cuda" if torch.cuda.is_available() else "cpu") if self.device == "auto" else self.device
        network, report = self._load(
            AutoModelForCausalLM, use_safetensors=True, dtype=self.dtype, output_loading_info=True
        )
        if missing := sorted(report["missing_keys"]):
            raise ModelError(f"{self.model}: weights are missing from its files: {', '.join(missing[:3])}.")
        try:
            return network.to(device).eval()
        except RuntimeError as error:
            raise ConfigError(f"generate: device {device!r} cannot be used: {error}") from error

    def _load(self, kind: Any, **options: Any) -> Any:
        try:
            return kind.from_pretrained(self.model, local_files_only=True, trust_remote_code=False, **options)
        except (OSError, ValueError, KeyError, ImportError, RuntimeError, SafetensorError) as error:
            raise ModelError(
                f"{self.model}: cannot be loaded as a causal language model: {str(error).strip()} "
                "Name a folder, or a model in the local cache, with safetensors weights."
            ) from error

    @cached_property
    def _window(self) -> int:
        return int(getattr(self._network.config, "max_position_embeddings", None) or self.context)

    @cached_property
    def _stops(self) -> frozenset[int]:
        """Ids that end an answer; a model may name one or several, in either of two places."""
        named = [self._network.generation_config.eos_token_id, self._tokenizer.eos_token_id]
        return frozenset(i for ids in named for i in (ids if isinstance(ids, list) else [ids]) if i is not None)


@torch.inference_mode()
def _step(network: Any, ids: torch.Tensor, cache: Any) -> tuple[int, Any]:
    """The next token's id and the cache that holds everything before it."""
    output = network(input_ids=ids, cache=cache, use_cache=True, logits_to_keep=1)
    return int(output.logits[0, -1].argmax()), output.cache
