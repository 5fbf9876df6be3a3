"""Answers from a causal language model on this machine, run by torch and transformers (`rag.models.torch_generator`).

The prompt goes through the model's chat template. Decoding is greedy: the same passages give the same answer. It stops
at the model's own stop tokens, at `max_tokens` or at the end of its window. What it does not do: sampling, batching,
quantization.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from rag.errors import extra
from rag.llm.prompts import build, metered
from rag.stages import component
from rag.types import Hit

if TYPE_CHECKING:
    from rag.models.torch_generator import CausalModel


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
        count = self._network.count
        budget = min(self.context, self._network.window) - self.max_tokens
        prompt = build(question, hits, budget=budget, count=count)
        return (yield from metered(prompt, self.reply(prompt.messages), count))

    def reply(self, messages: Sequence[Mapping[str, str]]) -> Iterator[str]:
        """What the model says to these messages; a piece ends where its bytes are whole characters."""
        return self._network.reply(messages, max_tokens=self.max_tokens)

    @cached_property
    def _network(self) -> CausalModel:
        with extra("models", "generate: transformers"):
            from rag.models.torch_generator import causal_model

        return causal_model(self.model, device=self.device, dtype=self.dtype, window=self.context)
