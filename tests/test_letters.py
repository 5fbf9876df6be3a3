"""What OCR saw on a page, packed and unpacked."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.text.letters import Seen, pack_letters, unpack_letters

FRACTIONS = st.floats(0, 1)
LETTERS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=2)


@given(st.lists(st.tuples(LETTERS, st.tuples(FRACTIONS, FRACTIONS, FRACTIONS, FRACTIONS))))
def test_letters_come_back_where_they_were(seen: list[Seen]) -> None:
    found = unpack_letters(pack_letters(seen))
    assert [letter for letter, _ in found] == [letter for letter, _ in seen]
    for (_, box), (_, own) in zip(found, seen, strict=True):
        assert box == pytest.approx(own, abs=1e-5)


def test_a_page_of_letters_is_small() -> None:
    seen: list[Seen] = [
        ("a", (0.1 + x / 100, 0.1 + y / 60, 0.108 + x / 100, 0.11 + y / 60)) for y in range(50) for x in range(80)
    ]
    assert len(pack_letters(seen)) < len(json.dumps(seen)) / 20


def test_bytes_that_are_no_letters_are_refused() -> None:
    for packed in (b"no", pack_letters([("a", (0, 0, 1, 1))])[:-9]):
        with pytest.raises(ValueError, match="no letters"):
            unpack_letters(packed)
