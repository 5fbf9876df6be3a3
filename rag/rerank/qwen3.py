"""Qwen3-Reranker: a causal language model that is asked whether a passage helps, by its logits of "yes" and "no".

Too long a passage loses its end; the question is kept whole up to half of the window. Hits of later hops keep their
places.
Source: Qwen3 Embedding (arXiv 2506.05176) and the model card of Qwen3-Reranker.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from rag.errors import extra
from rag.rerank.cross_encoder import CrossEncoder
from rag.stages import component

if TYPE_CHECKING:
    from rag.models.torch_cross_encoder import Scores


@component
class Qwen3Reranker(CrossEncoder):
    """Asks a Qwen3-Reranker about the direct hits."""

    instruction: Annotated[str, Field(description="What the model is told to look for.")] = (
        "Given a web search query, retrieve relevant passages that answer the query"
    )
    max_tokens: Annotated[int, Field(ge=256, description="Most tokens of a prompt.")] = 8192

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
