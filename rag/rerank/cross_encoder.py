"""Cross-encoders: a sequence classification model reads question and passage together and gives one score.

Loads BERT-like rerankers with one output (MiniLM cross-encoders, BGE-reranker) or two (monoBERT: not relevant,
relevant). Too long a passage loses its end; the question is kept whole up to half of the window. Hits of later hops
keep their places. What it does not do: rerankers that are causal language models (see `qwen3`).
Source: passage reranking with BERT (arXiv 1901.04085).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Annotated, Any

import torch
from pydantic import Field
from transformers import AutoModelForSequenceClassification

from rag.errors import ModelError
from rag.models.torch_reranker import cut, load, scores
from rag.rerank.order import direct, reordered
from rag.stages import component
from rag.types import Hit


@component
class CrossEncoder:
    """`model` is a folder or a cached hub name; the direct hits among the first `top` are scored.

    `max_tokens` bounds question and passage together; `batch_tokens` is what runs at once, padding included.
    """

    model: str
    device: str = "auto"
    top: Annotated[int, Field(ge=1)] = 30
    max_tokens: Annotated[int, Field(ge=16)] = 512
    batch_tokens: Annotated[int, Field(ge=1)] = 8192

    def rerank(self, questions: Sequence[str], hits: Sequence[Sequence[Hit]]) -> list[list[Hit]]:
        """The same hits, scored 1 / place. Raises ModelError and ConfigError."""
        moved = [direct(found, self.top) for found in hits]
        pairs = [
            (question, found[i].chunk.contextual)
            for question, found, own in zip(questions, hits, moved, strict=True)
            for i in own
        ]
        flat = iter(self.scores(pairs))
        return [reordered(found, own, [next(flat) for _ in own]) for found, own in zip(hits, moved, strict=True)]

    def scores(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        """A logit for each (question, passage); higher is more relevant."""
        if not pairs:
            return []
        tokenizer, network = self._loaded
        kept = {question: cut(tokenizer, question, self._window // 2) for question, _ in pairs}
        rows = [
            tokenizer(kept[question], passage, truncation="only_second", max_length=self._window)
            for question, passage in pairs
        ]

        def forward(given: dict[str, torch.Tensor]) -> torch.Tensor:
            logits: torch.Tensor = network(**given).logits
            return logits[:, 0] if logits.shape[1] == 1 else logits[:, 1] - logits[:, 0]

        pad = tokenizer.pad_token_id or 0
        return scores(rows, forward, pad=pad, budget=self.batch_tokens, device=network.device)

    @cached_property
    def _loaded(self) -> tuple[Any, Any]:
        tokenizer, network = load(AutoModelForSequenceClassification, self.model, self.device)
        if network.config.num_labels > 2:
            raise ModelError(
                f"rerank.model: {self.model!r} has {network.config.num_labels} outputs; a reranker has one or two."
            )
        return tokenizer, network

    @cached_property
    def _window(self) -> int:
        tokenizer, network = self._loaded
        most = getattr(network.config, "max_position_embeddings", None) or self.max_tokens
        if "roberta" in network.config.model_type:  # whose positions start behind the padding's
            most -= network.config.pad_token_id + 1
        return min(self.max_tokens, int(most), int(tokenizer.model_max_length))
