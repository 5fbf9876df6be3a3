"""Answers from a causal language model on this machine, run by torch and transformers (`rag.models.torch_generator`).

The prompt goes through the model's chat template. Decoding is greedy: the same passages give the same answer. It stops
at the model's own stop tokens, at `max_tokens` or at the end of its window. What it does not do: sampling, batching,
computing with quantized numbers: a GGUF file takes the memory of its float weights.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from rag.errors import extra
from rag.llm.prompts import build, meter_reply
from rag.stages import component
from rag.types import Hit

if TYPE_CHECKING:
    from rag.models.torch_generator import CausalModel


@component
class TransformersGenerator:
    """Runs a chat model on this machine."""

    model: Annotated[str, Field(description="A folder, a .gguf file, or a name in the local Hugging Face cache.")]
    device: Annotated[str, Field(description='A torch device, or "auto": the GPU if there is one.')] = "auto"
    dtype: Annotated[str, Field(description='A torch type such as "bfloat16", or "auto": that of the files.')] = "auto"
    max_tokens: Annotated[int, Field(ge=1, description="Most tokens of an answer.")] = 512
    context: Annotated[int, Field(ge=1, description="Most tokens of prompt and answer, within the window.")] = 8192

    def stream(self, question: str, hits: Sequence[Hit]) -> Generator[str, None, Mapping[str, int]]:
        """The model's answer as it comes; nothing where it abstains. Raises ModelError, GeneratorError, ConfigError."""
        count = self._network.count
        budget = min(self.context, self._network.window) - self.max_tokens
        prompt = build(question, hits, budget=budget, count=count)
        return (yield from meter_reply(prompt, self.reply(prompt.messages), count))

    def reply(self, messages: Sequence[Mapping[str, str]]) -> Iterator[str]:
        """What the model says to these messages; a piece ends where its bytes are whole characters."""
        return self._network.reply(messages, max_tokens=self.max_tokens)

    @cached_property
    def _network(self) -> CausalModel:
        with extra("models", "generate: transformers"):
            from rag.models.torch_generator import causal_model

        return causal_model(self.model, device=self.device, dtype=self.dtype, window=self.context)
