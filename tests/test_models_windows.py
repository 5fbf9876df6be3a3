"""Windows over long texts: nothing twice, nothing left out, nothing too long, whatever the lengths."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from rag.models.late import Window, group_chunks, split_tokens

ROOM = st.integers(1, 40)
OVERLAP = st.integers(0, 60)


@given(st.integers(0, 400), ROOM, OVERLAP)
def test_strides_take_every_token_once_and_cost_is_linear(n: int, room: int, overlap: int) -> None:
    windows = list(split_tokens(n, room=room, overlap=overlap))
    assert [i for w in windows for i in range(w.first, w.last)] == list(range(n))
    assert all(w.start <= w.first <= w.last <= w.stop <= w.start + room for w in windows)
    assert sum(w.stop - w.start for w in windows) <= 2 * n + room


@given(st.integers(1, 400), st.integers(2, 40), OVERLAP)
def test_a_token_is_taken_from_the_window_where_it_has_most_context(n: int, room: int, overlap: int) -> None:
    windows = list(split_tokens(n, room=room, overlap=overlap))

    def context(window: Window, i: int) -> int:
        """Tokens on the side that has fewer; the text's own ends cut nothing off."""
        return min(i - window.start if window.start else n, window.stop - 1 - i if window.stop < n else n)

    for one in windows:
        for i in range(one.first, one.last):
            assert context(one, i) >= max(context(w, i) for w in windows if w.start <= i < w.stop) - 1


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 30)), max_size=40), st.integers(0, 3), ROOM, OVERLAP)
def test_groups_hold_every_chunk_once_whole(pairs: list[tuple[int, int]], rest: int, room: int, overlap: int) -> None:
    spans, at = [], 0
    for gap, length in pairs:
        spans.append((at + gap, at + gap + length))
        at += gap + length
    found = list(group_chunks(spans, at + rest, room=room, overlap=overlap))
    assert [i for _, members in found for i in members] == list(range(len(spans)))
    for window, members in found:
        assert (window.first, window.last) == (spans[members[0]][0], spans[members[-1]][1])
        assert 0 <= window.start <= window.first and window.last <= window.stop <= at + rest
        assert window.stop - window.start <= room or len(members) == 1
        assert window.stop - window.last <= overlap // 2 and window.first - window.start <= overlap // 2


def test_an_edit_behind_a_window_leaves_it_as_it_is() -> None:
    before = list(group_chunks([(i, i + 10) for i in range(0, 1000, 10)], 1000, room=100, overlap=20))
    longer = [(i, i + 10) for i in range(0, 500, 10)] + [(500, 540)] + [(i + 40, i + 50) for i in range(500, 1000, 10)]
    after = list(group_chunks(longer, 1040, room=100, overlap=20))
    untouched = [pair for pair in before if pair[0].stop < 500]
    assert len(untouched) >= 4 and after[: len(untouched)] == untouched


def test_the_last_two_windows_are_even() -> None:
    found = [w for w, _ in group_chunks([(i, i + 10) for i in range(0, 130, 10)], 130, room=100, overlap=0)]
    assert [w.stop - w.start for w in found] in ([70, 60], [60, 70])
    assert all(one.last <= other.first for one, other in pairwise(found))
