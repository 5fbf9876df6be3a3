"""The pure parts of the stores: checks of a batch, payloads, filters' refusals, rank fusion."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.errors import CorruptError, InputError, StoreError
from rag.store import ranking
from rag.store.checks import check_batch, check_query, is_id
from rag.store.filters import Dialect, translate
from rag.store.payload import to_chunk, to_payload
from rag.store.ranking import VectorEngine
from rag.testing import make_chunks, make_vectors
from rag.types import Chunk, Embeddings, Filter, Hit, Query, Section, Sparse, Vectors

ones = np.ones(2, np.float32)
texts = st.text(max_size=20)
plain = texts | st.integers() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False)


def check(chunks: list[Chunk], **vectors: Any) -> None:
    check_batch(
        chunks,
        Embeddings(**vectors),
        dim=4 * ("dense" in vectors or "tokens" in vectors),
        sparse="sparse" in vectors,
        tokens=4 * ("tokens" in vectors),
    )


@given(
    st.builds(
        Chunk,
        id=st.uuids().map(str),
        doc_id=texts,
        text=texts,
        start=st.integers(0, 9),
        end=st.integers(0, 9),
        source=texts,
        title=texts,
        context=texts,
        about=st.lists(texts).map(tuple),
        sections=st.lists(st.builds(Section, st.integers(), st.integers(), texts, texts)).map(tuple),
        meta=st.dictionaries(texts, plain | st.lists(plain, min_size=2).map(tuple)),
    )
)
def test_a_chunk_survives_its_payload(chunk: Chunk) -> None:
    assert to_chunk(chunk.id, to_payload(chunk)) == chunk


def test_a_foreign_payload_is_corrupt() -> None:
    with pytest.raises(CorruptError, match="rebuilt"):
        to_chunk("x", {"text": "no span"})


@pytest.mark.parametrize("row", [0, 3, 7])
@pytest.mark.parametrize(("value", "what"), [(np.nan, "not finite"), (np.inf, "not finite"), (0.0, "zero")])
def test_the_first_bad_vector_is_named(row: int, value: float, what: str) -> None:
    dense = make_vectors(8, 4)
    dense[row:] = value
    with pytest.raises(StoreError, match=f"row {row}, chunk {make_chunks()[row].id} of notes/{row}.md: .*{what}"):
        check(make_chunks(), dense=dense)
    with pytest.raises(StoreError, match=f"row {row}, .*{what}"):
        check(
            make_chunks(),
            dense=make_vectors(8, 4),
            tokens=[np.stack([make_vectors(1, 4)[0], vector]) for vector in dense],
        )


@pytest.mark.parametrize(
    ("bad", "what"),
    [
        (Sparse(np.array([3, 2]), ones), "increase"),
        (Sparse(np.array([3, 3]), ones), "increase"),
        (Sparse(np.array([-1, 3]), ones), "32 bits"),
        (Sparse(np.array([1, 2**32]), ones), "32 bits"),
        (Sparse(np.array([1, 2]), np.array([1, np.nan], np.float32)), "finite"),
        (Sparse(np.array([1, 2, 3]), ones), "came with"),
    ],
)
def test_a_bad_sparse_vector_is_named(bad: Sparse, what: str) -> None:
    good = [Sparse(np.array([5, 9]), ones), Sparse(np.array([], np.int64), np.array([], np.float32))]
    check(make_chunks()[:4], sparse=[*good, *good])
    with pytest.raises(StoreError, match=f"row 2, .*{what}"):
        check(make_chunks()[:3], sparse=[*good, bad])
    with pytest.raises(StoreError, match=what):
        check_query(Query("q", sparse=bad), dim=4)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"id": "no-uuid"}, "UUID"),
        ({"id": make_chunks()[2].id.upper()}, "UUID"),
        ({"text": "\ud800"}, "UTF-8"),
        ({"meta": {"x": float("nan")}}, "field x holds a number out of range"),
        ({"meta": {"x": 2**63}}, "field x holds a whole number of over 64 bits"),
        ({"meta": {"x": ("a", {"y": 1})}}, "nested"),
        ({"meta": {"x": None}}, "without a value"),
    ],
)
def test_a_chunk_that_cannot_be_stored_is_named(change: dict[str, Any], what: str) -> None:
    bad = [*make_chunks()[:2], replace(make_chunks()[2], **change)]
    with pytest.raises(StoreError, match=f"row 2, .*{what}"):
        check(bad, dense=make_vectors(3, 4))


@pytest.mark.parametrize("rows", [np.empty((0, 4), np.float32), make_vectors(2, 5), make_vectors(1, 4)[0]])
def test_token_vectors_of_another_shape_are_named(rows: Vectors) -> None:
    with pytest.raises(StoreError, match=f"row 1, .*shape {re.escape(str(rows.shape))} instead of .tokens, 4."):
        check(make_chunks()[:2], dense=make_vectors(2, 4), tokens=[make_vectors(3, 4), rows])


def test_representations_and_counts_must_agree() -> None:
    for embeddings, match in (
        (Embeddings(dense=make_vectors(8, 4)), "no sparse"),
        (Embeddings(dense=make_vectors(8, 4), sparse=[Sparse(np.array([1, 2]), ones)] * 7), "7 sparse"),
        (Embeddings(dense=make_vectors(8, 5), sparse=[Sparse(np.array([1, 2]), ones)] * 8), r"\(8, 5\)"),
        (Embeddings(make_vectors(8, 4), [Sparse(np.array([1, 2]), ones)] * 8, [make_vectors(1, 4)] * 8), "also tokens"),
    ):
        with pytest.raises(StoreError, match=match):
            check_batch(make_chunks(), embeddings, dim=4, sparse=True, tokens=False)
    check_batch([], Embeddings(), dim=4, sparse=True, tokens=False)


def test_queries_are_checked() -> None:
    for query in (
        Query("q", dense=make_vectors(1, 5)[0]),
        Query("q", dense=make_vectors(1, 4)),
        Query("q", tokens=make_vectors(1, 4)[0]),
    ):
        with pytest.raises(StoreError, match="shape"):
            check_query(query, dim=4)
    with pytest.raises(StoreError, match="finite"):
        check_query(Query("q", dense=np.full(4, np.nan, np.float32)), dim=4)


@given(st.one_of(st.uuids().map(str), texts, st.integers()))
def test_ids_are_what_engines_give_back(value: object) -> None:
    assert is_id(value) == (isinstance(value, str) and len(value) == 36)


@pytest.mark.parametrize("field", ["text", "meta", "meta.", "fields", "titel"])
def test_unknown_fields_are_refused(field: str) -> None:
    def build(*args: object, **kwargs: object) -> object:
        return args, kwargs

    dialect = Dialect(filter=build, ids=build, one_of=build, between=build, nested=build)
    with pytest.raises(InputError, match="Known: id, doc_id"):
        translate(Filter(none_of={field: ("x",)}), dialect)


def fetch(ids: Sequence[str]) -> list[Hit]:
    """Some chunk under each of the ids."""
    return [Hit(replace(make_chunks()[0], id=id), 0.0) for id in ids]


def never(*args: object) -> Any:
    """A function of an engine that is not needed."""
    raise AssertionError


class Ties:
    """An engine with these scores that gives ties in any order, and any last digits."""

    def __init__(self, scores: dict[str, float]) -> None:
        self.scores, self.read = scores, 0

    def ask(self, branches: Any) -> list[list[tuple[str, float]]]:
        answers = []
        for branch in branches:
            ids = branch.filter.any_of["id"] if branch.filter else sorted(self.scores, key=lambda id: id[::-1])
            part = {id: 1 + 1e-7 * ((int(id) + bool(branch.filter)) % 3) for id in ids}
            scored = sorted(((id, self.scores[id] * part[id]) for id in ids), key=lambda one: -one[1])[: branch.limit]
            self.read += len(scored)
            answers.append(scored)
        return answers

    def scroll(self, filter: Any, offset: Any, limit: int) -> tuple[list[str], Any]:
        ids = sorted(self.scores)[(offset or 0) :]
        return ids[:limit], (offset or 0) + limit if len(ids) > limit else None


@pytest.mark.parametrize("tied", [1, 40, 3_000, 6_000, 19_990])
def test_a_tie_is_broken_by_id_without_reading_all_of_it(tied: int) -> None:
    rng = np.random.default_rng(tied)
    ids = [f"{number:06d}" for number in rng.permutation(20_000)]
    scores = {id: 9.0 - i if i < 5 else 2.0 if i < 5 + tied else 1 / (i + 2) for i, id in enumerate(ids)}
    engine = Ties(scores)
    query = Query("q", sparse=Sparse(np.array([1]), ones[:1]))
    [hits] = ranking.search(VectorEngine(4, engine.ask, engine.scroll, fetch), [query], k=20, using="sparse")
    expected = sorted(scores.items(), key=lambda one: (-one[1], one[0]))[:20]
    assert [hit.chunk.id for hit in hits] == [id for id, _ in expected]
    assert [hit.score for hit in hits] == pytest.approx([score for _, score in expected], rel=1e-6)
    assert engine.read < 6_000


def fuse(dense: list[str], sparse: list[str], k: int) -> list[tuple[str, float]]:
    """What `ranking.search` makes of an engine that finds these, best first."""
    lists = {"dense": dense, "sparse": sparse}

    def ask(branches: Any) -> list[list[tuple[str, float]]]:
        return [[(id, -float(i)) for i, id in enumerate(lists[branch.name])][: branch.limit] for branch in branches]

    query = Query("q", dense=make_vectors(1, 4)[0], sparse=Sparse(np.array([1, 2]), ones))
    [hits] = ranking.search(VectorEngine(4, ask, never, fetch), [query], k=k, using="hybrid")
    return [(hit.chunk.id, hit.score) for hit in hits]


def test_fusion_by_hand() -> None:
    assert fuse(["a", "b", "c"], ["c", "d"], 9) == [
        ("c", 1 / 4 + 1 / 2),
        ("a", 1 / 2),
        ("b", 1 / 3),
        ("d", 1 / 3),
    ]
    assert fuse(["b", "a"], ["a", "b"], 1) == [("a", 1 / 2 + 1 / 3)]


@given(
    st.dictionaries(st.sampled_from("abcdef"), st.integers(-50, 50), min_size=1),
    st.dictionaries(st.sampled_from("abcdef"), st.integers(-50, 50), min_size=1),
    st.floats(0, 1),
)
def test_scores_are_fused_as_the_convex_combination_says(
    dense: dict[str, int], sparse: dict[str, int], share: float
) -> None:
    """Section 3 of arXiv 2210.11934: each list's scores from 0 to 1 by its least and most, summed by their weights."""
    lists = {"dense": dense, "sparse": sparse}

    def ask(branches: Any) -> list[list[tuple[str, float]]]:
        return [sorted(lists[branch.name].items(), key=lambda one: -one[1]) for branch in branches]

    def scaled(scores: dict[str, int]) -> dict[str, float]:
        least, most = min(scores.values()), max(scores.values())
        return {id: (score - least) / (most - least) if most > least else 1.0 for id, score in scores.items()}

    query = Query("q", dense=make_vectors(1, 4)[0], sparse=Sparse(np.array([1, 2]), ones))
    weights = {"dense": share, "sparse": 1 - share}
    [hits] = ranking.search(VectorEngine(4, ask, never, fetch), [query], k=9, using="hybrid", weights=weights)
    parts = {name: scaled(scores) for name, scores in lists.items()}
    expected = {
        id: sum(weight * parts[name].get(id, 0.0) for name, weight in weights.items()) for id in {*dense, *sparse}
    }
    assert {hit.chunk.id: hit.score for hit in hits} == pytest.approx(expected, abs=1e-4)
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_searching_by_what_a_query_lacks_is_refused() -> None:
    for using, match in (("dense", "no dense"), ("hybrid", "dense or sparse"), ("bm25", "Known: dense")):
        with pytest.raises(StoreError, match=match):
            ranking.search(VectorEngine(4, never, never, never), [Query("q")], k=3, using=using)
