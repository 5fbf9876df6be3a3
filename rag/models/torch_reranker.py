"""What the rerankers with a transformers model share: loading one, and running rows of tokens in batches.

Rows are sorted by length, so that little of a batch is padding.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from transformers import AutoTokenizer

from rag.models.batching import make_batches
from rag.models.torch_load import load, load_network, place

Row = Mapping[str, Sequence[int]]  # "input_ids", "attention_mask" and what else the tokenizer gives
Forward = Callable[[dict[str, torch.Tensor]], torch.Tensor]  # the same, (b, t) each -> a score of each row (b,)


def load_reranker(kind: Any, model: str, device: str) -> tuple[Any, Any]:
    """The tokenizer and the network of a folder or a cached hub name. Raises ModelError and ConfigError."""
    label = f"rerank.model: {model!r}"
    tokenizer = load(AutoTokenizer, model, label=label)
    network = load_network(kind, model, label=label, dtype=torch.float32)
    return tokenizer, place(network, device, key="rerank.device")


def truncate(tokenizer: Any, text: str, limit: int) -> str:
    """The start of a text, at most `limit` tokens."""
    spans = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)["offset_mapping"]
    return text if len(spans) <= limit else text[: spans[limit - 1][1]]


@torch.inference_mode()
def score_rows(
    rows: Sequence[Row], forward: Forward, *, pad: int, budget: int, device: Any, left: bool = False
) -> list[float]:
    """The score of each row; batches of at most `budget` tokens, padded on the right or the `left`."""
    found = [0.0] * len(rows)
    for batch in make_batches([len(row["input_ids"]) for row in rows], budget):
        width = max(len(rows[i]["input_ids"]) for i in batch)
        inputs = {}
        for name in rows[batch[0]]:
            fill = pad if name == "input_ids" else 0
            inputs[name] = torch.tensor([_fill(rows[i][name], width, fill, left=left) for i in batch], device=device)
        for i, score in zip(batch, forward(inputs).float().tolist(), strict=True):
            found[i] = score
    return found


def _fill(values: Sequence[int], width: int, fill: int, *, left: bool) -> list[int]:
    padding = [fill] * (width - len(values))
    return [*padding, *values] if left else [*values, *padding]
