"""Qwen3-Reranker: a causal language model that is asked whether a passage helps, by its logits of "yes" and "no".

Too long a passage loses its end; the question is kept whole up to half of the window. Hits of later hops keep their
places.
Source: Qwen3 Embedding (arXiv 2506.05176) and the model card of Qwen3-Reranker.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from rag.errors import extra
from rag.rerank.order import rerank_pairs
from rag.stages import component
from rag.types import Hit

if TYPE_CHECKING:
    from rag.models.torch_cross_encoder import Scores


@component
class Qwen3Reranker:
    """Asks a Qwen3-Reranker about the direct hits."""

    model: Annotated[str, Field(description="A folder, or a name in the local Hugging Face cache.")]
    instruction: Annotated[str, Field(description="What the model is told to look for.")] = (
        "Given a web search query, retrieve relevant passages that answer the query"
    )
    device: Annotated[str, Field(description='A torch device, or "auto": the GPU if there is one.')] = "auto"
    top: Annotated[int, Field(ge=1, description="The direct hits among the first `top` are scored.")] = 30
    max_tokens: Annotated[int, Field(ge=256, description="Most tokens of a prompt.")] = 8192
    batch_tokens: Annotated[int, Field(ge=1, description="Tokens that run at once, padding included.")] = 8192

    def rerank(self, questions: Sequence[str], hits: Sequence[Sequence[Hit]]) -> list[list[Hit]]:
        """The same hits, scored 1 / place. Raises ModelError and ConfigError, MissingExtra without torch."""
        return rerank_pairs(questions, hits, top=self.top, scores=lambda pairs: self.scores(pairs))

    @cached_property
    def scores(self) -> Scores:
        """What gives each (question, passage) the logit of "yes" less that of "no"."""
        with extra("models", "rerank: qwen3"):
            from rag.models.torch_cross_encoder import qwen3

        return qwen3(
            self.model,
            instruction=self.instruction,
            device=self.device,
            max_tokens=self.max_tokens,
            batch_tokens=self.batch_tokens,
        )
