"""What is stored comes back as it was, and whatever a row has is in its checksum."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from rag.index.codec import pack_embeddings, row_checksum, unpack_embeddings
from rag.testing import make_vectors
from rag.types import Embeddings, Sparse


@pytest.mark.parametrize(("dense", "sparse", "tokens"), [*product([True, False], repeat=3)])
def test_vectors_of_every_kind_come_back_bit_equal(dense: bool, sparse: bool, tokens: bool) -> None:
    words = [Sparse(np.arange(n) * 2**33, make_vectors(1, n)[0]) for n in (3, 0)]
    rows = [make_vectors(2, 4), make_vectors(5, 4)]
    columns = make_vectors(2, 7)
    given = Embeddings(columns if dense else None, words if sparse else None, rows if tokens else None)
    stored = pack_embeddings(["a", "b"], given)
    found = unpack_embeddings(stored)
    assert (found.dense is not None, found.sparse is not None, found.tokens is not None) == (dense, sparse, tokens)
    assert found.dense is None or np.array_equal(found.dense, columns)
    for one, other in zip(found.sparse or (), words, strict=sparse):
        assert np.array_equal(one.indices, other.indices) and np.array_equal(one.values, other.values)
    for vectors, others in zip(found.tokens or (), rows, strict=tokens):
        assert np.array_equal(vectors, others)
    assert all(row_checksum(*row[:-1]) == row[-1] for row in stored)


def test_nothing_comes_back_of_nothing() -> None:
    assert unpack_embeddings([]) == Embeddings()


@pytest.mark.parametrize("other", [("a", "b"), ("ab", ""), (b"ab",), ("ab", None), (1,), ("1",)])
def test_cells_of_other_types_lengths_or_places_have_another_checksum(other: tuple[object, ...]) -> None:
    assert row_checksum(*other) != row_checksum("ab")  # type: ignore[arg-type]
