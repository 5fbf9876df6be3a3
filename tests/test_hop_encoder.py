"""The hop encoder on a small world with a table for a model: what is read, what is asked for, and what paths lift."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from rag.embed.hashing import HashingEmbedder
from rag.errors import ConfigError, MismatchError
from rag.hop.encoder import EncoderHopper
from rag.hop.paths import PathReranker
from rag.stages import Hopper, Reranker
from rag.train.hop.train import write
from rag.types import Chunk, Chunked, Embeddings, Hit, Precision, Query, Spans, Vectors

NAMES = ("red harbour", "aster pictures", "norvik", "lake aster", "canteen")
RANK = np.array([0.7, 0.07, 0.3, 1.7, 0.4, 0.02, 1.5], np.float32)  # in the order of score.NAMES
AXES = np.eye(len(NAMES), dtype=np.float32)
TEXTS = {
    "red harbour": "A film by Aster Pictures.",
    "aster pictures": "It was founded in Norvik.",
    "norvik": "A town.",
    "lake aster": "A lake.",
    "canteen": "Soup is served.",
}
QUESTION = "Where was the studio of Red Harbour founded?"
CHUNKS = {name: Chunk(name, name, text, 0, len(text), name, about=(name,)) for name, text in TEXTS.items()}


@dataclass(frozen=True)
class Table:
    """An embedder whose readings are looked up: the question means Red Harbour, each passage what follows it."""

    dim: int = len(NAMES)
    representations: frozenset[str] = frozenset({"dense"})
    fingerprint: str = "table"
    calls: list[tuple[str, ...]] = field(default_factory=list)

    def token_spans(self, texts: Sequence[str]) -> list[Spans]:
        return [np.zeros((0, 2), np.int64) for _ in texts]

    def embed_chunks(self, batch: Sequence[Chunked]) -> Embeddings:
        return Embeddings(dense=AXES[[NAMES.index(item.document.id) for item in batch]])

    def embed_queries(self, texts: Sequence[str]) -> Embeddings:
        return Embeddings(dense=np.tile(AXES[4], (len(texts), 1)))

    def tune(
        self, difference: Mapping[str, Vectors], *, fingerprint: str, max_tokens: int, precision: Precision = "float32"
    ) -> Callable[[Sequence[str]], Vectors]:
        if fingerprint != self.fingerprint:
            raise MismatchError("another embedder")

        def read(texts: Sequence[str]) -> Vectors:
            self.calls.append(tuple(texts))
            known = {text: i for i, text in enumerate(TEXTS.values())}
            after = [known.get(text.partition(" [SEP] ")[2], -1) for text in texts]
            return AXES[[min(i + 1, len(NAMES) - 1) for i in after]]

        return read


@pytest.fixture
def weights(tmp_path: Path) -> str:
    path = tmp_path / "hop.safetensors"
    write(path, {"w": np.ones((2, 2), np.float32)}, RANK, {"embedder": "table", "max_tokens": "64"})
    return str(path)


def hit(name: str, *, hop: int = 0, trail: tuple[str, ...] = (), score: float = 0.0) -> Hit:
    return Hit(CHUNKS[name], score, hop, trail, AXES[NAMES.index(name)])


ASKED = Query(QUESTION, dense=AXES[4])


def test_it_is_a_hopper(weights: str) -> None:
    assert isinstance(EncoderHopper(embedder=Table(), weights=weights), Hopper)


def test_a_hop_asks_for_what_is_missing_after_each_passage_and_for_what_anchors_link_to(weights: str) -> None:
    encoder = EncoderHopper(embedder=Table(), weights=weights, seeds=2)
    link, *read = encoder.hop([ASKED], [[hit("canteen"), hit("red harbour"), hit("lake aster")]])
    assert link.filter is not None
    assert "aster pictures" in link.filter.any_of["about"]
    assert link.trail == ("red harbour",)
    assert [query.trail for query in read] == [("red harbour",), ("canteen",)]
    assert read[0].dense is not None
    assert np.array_equal(read[0].dense, AXES[1])
    assert [query.hop for query in (link, *read)] == [1, 1, 1]
    assert all(query.text == QUESTION for query in read)


def test_a_second_hop_goes_on_from_the_first_and_then_it_stops(weights: str) -> None:
    encoder = EncoderHopper(embedder=Table(), weights=weights, hops=2, seeds=1)
    *_, first = encoder.hop([ASKED], [[hit("red harbour")]])
    (*_, second) = encoder.hop([first], [[hit("aster pictures", hop=1, trail=first.trail)]])
    assert (second.hop, second.trail) == (2, ("red harbour", "aster pictures"))
    assert second.dense is not None
    assert np.array_equal(second.dense, AXES[2])
    assert encoder.hop([second], [[hit("norvik", hop=2)]]) == []
    assert encoder.hop([ASKED], [[]]) == []


def test_a_path_lifts_both_its_passages_over_better_placed_ones(weights: str) -> None:
    encoder = EncoderHopper(embedder=Table(), weights=weights, seeds=4)
    direct = [hit("canteen"), hit("lake aster"), hit("norvik"), hit("red harbour")]
    ranked = encoder.rank(ASKED, [*direct, hit("aster pictures", hop=1, trail=("red harbour",))], k=5)
    assert [found.chunk.id for found in ranked][:2] == ["red harbour", "aster pictures"]
    assert [found.score for found in ranked] == sorted((found.score for found in ranked), reverse=True)
    assert len(encoder.rank(ASKED, direct, k=3)) == 3
    assert encoder.rank(ASKED, [], k=3) == []


def test_ranking_reads_nothing_that_hopping_read(weights: str) -> None:
    table = Table()
    encoder = EncoderHopper(embedder=table, weights=weights)
    found = [hit("red harbour"), hit("canteen")]
    encoder.hop([ASKED], [found])
    read = len(table.calls)
    encoder.rank(ASKED, [*found, hit("norvik", hop=1)], k=3)
    assert len(table.calls) == read == 2


def test_the_ranking_without_a_hop_is_a_reranker(weights: str) -> None:
    paths = PathReranker(embedder=Table(), weights=weights)
    assert isinstance(paths, Reranker)
    direct = [hit("canteen"), hit("aster pictures"), hit("lake aster"), hit("red harbour"), hit("norvik")]
    ranked, none = paths.rerank([QUESTION, "?"], [direct, []])
    assert [found.chunk.id for found in ranked][:2] == ["red harbour", "aster pictures"] and none == []
    assert ranked == EncoderHopper(embedder=Table(), weights=weights).rank(ASKED, direct, k=5)
    assert [found.score for found in ranked] == [1 / place for place in range(1, 6)]


def test_what_it_cannot_work_with_is_named(weights: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="use onnx"):
        EncoderHopper(embedder=HashingEmbedder(), weights=weights).hop([ASKED], [[hit("norvik")]])
    bare = Hit(CHUNKS["norvik"], 1.0)
    with pytest.raises(ConfigError, match="dense vectors"):
        EncoderHopper(embedder=Table(), weights=weights).hop([ASKED], [[bare]])
    with pytest.raises(MismatchError):
        EncoderHopper(embedder=Table(fingerprint="another"), weights=weights).hop([ASKED], [[hit("norvik")]])
