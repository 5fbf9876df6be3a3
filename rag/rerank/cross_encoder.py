"""Cross-encoders: a model reads question and passage together and gives one score.

`cross_encoder` loads BERT-like rerankers, sequence classification models with one output (MiniLM cross-encoders,
BGE-reranker) or two (monoBERT: not relevant, relevant); `qwen3` a causal language model that is asked whether a passage
helps, by its logits of "yes" and "no". Too long a passage loses its end; the question is kept whole up to half of the
window. Hits of later hops keep their places.

Sources: passage reranking with BERT (arXiv 1901.04085); Qwen3 Embedding (arXiv 2506.05176) and the model card of
Qwen3-Reranker.
"""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Annotated

from pydantic import Field

from rag.errors import extra
from rag.rerank.order import direct_ranks, reorder
from rag.stages import component
from rag.types import Hit

Scores = Callable[[Sequence[tuple[str, str]]], list[float]]  # (question, passage) each -> higher is more relevant


@component
class CrossEncoder:
    """Scores the direct hits with a sequence classification model."""

    model: Annotated[str, Field(description="A folder, or a name in the local Hugging Face cache.")]
    device: Annotated[str, Field(description='A torch device, or "auto": the GPU if there is one.')] = "auto"
    top: Annotated[int, Field(ge=1, description="The direct hits among the first `top` are scored.")] = 30
    max_tokens: Annotated[int, Field(ge=16, description="Most tokens of question and passage together.")] = 512
    batch_tokens: Annotated[int, Field(ge=1, description="Tokens that run at once, padding included.")] = 8192

    def rerank(self, questions: Sequence[str], hits: Sequence[Sequence[Hit]]) -> list[list[Hit]]:
        """The same hits, scored 1 / place. Raises ModelError and ConfigError, MissingExtra without torch."""
        direct = [direct_ranks(found, self.top) for found in hits]
        pairs = [
            (question, found[rank].chunk.contextual)
            for question, found, ranks in zip(questions, hits, direct, strict=True)
            for rank in ranks
        ]
        scores = iter(self.scores(pairs) if pairs else ())  # one call for all questions
        return [reorder(found, ranks, [next(scores) for _ in ranks]) for found, ranks in zip(hits, direct, strict=True)]

    @cached_property
    def scores(self) -> Scores:
        """What gives each (question, passage) a logit; higher is more relevant."""
        with extra("models", "rerank: cross_encoder"):
            from rag.models.torch_cross_encoder import cross_encoder

        return cross_encoder(self.model, device=self.device, max_tokens=self.max_tokens, batch_tokens=self.batch_tokens)


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
