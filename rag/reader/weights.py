"""The file of a reader: its network in one byte a weight, its tokenizer, its heads, its calibration.

Tensors named `body.*` are the network's (`rag.models.packing`), `heads.*` the heads' own, `judges.N.*` those of
answerability. Metadata are the `kind` of file, the network's `config` and the text of its `tokenizer`, the fingerprint
of the `embedder` whose token vectors answerability compares, the `source` of it all, and the calibration (`choice`).
The file is mapped, not copied. `rag train reader` writes it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from rag.errors import ModelError
from rag.models import deltas, tensors
from rag.models.deltas import DeltaFile
from rag.models.packing import pack, unpack
from rag.models.tensors import Numbers
from rag.types import Vectors

KIND = "raghop reader 2"
BODY, HEADS, ANSWERABILITY = "body.", "heads.", "judges."
_FACTS = {"config", "tokenizer", "embedder", "source"}


@dataclass(frozen=True, eq=False)
class ReaderWeights(DeltaFile):
    """A file as it is stored; a part of it is unpacked when it is asked for."""

    @property
    def body(self) -> dict[str, Numbers]:
        """The network's tensors, packed, by its own names."""
        return {name.removeprefix(BODY): tensor for name, tensor in self.tensors.items() if name.startswith(BODY)}

    @property
    def network(self) -> dict[str, Vectors]:
        """The same as floats."""
        return unpack(self.body)

    @property
    def config(self) -> dict[str, Any]:
        """What config.json said."""
        config: dict[str, Any] = json.loads(self.facts["config"])
        return config

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """It neither pads nor truncates."""
        return plain_tokenizer(self.facts["tokenizer"])

    @property
    def heads(self) -> dict[str, Vectors]:
        """By their own names."""
        return self.under(HEADS)

    @property
    def answerability(self) -> list[dict[str, Vectors]]:
        """The networks of answerability, each by its own names."""
        networks: dict[str, dict[str, Vectors]] = {}
        for name, tensor in sorted(self.under(ANSWERABILITY).items()):
            number, own = name.split(".", 1)
            networks.setdefault(number, {})[own] = tensor
        return [*networks.values()]


def load(path: Path) -> ReaderWeights:
    """Read the file. Raises ModelError naming what is wrong with it."""
    stored, facts = tensors.read(path, "train one with `rag train reader`")
    if facts.get("kind") != KIND or not facts.keys() >= _FACTS:
        raise ModelError(f"{path}: not the weights of a reader of this version; train some with `rag train reader`.")
    return ReaderWeights(stored, facts)


def write(
    path: Path,
    network: Mapping[str, Vectors],
    heads: Mapping[str, Vectors],
    facts: Mapping[str, str],
    *,
    answerability: Mapping[str, Vectors] | None = None,
) -> None:
    """Write the file of a float network whose tensors are named as in transformers' BertModel."""
    stored = {f"{BODY}{name}": tensor for name, tensor in pack(network).items()}
    own = {f"{HEADS}{name}": tensor for name, tensor in heads.items()}
    own |= {f"{ANSWERABILITY}{name}": tensor for name, tensor in (answerability or {}).items()}
    stored |= {name: np.asarray(tensor, np.float32) for name, tensor in own.items()}
    deltas.write(path, stored, {"kind": KIND, **facts})


def plain_tokenizer(text: str) -> Tokenizer:
    """The tokenizer in the text of a tokenizer.json, without padding and truncation."""
    tokenizer = Tokenizer.from_str(text)
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def special_ids(tokenizer: Tokenizer) -> tuple[int, int]:
    """The ids of the tokens that open an input and end a part. Raises ModelError for a tokenizer without them."""
    cls, sep = tokenizer.token_to_id("[CLS]"), tokenizer.token_to_id("[SEP]")
    if cls is None or sep is None:
        raise ModelError("the reader's tokenizer has no [CLS] or [SEP].")
    return cls, sep
