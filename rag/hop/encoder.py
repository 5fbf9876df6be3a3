"""Hops by reading on: question and passage are encoded together into the next query, beside the hops along links.

The query side of the embedder is a trained copy (`rag train hop`): from the question alone it gives the vector of where
to start, from `question [SEP] title + passage` that of what is missing after this passage. The index stays as it is. A
hop reads the `seeds` best new passages in one batch; where links lead from anchors, the question's own vectors ask for
what they lead to, so that both kinds of hop grow one tree.

In the one list a passage has a score of its own, s(c): its cosine with the trained reading of the question, plus what
its place among the direct hits is worth, plus a bit where the question names it. A path (c1, c2) from a passage that
was read has s(c1) + s(c2 | c1), the latter the cosine of c2 with the reading of c1, plus a bit where a link leads from
c1 to c2. What ranks is s(c) + PATH * (the best path that c stands on), so that a path lifts both its ends; the best two
direct hits stand among the first five in any case, since a question that needs no hop has no use for paths. No score
needs a language model, and each can be computed by hand.

Related: MDR (arXiv 2009.12756), Baleen (arXiv 2101.00436); here only the query side is trained.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field
from safetensors import SafetensorError, safe_open

from rag.errors import ConfigError, ModelError
from rag.hop.links import Links
from rag.hop.rank import anchors, leads, placed
from rag.stages import Embedder, Tunable, component
from rag.types import Chunk, Hit, Query, Vector, Vectors

SHIPPED = Path(__file__).parent / "weights" / "minilm-hop.safetensors"
KIND = "raghop hop encoder 1"
SEPARATOR = " [SEP] "
REMEMBERED = 64  # readings kept, so that ranking does not read again what hopping read
PLACE, NAMED, LINK, PATH = 0.5, 0.2, 0.3, 3.0  # beside a cosine; chosen on dev questions
FIRST, HEAD = 3, 2  # after so many by score stand so many direct hits

Reader = Callable[[Sequence[str]], Vectors]


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
        """The k best by reading, place and path, as above."""
        if not hits:
            return []
        vectors = _vectors(hits)
        own = vectors @ self._start(question.text) + PLACE * _places(hits)
        named = {hit.chunk.id for hit in anchors(question.text, hits)}
        own += NAMED * np.array([hit.chunk.id in named for hit in hits], np.float32)
        best = np.zeros(len(hits), np.float32)
        row = {hit.chunk.id: i for i, hit in enumerate(hits)}
        for hop in range(self.hops):
            seeds = self._seeds(question.text, [hit for hit in hits if hit.hop == hop])
            for seed, reading in zip(seeds, self._read(question.text, seeds), strict=True):
                at = row[seed.chunk.id]
                path = own[at] + vectors @ reading + LINK * _linked(seed.chunk, hits)
                path[at] = 0
                best = np.maximum(best, path)
                best[at] = max(best[at], path.max())
        scores = own + PATH * best
        order = sorted(range(len(hits)), key=lambda i: (-float(scores[i]), hits[i].chunk.id))
        ranked = [hits[i] for i in order]
        return placed([*ranked[:FIRST], *[hit for hit in hits if hit.hop == 0][:HEAD], *ranked], k=k)

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
        scores = _vectors(hits) @ self._start(question) + _places(hits)
        order = sorted(range(len(hits)), key=lambda i: (-float(scores[i]), hits[i].chunk.id))
        return [hits[i] for i in order[: self.seeds]]

    @cached_property
    def _reader(self) -> Callable[[tuple[str, ...]], Vectors]:
        if not isinstance(self.embedder, Tunable):
            raise ConfigError(
                "hop: encoder needs an embedder whose weights it can read on with: use onnx, or hop: links."
            )
        difference, metadata = load(Path(self.weights) if self.weights else SHIPPED)
        read = self.embedder.tuned(difference, fingerprint=metadata["embedder"], max_tokens=int(metadata["max_tokens"]))
        return lru_cache(REMEMBERED)(lambda texts: read(texts))


def load(path: Path) -> tuple[dict[str, Vectors], dict[str, str]]:
    """The difference to the embedder's tensors, by name, and the metadata. Raises ModelError naming what is wrong."""
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}
    except (OSError, SafetensorError) as error:
        raise ModelError(
            f"{path}: not a readable safetensors file ({error}); train one with `rag train hop`."
        ) from error
    if metadata.get("kind") != KIND or not {"embedder", "max_tokens"} <= metadata.keys():
        raise ModelError(f"{path}: not the weights of a hop encoder; train some with `rag train hop`.")
    names = [name for name in tensors if not name.endswith(".scale")]
    one = np.float32(1)
    return {name: tensors[name].astype(np.float32) * tensors.get(f"{name}.scale", one) for name in names}, metadata


def _vectors(hits: Sequence[Hit]) -> Vectors:
    vectors = [hit.vector for hit in hits if hit.vector is not None]
    if len(vectors) < len(hits):
        raise ConfigError("hop: encoder needs dense vectors; retrieve by dense or hybrid, or use the hopper links.")
    return np.stack(vectors)


def _places(hits: Sequence[Hit]) -> Vectors:
    """What each hit's place among the direct ones is worth: 1/2, 1/3, ..., and 0 for what hops found."""
    direct = iter(range(len(hits)))
    return np.array([1 / (2 + next(direct)) if hit.hop == 0 else 0 for hit in hits], np.float32)


def _linked(chunk: Chunk, hits: Sequence[Hit]) -> Vectors:
    """1 for each hit about something that `chunk` mentions, else 0."""
    keys = set(leads(chunk))
    return np.array([not keys.isdisjoint(hit.chunk.about) for hit in hits], np.float32)
