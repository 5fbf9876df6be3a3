"""Words in other alphabets than their text."""

from __future__ import annotations

import pytest

from rag.answer.verify import SUPPORTED, UNSUPPORTED, judge
from rag.text.homoglyphs import find_lookalikes
from rag.types import Chunk


@pytest.mark.parametrize(
    ("words", "strange"),
    [
        ("the river runs", []),
        ("the rivеr runs", [1]),  # a Cyrillic letter
        ("the οld mill", [1]),  # a Greek one
        ("the old ɡate", [2]),  # a phonetic one
        ("река течёт", []),
        ("река течёт в Oslo", [3]),
        ("Tromsø naïve Łódź", []),
        ("東京 タワー tower", []),
        ("1990 7", []),
        ("", []),
    ],
)
def test_a_word_is_odd_by_the_alphabet_of_its_text(words: str, strange: list[int]) -> None:
    assert sorted(find_lookalikes(words.split())) == strange


def test_a_word_of_another_alphabet_is_held_by_evidence_that_has_it() -> None:
    text = "The dose was 40 μm of β-carotene a day."
    chunk = Chunk("c", "d", text, 0, len(text), "d.txt")
    assert judge("The dose was 40 μm of β-carotene.", [chunk]).verdict == SUPPORTED
    assert judge("The dоse was 40 μm of β-carotene.", [chunk]).verdict == UNSUPPORTED
    assert judge("The dose was 40 μm of β-cαrotene.", [chunk]).verdict == UNSUPPORTED
