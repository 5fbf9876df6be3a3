"""Qwen3-Reranker: a causal language model that is asked whether a passage helps, by its logits of "yes" and "no".

The prompt is the published one, byte for byte; control tokens that a passage or a question holds are read as ordinary
text, so that no document can answer for the model. Too long a passage loses its end; the question is kept whole up to
half of the window. Hits of later hops keep their places.
Source: Qwen3 Embedding (arXiv 2506.05176) and the model card of Qwen3-Reranker.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Annotated, Any

import torch
from pydantic import Field
from transformers import AutoModelForCausalLM

from rag.errors import ModelError
from rag.models.torch_reranker import cut, load, scores
from rag.rerank.order import direct, reordered
from rag.stages import component
from rag.types import Hit

BEFORE = (
    "<|im_start|>system\nJudge whether the Document meets the requirements based on the Query and the Instruct "
    'provided. Note that the answer can only be "yes" or "no".<|im_end|>\n<|im_start|>user\n'
)
BODY = "<Instruct>: {instruction}\n<Query>: {question}\n<Document>: {passage}"
AFTER = "<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n"


@component
class Qwen3Reranker:
    """`model` is a folder or a cached hub name; the direct hits among the first `top` are scored.

    `max_tokens` bounds a prompt; `batch_tokens` is what runs at once, padding included.
    """

    model: str
    instruction: str = "Given a web search query, retrieve relevant passages that answer the query"
    device: str = "auto"
    top: Annotated[int, Field(ge=1)] = 30
    max_tokens: Annotated[int, Field(ge=256)] = 8192
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
        """The logit of "yes" less that of "no" for each (question, passage)."""
        if not pairs:
            return []
        tokenizer, network = self._loaded
        yes, no = self._words
        before, after = (tokenizer(text, add_special_tokens=False)["input_ids"] for text in (BEFORE, AFTER))
        room = self.max_tokens - len(before) - len(after)
        kept = {question: cut(tokenizer, question, room // 2) for question, _ in pairs}
        rows = []
        for question, passage in pairs:
            body = BODY.format(instruction=self.instruction, question=kept[question], passage=passage)
            own = tokenizer(body, add_special_tokens=False, split_special_tokens=True, verbose=False)["input_ids"]
            ids = [*before, *own[:room], *after]
            rows.append({"input_ids": ids, "attention_mask": [1] * len(ids)})

        def forward(given: dict[str, torch.Tensor]) -> torch.Tensor:
            logits: torch.Tensor = network(**given, use_cache=False, logits_to_keep=1).logits[:, -1]
            return logits[:, yes] - logits[:, no]

        pad = tokenizer.pad_token_id or 0
        return scores(rows, forward, pad=pad, budget=self.batch_tokens, device=network.device, left=True)

    @cached_property
    def _loaded(self) -> tuple[Any, Any]:
        return load(AutoModelForCausalLM, self.model, self.device)

    @cached_property
    def _words(self) -> tuple[int, int]:
        found = [self._loaded[0](word, add_special_tokens=False)["input_ids"] for word in ("yes", "no")]
        if any(len(ids) != 1 or ids[0] == self._loaded[0].unk_token_id for ids in found):
            raise ModelError(f'rerank.model: {self.model!r} has no single token for "yes" or "no".')
        return found[0][0], found[1][0]
