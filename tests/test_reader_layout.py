"""What the reader's network sees: both texts get a share, and nothing is longer than the limit."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rag.reader.network import TITLE_TOKENS, lay_out

TOKENS = st.lists(st.integers(10, 99), max_size=80)


@given(TOKENS, st.lists(st.tuples(TOKENS, TOKENS), min_size=1, max_size=2), st.integers(160, 300))
def test_texts_stand_where_it_says_and_none_starves(
    question: list[int], parts: list[tuple[list[int], list[int]]], limit: int
) -> None:
    found = lay_out(question, parts, cls=1, sep=2, limit=limit)
    assert len(found.ids) <= limit
    for (_, text), start, length in zip(parts, found.starts, found.lengths, strict=True):
        assert list(found.ids[start : start + length]) == text[:length]
        assert found.ids[start + length] == 2
    room = limit - len(found.ids)
    assert all(length == len(text) for (_, text), length in zip(parts, found.lengths, strict=True)) or room == 0


def test_a_long_text_takes_what_a_short_one_leaves() -> None:
    found = lay_out([5], [([], [7] * 100), ([], [8] * 3)], cls=1, sep=2, limit=30)
    assert found.lengths == (20, 3)
    assert found.ids[:4] == (1, 5, 2, 2)
    assert lay_out([], [([9] * 99, [])], cls=1, sep=2, limit=60).ids == (1, 2, *[9] * TITLE_TOKENS, 2, 2)
