"""The order of hits, over an engine that orders ties at will and adds scores in any order."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from rag.store import ranking
from rag.store.ranking import DEEPER, Branch, Scored, VectorEngine
from rag.types import Chunk, Filter, Hit, Query, Sparse

WORDS = Sparse(np.array([1]), np.ones(1, np.float32))
VECTOR = np.ones(2, np.float32)


@dataclass
class Engine:
    """The scores of each chunk by its id, one list for each kind of vector; `read` counts what it was asked for."""

    scores: dict[str, dict[str, float]]
    rng: random.Random = field(default_factory=lambda: random.Random(1))
    read: int = 0

    def _among(self, filter: Filter | None) -> set[str]:
        ids = {id for own in self.scores.values() for id in own}
        while filter is not None:
            ids &= {str(value) for value in filter.any_of.get("id", tuple(ids))}
            filter = filter.within
        return ids

    def ask(self, branches: Sequence[Branch]) -> list[list[Scored]]:
        answers = []
        for branch in branches:
            among, scores = self._among(branch.filter), self.scores[branch.name]
            found = [(id, score) for id, score in scores.items() if id in among]
            self.rng.shuffle(found)
            found.sort(key=lambda one: -round(one[1], 3))
            answers.append([(id, score * (1 + self.rng.uniform(-3e-7, 3e-7))) for id, score in found[: branch.limit]])
            self.read += len(answers[-1])
        return answers

    def scroll(self, filter: Filter | None, offset: Any, limit: int) -> tuple[list[str], Any]:
        ids = sorted(self._among(filter))[offset or 0 :]
        self.read += min(limit, len(ids))
        return ids[:limit], (offset or 0) + limit if len(ids) > limit else None

    def fetch(self, ids: Sequence[str]) -> list[Hit]:
        return [Hit(Chunk(id, "d", id, 0, len(id), "a.txt"), 0.0) for id in ids]

    def search(self, query: Query, *, k: int, using: str, **options: Any) -> list[Hit]:
        engine = VectorEngine(2, self.ask, self.scroll, self.fetch)
        [hits] = ranking.search(engine, [query], k=k, using=using, **options)
        return hits


def in_order(scores: dict[str, float], among: Sequence[str] | None = None) -> list[str]:
    return sorted(among or scores, key=lambda id: (-scores[id], id))


@pytest.mark.parametrize("deeper", [(1,), (20,), (1, 20), DEEPER])
def test_ties_go_by_id_whatever_the_engine_makes_of_them(
    monkeypatch: pytest.MonkeyPatch, deeper: tuple[int, ...]
) -> None:
    monkeypatch.setattr(ranking, "DEEPER", deeper)
    monkeypatch.setattr(ranking, "PAGE", 30)
    rng = random.Random(sum(deeper))
    for _ in range(60):
        ids = [f"{rng.randrange(10**6):06}" for _ in range(rng.randint(1, 400))]
        levels = rng.choice([(0.5,), (0.5, 0.25), (0.5, *[n / 50 for n in range(1, 20)])])
        scores = {id: rng.choice(levels) for id in ids}
        some = rng.sample(ids, rng.randint(1, len(ids)))
        query, k = Query("q", dense=VECTOR, filter=Filter(any_of={"id": tuple(some)})), rng.randint(1, 60)
        hits = Engine({"dense": scores}).search(query, k=k, using="dense")
        assert [hit.chunk.id for hit in hits] == in_order(scores, list(dict.fromkeys(some)))[:k]


@pytest.mark.parametrize("every", [1, 2, 7, 10, 40, 200, 1000])
def test_a_tie_is_not_read_to_its_end(every: int) -> None:
    ids = [f"{n:05}" for n in random.Random(every).sample(range(10**5), 30_000)]
    scores = {id: 0.25 if n % every else 0.5 for n, id in enumerate(ids)}
    engine = Engine({"sparse": scores})
    hits = engine.search(Query("q", sparse=WORDS), k=50, using="sparse")
    assert [hit.chunk.id for hit in hits] == in_order(scores)[:50]
    assert engine.read <= 8000, "two lists of all are 60,000"


def test_what_soon_ends_is_gone_through_and_what_takes_long_is_read_deeper() -> None:
    def count(every: int) -> int:
        ids = [f"{n:05}" for n in range(20_000)]
        engine = Engine({"sparse": {id: 0.5 if n % every == 0 else 0.25 for n, id in enumerate(ids)}})
        engine.search(Query("q", sparse=WORDS), k=50, using="sparse")
        return engine.read

    assert count(1) == 51 + 2 * 100
    first, second = (50 + more for more in DEEPER)
    assert count(10) == 51 + 2 * (100 + 200 + 400) + first, "one short look whether the tie ends, then its ids"
    assert count(40) == 51 + 2 * 100 + first, "which ends in that look"
    assert count(34) == 51 + 2 * (100 + 200) + first + second, "or in a second one"


def test_ranks_are_fused_with_ties_by_id() -> None:
    engine = Engine({"dense": {"a": 0.9, "b": 0.8, "c": 0.7}, "sparse": {"b": 5.0, "a": 4.0, "d": 3.0}})
    hits = engine.search(Query("q", dense=VECTOR, sparse=WORDS, hop=2), k=3, using="hybrid")
    assert [(hit.chunk.id, hit.hop) for hit in hits] == [("a", 2), ("b", 2), ("c", 2)]
    assert [hit.score for hit in hits] == pytest.approx([1 / 2 + 1 / 3, 1 / 2 + 1 / 3, 1 / 4])
    empty = Sparse(np.array([], np.int64), np.array([], np.float32))
    assert [h.chunk.id for h in engine.search(Query("q", dense=VECTOR, sparse=empty), k=9, using="hybrid")] == [*"abc"]


def test_scores_are_fused_from_the_last_to_the_first_of_each_list() -> None:
    engine = Engine({"dense": {"a": 0.9, "b": 0.5, "c": 0.1}, "sparse": {"b": 6.0, "d": 2.0}})
    weights = {"dense": 0.4, "sparse": 0.6}
    hits = engine.search(Query("q", dense=VECTOR, sparse=WORDS), k=9, using="hybrid", weights=weights)
    expected = {"b": 0.4 * 0.5 + 0.6, "a": 0.4, "c": 0.0, "d": 0.0}
    assert {hit.chunk.id: hit.score for hit in hits} == pytest.approx(expected, abs=1e-5)
    assert [hit.chunk.id for hit in hits] == ["b", "a", "c", "d"]
    alike = Engine({"dense": {"a": 0.5}, "sparse": {"b": 2.0, "c": 2.0}})
    hits = alike.search(Query("q", dense=VECTOR, sparse=WORDS), k=9, using="hybrid", weights=weights)
    assert [(h.chunk.id, h.score) for h in hits] == [("b", 0.6), ("c", 0.6), ("a", 0.4)], "a list of one score has 1"
    nothing = Engine({"dense": {"a": 0.5}, "sparse": {}})
    hits = nothing.search(Query("q", dense=VECTOR, sparse=WORDS), k=9, using="hybrid", weights=weights)
    assert [(h.chunk.id, h.score) for h in hits] == [("a", 0.4)]


def test_scores_count_where_words_single_out_few_chunks() -> None:
    """Of the sparse list the sixth is below half of the first, or not; the dense one has them in another order."""
    weights = {"dense": 0.4, "sparse": 0.6}
    query = Query("q", dense=VECTOR, sparse=WORDS)
    near = {f"n{i}": 0.9 - i / 100 for i in range(9)} | {"a": 0.5, "b": 0.49}

    def find(engine: Engine, query: Query, using: str, *, scores: bool = True) -> list[tuple[str, float]]:
        hits = engine.search(query, k=9, using=using, weights=weights if scores else None)
        return [(hit.chunk.id, round(hit.score, 3)) for hit in hits]

    for sixth in (2.9, 3.1):
        engine = Engine({"dense": near, "sparse": {"a": 6.0, "b": 5.9, "c": 5.8, "d": 5.7, "e": 5.6, "f": sixth}})
        assert find(engine, query, "either") == find(engine, query, "hybrid", scores=sixth < 3)
    lone = Engine({"dense": near, "sparse": {"a": 6.0}})
    for one in (query, Query("q", dense=VECTOR)):
        assert find(lone, one, "either") == find(lone, one, "hybrid", scores=False), "nothing is behind it"


def test_a_limit_of_a_query_is_kept() -> None:
    engine = Engine({"dense": {f"{n}": 0.5 for n in range(9)}})
    hits = engine.search(Query("q", dense=VECTOR, limit=2), k=5, using="dense")
    assert [hit.chunk.id for hit in hits] == ["0", "1"]
    assert [hit.score for hit in hits] == pytest.approx([0.5, 0.5]), "the scores of one list are as they are"
