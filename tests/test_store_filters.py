"""Filters tell the truth: each engine finds what a filter in plain Python passes, whatever the fields hold."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from rag.stages import Store
from rag.store.edge import EdgeStore
from rag.store.qdrant import QdrantStore
from rag.types import Chunk, Embeddings, Filter, Query, Value, Values

TEXTS = ["", "a", "A", "1", "1.0", "true", "True", "é", "e\u0301", "a=b", "x" * 70, "x" * 71, "\0", "2024-01-01"]
NUMBERS: list[Value] = [
    0,
    1,
    -1,
    2**53,
    2**53 + 1,
    2**63 - 1,
    -(2**63),
    0.0,
    -0.0,
    1.0,
    0.1,
    0.1 + 0.2,
    0.3,
    1e16,
    1e300,
    5e-324,
]
NAMES = ["n", "N", "a.b", "a", "ä", "", "n='a", "x y", '"', "title", "[0]"]
plain: st.SearchStrategy[Value] = st.sampled_from([*TEXTS, *NUMBERS, True, False])
fields: st.SearchStrategy[dict[str, Values]] = st.dictionaries(
    st.sampled_from(NAMES), plain | st.lists(plain, min_size=2, max_size=3).map(tuple), max_size=3
)
wanted = st.lists(plain | st.sampled_from(["\ud800", 10**30, 1e308, float("nan"), float("inf")]), max_size=3).map(tuple)
named = st.sampled_from([*(f"meta.{name}" for name in NAMES if name), "source", "title", "about", "doc_id", "id"])
conditions = st.dictionaries(named, wanted, max_size=2)
flat = st.builds(Filter, conditions, conditions)
filters = flat | st.builds(Filter, conditions, conditions, flat)


def kind(value: Value) -> type:
    return float if type(value) is int else type(value)


def holds(chunk: Chunk, field: str, values: tuple[Value, ...]) -> bool:
    """Whether a field of a chunk has one of the values: in plain Python."""
    if field.startswith("meta."):
        name = field.removeprefix("meta.").casefold()
        own = [v for key, v in chunk.meta.items() if key.casefold() == name]
        there = [one for v in own for one in (v if isinstance(v, tuple) else (v,))]
    else:
        found = getattr(chunk, field)
        there = list(found) if isinstance(found, tuple) else [found]
    return any(kind(a) is kind(b) and a == b for a in there for b in values)


def passes(chunk: Chunk, filter: Filter) -> bool:
    return (
        all(holds(chunk, field, values) for field, values in filter.any_of.items())
        and not any(holds(chunk, field, values) for field, values in filter.none_of.items())
        and (filter.within is None or passes(chunk, filter.within))
    )


@pytest.mark.parametrize("engine", ["edge", "qdrant"])
def test_engines_agree_with_plain_python(tmp_path: Path, engine: str) -> None:
    places = iter(range(10**6))
    make: dict[str, Callable[[], Store]] = {
        "edge": lambda: EdgeStore(path=str(tmp_path / str(next(places))), dim=2, sparse=False),
        "qdrant": lambda: QdrantStore(in_memory=True, dim=2, sparse=False),
    }
    texts = st.sampled_from(TEXTS)
    about = st.lists(texts, max_size=2).map(tuple)
    rows = st.lists(st.tuples(fields, texts, texts, texts, about), min_size=20, max_size=20)

    @settings(max_examples=8, suppress_health_check=[*HealthCheck], database=None, phases=[Phase.generate])
    @given(rows, st.lists(filters, min_size=40, max_size=40))
    def agree(rows: list[tuple[dict[str, Values], str, str, str, tuple[str, ...]]], asked: list[Filter]) -> None:
        chunks = [
            Chunk(str(uuid5(NAMESPACE_URL, str(n))), id, "text", 0, 4, source, title, "", about, (), meta)
            for n, (meta, id, source, title, about) in enumerate(rows)
        ]
        store = make[engine]()
        store.write(chunks, Embeddings(np.ones((len(chunks), 2), np.float32)))
        store.flush()
        assert [hit.chunk for hit in store.fetch([chunk.id for chunk in chunks])] == chunks
        queries = [Query("q", dense=np.ones(2, np.float32), filter=filter) for filter in asked]
        for filter, hits in zip(asked, store.search(queries, k=99, using="dense"), strict=True):
            assert {hit.chunk.id for hit in hits} == {c.id for c in chunks if passes(c, filter)}, filter
        store.close()

    agree()
