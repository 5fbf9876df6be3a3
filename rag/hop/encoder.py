"""Hops by reading on: question and passage are encoded together into the next query, beside the hops along links.

The query side of the embedder is a trained copy (`rag train hop`): from the question alone it gives the vector of where
to start, from `question [SEP] title + passage` that of what is missing after this passage. The index stays as it is. A
hop reads the `seeds` best new passages in one batch. Tree and ranking are those of `rag.hop.reading`, by numbers that
the same training learns; they are in the weights file.

Related: MDR (arXiv 2009.12756), Baleen (arXiv 2101.00436); here only the query side is trained.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field
from safetensors import SafetensorError, safe_open

from rag.errors import ConfigError, ModelError
from rag.hop.reading import HopTree
from rag.hop.score import NAMES
from rag.stages import Embedder, Tunable, component
from rag.types import Hit, Query, Vector, Vectors

SHIPPED = Path(__file__).parent / "weights" / "minilm-hop.safetensors"
KIND = "raghop hop encoder 2"
SEPARATOR = " [SEP] "
RANK = "rank"  # the tensor with the weights of the ranking
REMEMBERED = 64  # readings kept, so that ranking does not read again what hopping read


@dataclass(frozen=True, slots=True)
class HopWeights:
    """A weights file: `difference` to the embedder's tensors by name, `rank` (7,) of `rag.hop.score`, and metadata."""

    difference: Mapping[str, Vectors]
    rank: Vector
    facts: Mapping[str, str]


@component
class EncoderHopper:
    """`weights` is a file of `rag train hop`, "" the one shipped for the bundled model; `links` are followed, too."""

    embedder: Embedder
    weights: str = ""
    hops: Annotated[int, Field(ge=1)] = 1
    seeds: Annotated[int, Field(ge=1)] = 5
    links: bool = True

    def hop(self, queries: Sequence[Query], hits: Sequence[Sequence[Hit]]) -> list[Query]:
        """A query for each of the best new passages, by its reading, and one for each anchor, by its links.

        Raises ConfigError where hits carry no vectors, MismatchError for another embedder's weights.
        """
        return self.reading.hop(queries, hits)

    def rank(self, question: Query, hits: Sequence[Hit], *, k: int) -> list[Hit]:
        """The k best by `rag.hop.score`, ties by id; a score is 1 / place."""
        return self.reading.rank(question, hits, k=k)

    @cached_property
    def reading(self) -> HopTree:
        """The tree that this encoder grows."""
        return HopTree(self._start, self._after, self._file.rank, self.hops, self.seeds, self.links)

    def _start(self, question: Query) -> Vector:
        start: Vector = self._reader((question.text,))[0]
        return start

    def _after(self, question: Query, hits: Sequence[Hit]) -> Vectors:
        return self._reader(tuple(f"{question.text}{SEPARATOR}{hit.chunk.contextual}" for hit in hits))

    @cached_property
    def _file(self) -> HopWeights:
        return load(Path(self.weights) if self.weights else SHIPPED)

    @cached_property
    def _reader(self) -> Callable[[tuple[str, ...]], Vectors]:
        if not isinstance(self.embedder, Tunable):
            raise ConfigError(
                "hop: encoder needs an embedder whose weights it can read on with: use onnx, or hop: links."
            )
        facts = self._file.facts
        read = self.embedder.tuned(
            self._file.difference, fingerprint=facts["embedder"], max_tokens=int(facts["max_tokens"])
        )
        return lru_cache(REMEMBERED)(lambda texts: read(texts))


def load(path: Path) -> HopWeights:
    """What a file of `rag train hop` holds. Raises ModelError naming what is wrong."""
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}
    except (OSError, SafetensorError) as error:
        raise ModelError(
            f"{path}: not a readable safetensors file ({error}); train one with `rag train hop`."
        ) from error
    if metadata.get("kind") != KIND or not {"embedder", "max_tokens"} <= metadata.keys():
        raise ModelError(f"{path}: not the weights of a hop encoder of this version; train some with `rag train hop`.")
    if RANK not in tensors or tensors[RANK].shape != (len(NAMES),) or not np.isfinite(tensors[RANK]).all():
        raise ModelError(f"{path}: the tensor {RANK!r} should hold {len(NAMES)} finite numbers: {', '.join(NAMES)}.")
    rank = tensors.pop(RANK)
    names = [name for name in tensors if not name.endswith(".scale")]
    one = np.float32(1)
    difference = {name: tensors[name].astype(np.float32) * tensors.get(f"{name}.scale", one) for name in names}
    return HopWeights(difference, rank, metadata)
