"""Hops by reading on: question and passage are encoded together into the next query, beside the hops along links.

The query side of the embedder is a trained copy (`rag train hop`): from the question alone it gives the vector of where
to start, from `question [SEP] title + passage` that of what is missing after this passage. The index stays as it is. A
hop reads the `seeds` best new passages in one batch; where links lead from anchors, the question's own vectors ask for
what they lead to, so that both kinds of hop grow one tree.

The one list is by `rag.hop.score`: a few parts of each passage and of each path between two, weighted by numbers that
the same training learns; they are in the weights file. No score needs a language model, and each can be computed by
hand.

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
from rag.hop.links import Links
from rag.hop.rank import placed
from rag.hop.score import NAMES, Parts, parts, places, scores, vectors
from rag.stages import Embedder, Tunable, component
from rag.types import Hit, Query, Vector, Vectors

SHIPPED = Path(__file__).parent / "weights" / "minilm-hop.safetensors"
KIND = "raghop hop encoder 2"
SEPARATOR = " [SEP] "
RANK = "rank"  # the tensor with the weights of the ranking
REMEMBERED = 64  # readings kept, so that ranking does not read again what hopping read


@dataclass(frozen=True, slots=True)
class Weights:
    """A weights file: `difference` to the embedder's tensors by name, `rank` (7,) of `rag.hop.score`, and metadata."""

    difference: Mapping[str, Vectors]
    rank: Vector
    facts: Mapping[str, str]


@component
class Encoder:
    """`weights` is a file of `rag train hop`, "" the one shipped for the bundled model."""

    embedder: Embedder
    weights: str = ""
    hops: Annotated[int, Field(ge=1)] = 1
    seeds: Annotated[int, Field(ge=1)] = 5

    def hop(self, queries: Sequence[Query], hits: Sequence[Sequence[Hit]]) -> list[Query]:
        """A query for each of the best new passages, by its reading, and one for each anchor, by its links.

        Raises ConfigError where hits carry no vectors, MismatchError for another embedder's weights.
        """
        fresh = [hit for found in hits for hit in found]
        if not fresh or queries[0].hop >= self.hops:
            return []
        question = queries[0].text
        trails = {hit.chunk.id: query.trail for query, found in zip(queries, hits, strict=True) for hit in found}
        read = self._seeds(question, fresh)
        spawned = [
            Query(question, dense=vector, hop=queries[0].hop + 1, trail=(*trails[hit.chunk.id], hit.chunk.id))
            for hit, vector in zip(read, self._read(question, read), strict=True)
        ]
        return [*self._links.hop(queries, hits), *spawned]

    def rank(self, question: Query, hits: Sequence[Hit], *, k: int) -> list[Hit]:
        """The k best by `rag.hop.score`, ties by id; a score is 1 / place."""
        if not hits:
            return []
        scored = scores(self.parts(question.text, hits), self._file.rank)
        order = sorted(range(len(hits)), key=lambda i: (-float(scored[i]), hits[i].chunk.id))
        return placed([hits[i] for i in order], k=k)

    def parts(self, question: str, hits: Sequence[Hit]) -> Parts:
        """What the ranking sums up, of at least one hit of a tree."""
        layers = [[hit for hit in hits if hit.hop == hop] for hop in range(self.hops)]
        read = [seed for layer in layers for seed in self._seeds(question, layer)]
        return parts(question, hits, [hit.chunk.id for hit in read], self._read(question, read))

    @property
    def _links(self) -> Links:
        return Links(hops=self.hops, seeds=self.seeds)

    def _start(self, question: str) -> Vector:
        start: Vector = self._reader((question,))[0]
        return start

    def _read(self, question: str, hits: Sequence[Hit]) -> Vectors:
        """The next query's vector after each hit, (n, d)."""
        return self._reader(tuple(f"{question}{SEPARATOR}{hit.chunk.contextual}" for hit in hits))

    def _seeds(self, question: str, hits: Sequence[Hit]) -> list[Hit]:
        """The best of one layer, by cosine with the reading of the question and, among direct hits, by place."""
        if not hits:
            return []
        close = vectors(hits) @ self._start(question) + places(hits)
        order = sorted(range(len(hits)), key=lambda i: (-float(close[i]), hits[i].chunk.id))
        return [hits[i] for i in order[: self.seeds]]

    @cached_property
    def _file(self) -> Weights:
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


def load(path: Path) -> Weights:
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
    return Weights(difference, rank, metadata)
