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
from rag.text.ranges import in_range, place, sort_key
from rag.types import Chunk, Embeddings, Filter, Query, Range, Value, Values

TEXTS = ["", "a", "A", "1", "1.0", "true", "True", "é", "e\u0301", "a=b", "x" * 70, "x" * 71, "\0", "2024-01-01"]
TEXTS += ["2024", "2024-01", "2023-12-31T23:00-01:00", "2024-02-30", "-1e400"]
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
bound = st.none() | plain | st.sampled_from([2024, 10**400, float("nan"), float("inf"), "1e-5", "2023", "2024-01-02"])
ranges = st.dictionaries(
    st.sampled_from([f"meta.{name}" for name in NAMES if name]),
    st.builds(Range, bound, bound, bound, bound),
    max_size=2,
)
# most have one bound: with more, next to nothing passes
ranges |= st.dictionaries(st.sampled_from(["meta.n", "meta.a"]), st.builds(Range, bound), max_size=1)
nothing: dict[str, tuple[Value, ...]] = {}
few = conditions | st.just(nothing)
flat = st.builds(Filter, few, few, st.none(), ranges)
filters = flat | st.builds(Filter, few, few, flat, ranges)


def kind(value: Value) -> type:
    return float if type(value) is int else type(value)


def holds(chunk: Chunk, field: str, values: tuple[Value, ...]) -> bool:
    """Whether a field of a chunk has one of the values: in plain Python."""
    return any(kind(a) is kind(b) and a == b for a in own(chunk, field) for b in values)


def own(chunk: Chunk, field: str) -> list[Value]:
    if not field.startswith("meta."):
        found = getattr(chunk, field)
        return list(found) if isinstance(found, tuple) else [found]
    name = field.removeprefix("meta.").casefold()
    held = [values for key, values in chunk.meta.items() if key.casefold() == name]
    return [one for values in held for one in (values if isinstance(values, tuple) else (values,))]


def passes(chunk: Chunk, filter: Filter) -> bool:
    return (
        all(holds(chunk, field, values) for field, values in filter.any_of.items())
        and not any(holds(chunk, field, values) for field, values in filter.none_of.items())
        and all(any(in_range(one, range) for one in own(chunk, field)) for field, range in filter.ranges.items())
        and (filter.within is None or passes(chunk, filter.within))
    )


@pytest.mark.parametrize(
    ("engine", "asked"),
    [
        ("edge", 320),
        ("qdrant", 320),
        pytest.param("edge", 5000, marks=pytest.mark.slow),
        pytest.param("qdrant", 5000, marks=pytest.mark.slow),
    ],
)
def test_engines_agree_with_plain_python(tmp_path: Path, engine: str, asked: int) -> None:
    make: dict[str, Callable[[], Store]] = {
        "edge": lambda: EdgeStore(path=str(tmp_path / "index"), dim=2, sparse=False),
        "qdrant": lambda: QdrantStore(in_memory=True, dim=2, sparse=False),
    }
    store = make[engine]()  # one for all examples: each writes over the one before
    texts = st.sampled_from(TEXTS)
    about = st.lists(texts, max_size=2).map(tuple)
    rows = st.lists(st.tuples(fields, texts, texts, texts, about), min_size=20, max_size=20)

    @settings(max_examples=asked // 40, suppress_health_check=[*HealthCheck], database=None, phases=[Phase.generate])
    @given(rows, st.lists(filters, min_size=40, max_size=40))
    def agree(rows: list[tuple[dict[str, Values], str, str, str, tuple[str, ...]]], asked: list[Filter]) -> None:
        chunks = [
            Chunk(str(uuid5(NAMESPACE_URL, str(n))), id, "text", 0, 4, source, title, "", about, (), meta)
            for n, (meta, id, source, title, about) in enumerate(rows)
        ]
        store.write(chunks, Embeddings(np.ones((len(chunks), 2), np.float32)))
        assert [hit.chunk for hit in store.fetch([chunk.id for chunk in chunks])] == chunks
        queries = [Query("q", dense=np.ones(2, np.float32), filter=filter) for filter in asked]
        for filter, hits in zip(asked, store.search(queries, k=99, using="dense"), strict=True):
            assert {hit.chunk.id for hit in hits} == {c.id for c in chunks if passes(c, filter)}, filter

    agree()
    store.close()


def test_a_range_is_of_numbers_or_of_dates_and_a_period_is_all_of_it() -> None:
    within: dict[tuple[Value, Range], bool] = {
        (2024, Range(least=2024)): True,
        ("2024", Range(least=2023.5, below=2025)): True,  # a number that stands as text
        (True, Range(least=0)): False,
        ("spring", Range(least="autumn")): False,
        (2024, Range(least="spring")): False,
        (5, Range()): True,
        ("x", Range()): False,
        (-0.0, Range(least=0)): True,
        (10**400, Range(above=1e308)): True,
        (float("inf"), Range(above=float("nan"))): False,
        ("2024-05-01", Range(least=2024, most="2024")): True,
        ("2024-12-31T23:59:59.5", Range(most=2024)): True,
        ("2025-01-01", Range(most="2024-12")): False,
        ("2024-12-31", Range(above="2024")): False,
        ("2025-01-01", Range(above="2024")): True,
        ("2024-05-01T12:00", Range(most="2024-05-01")): True,
        ("2024-05-01T12:00", Range(below="2024-05-01")): False,
        ("2024-05-01T01:00+02:00", Range(below="2024-05-01")): True,  # in UTC
        ("2024-05-01T12:00Z", Range(least="2024-05-01T12:00", most="2024-05-01 12:00")): True,
        ("9999-12-31", Range(most="9999")): True,
        ("2024-02-30", Range(least="2024")): False,  # no day
        (1714, Range(least="2024-05")): False,  # a number is no date
    }
    assert {case: in_range(*case) for case in within} == within


@given(st.floats(allow_nan=False), st.floats(allow_nan=False))
def test_keys_are_ordered_as_numbers_are(one: float, other: float) -> None:
    assert (one < other) == (sort_key(one) < sort_key(other))
    assert (one == other) == (sort_key(one) == sort_key(other))
    assert all(0 <= half < 2**32 for half in sort_key(one)) and place(one) == ("#", one)
