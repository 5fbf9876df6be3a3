"""A longer window without training: far tokens share their positions, near ones keep theirs (SelfExtend).

With groups of g tokens and n neighbours, a token at i sees one at j as i - j away where |i - j| < n, and else as
floor(i / g) - floor(j / g) + (n - floor(n / g)) away, towards the other side where j stands after i. The model sees no
distance that it was not trained for: a window of l becomes (l - n) g + n. Source: arXiv 2401.01325, section 3, which is
for decoders; LongEmbed (arXiv 2404.12096) has embedders read so.

A rotary position is a rotation, so that queries and keys, which come rotated to their positions, are turned on by the
difference to those that they share.
"""

import sys
from collections.abc import Callable
from math import ceil
from typing import Any

import torch
from torch import Tensor
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS

from rag.errors import ConfigError


def group_of(window: int, stretch: float, neighbours: int) -> int:
    """Tokens of a group, so that a window is `stretch` times as long. Raises ConfigError for too many neighbours."""
    if neighbours >= window:
        raise ConfigError(f"embed.neighbours: {neighbours} is not less than the model's window of {window} tokens.")
    return ceil((stretch * window - neighbours) / (window - neighbours))


def extend(model: Any, group: int, neighbours: int, *, name: str) -> None:
    """Have a model with rotary positions attend so. Raises ConfigError where transformers offers no way."""
    rotary = getattr(model, "rotary_emb", None)
    turn: Callable[..., tuple[Tensor, Tensor]] | None = getattr(
        sys.modules[type(model).__module__], "apply_rotary_pos_emb", None
    )
    seen: set[int] = set()
    if turn is not None and hasattr(rotary, "inv_freq"):
        own = f"self-extend-{id(model)}"
        AttentionInterface.register(own, _attention(rotary, turn, group, neighbours, seen))
        AttentionMaskInterface.register(own, ALL_MASK_ATTENTION_FUNCTIONS["eager"])
        model.set_attn_implementation(own)
        with torch.inference_mode():  # whether every layer comes by here
            model(input_ids=torch.zeros((1, 1), dtype=torch.int64))
    if len(seen) != model.config.num_hidden_layers:
        raise ConfigError(f"embed.neighbours: transformers offers none for {name!r}; leave it out.")


def _attention(
    rotary: Any, turn: Callable[..., tuple[Tensor, Tensor]], group: int, neighbours: int, seen: set[int]
) -> Callable[..., tuple[Tensor, None]]:
    shift = neighbours - neighbours // group

    def attend(
        module: Any, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, scaling: float, **_: Any
    ) -> tuple[Tensor, None]:
        seen.add(id(module))
        key, value = (one.repeat_interleave(query.shape[1] // one.shape[1], dim=1) for one in (key, value))
        at = torch.arange(key.shape[2], device=key.device)
        shared = at // group

        def moved(vectors: Tensor, to: Tensor) -> Tensor:
            return turn(vectors, vectors, *rotary(vectors, (to - at)[None]))[0]

        apart = at[:, None] - at
        keys = moved(key, shared).transpose(2, 3)
        far = torch.where(apart > 0, moved(query, shared + shift) @ keys, moved(query, shared - shift) @ keys)
        scores = torch.where(apart.abs() < neighbours, query @ key.transpose(2, 3), far) * scaling
        if mask is not None:
            scores = scores + mask
        weights = torch.softmax(scores, dim=-1, dtype=torch.float32).to(query.dtype)
        return (weights @ value).transpose(1, 2).contiguous(), None

    return attend
