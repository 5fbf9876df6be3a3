"""Changes to how a model runs that need no training: fewer layers, other attention, a longer window. Pure.

`layers` runs the first n layers only, for models trained to be cut there: 2D Matryoshka (arXiv 2402.14776), Starbucks
(arXiv 2410.13230). `temperature` divides attention's scores before the softmax: below 1 a token looks at fewer others,
so that long texts grow less alike (TempScale, arXiv 2410.24200). `stretch` makes a model see that many times its
window (LongEmbed, arXiv 2404.12096): learned positions are interpolated, rotary ones get a larger base (NTK-aware).
`attention` says whether a decoder's tokens see those after them, too: "bidirectional" for models trained so
(GTE-Qwen2, KaLM-Embedding-V2 of arXiv 2506.20923, Llama-Embed-Nemotron), which their config may say by
`is_causal: false`; "causal" otherwise; "" as the config says. `first_last` takes the mean of the first and the last
layer's token vectors (WhiteningBERT, arXiv 2104.01767). With `neighbours`, rotary positions are stretched by sharing
those of tokens farther away (SelfExtend, `rag.models.torch_self_extend`).
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.errors import ConfigError
from rag.models.tensors import Floats

_COUNTS = ("num_hidden_layers", "n_layers", "num_layers")
_LAYER = re.compile(r"(?:encoder|transformer)\.layer\.(\d+)\.")
POSITIONS = "embeddings.position_embeddings.weight"

Tensors = Mapping[str, Floats]


@dataclass(frozen=True, slots=True)
class Variant:
    """The changes; the defaults change nothing."""

    layers: int | None = None
    temperature: float = 1.0
    stretch: float = 1.0
    attention: str = ""
    first_last: bool = False
    neighbours: int = 0

    @property
    def facts(self) -> list[list[Any]]:
        """The changes by name, for a fingerprint."""
        named = {"layers": "hidden state"}  # without the final norm, which once was kept
        changed = ((name, value) for name, value in asdict(self).items() if value != getattr(AS_IS, name))
        return [[named.get(name, name), value] for name, value in changed]

    def config(self, config: Mapping[str, Any], model: str) -> dict[str, Any]:
        """config.json with this many layers. Raises ConfigError for more than there are."""
        if self.layers is None:
            return dict(config)
        counts = {key: int(config[key]) for key in _COUNTS if config.get(key)}
        if not counts or self.layers > min(counts.values()):
            count = min(counts.values(), default="an unknown number of")
            raise ConfigError(f"embed.layers: {self.layers} is more than the {count} layers that {model!r} has.")
        return {**config, **dict.fromkeys(counts, self.layers)}

    def tensors(self, tensors: Tensors, first: int) -> dict[str, Floats]:
        """The tensors of a BERT-like model, changed; `first` is the row of the first position."""
        kept = {
            name: tensor
            for name, tensor in tensors.items()
            if self.layers is None or not (layer := _LAYER.match(name)) or int(layer[1]) < self.layers
        }
        if self.stretch > 1 and POSITIONS in kept:
            kept[POSITIONS] = stretch_positions(kept[POSITIONS], self.stretch, first)
        return kept


AS_IS = Variant()


def stretch_positions(table: Floats, factor: float, first: int) -> NDArray[np.float32]:
    """A table of positions (n, hidden) for factor times as many: position p is the old p / factor, between two rows.

    Rows before `first` stand for no position. Beyond the last row there is nothing, so its part repeats it.
    """
    rows = table[first:]
    at = np.minimum(np.arange(int(len(rows) * factor)) / factor, len(rows) - 1)
    low = at.astype(np.int64)
    part = (at - low).astype(np.float32)[:, None]
    between = (1 - part) * rows[low] + part * rows[np.minimum(low + 1, len(rows) - 1)]
    return np.concatenate([table[:first], between])
