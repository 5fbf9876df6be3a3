"""Words stay whole where invisible characters or the end of a line cut them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.text.mend import join_lines, show_words

INVISIBLE = ["\u00ad", "\u200b", "\u200c", "\u200d", "\u2060", "\ufeff", "\u200e", "\ufe0f"]


@pytest.mark.parametrize("mark", INVISIBLE)
def test_invisible_characters_are_no_part_of_a_word(mark: str) -> None:
    assert join_lines(f"Wartungs{mark}anleitung") == show_words(f"Wartungs{mark}anleitung") == "Wartungsanleitung"


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("the wind-\nlass turns", "windlass"),
        ("the wind-  \r\n   lass turns", "windlass"),
        ("the wind\u2010\nlass turns", "windlass"),
        ("the wind\u00ad\nlass turns", "windlass"),
        ("the wind-\n\nlass turns", "windlass"),
        ("see CVE-2024-\n1234 there", "CVE-2024-1234"),
        ("see CVE-\n2024-1234 there", "CVE-2024-1234"),
        ("die Straßen-\nbahn fährt", "Straßenbahn"),
    ],
)
def test_a_word_goes_on_in_the_next_line(text: str, whole: str) -> None:
    assert whole in join_lines(text).split()
    shown = show_words(text).split()
    assert whole in shown
    assert shown[-1] == text.split()[-1] and shown[0] == text.split()[0]


def test_both_forms_of_a_word_are_shown() -> None:
    assert show_words("a well-\nknown port").split() == ["a", "wellknown", "well-", "known", "port"]


@pytest.mark.parametrize("text", ["- one\n- two", "from here -\nto there", "Title\n---\ntext", "x-", "-\ny", "a - \nb"])
def test_other_hyphens_stay(text: str) -> None:
    assert join_lines(text) == show_words(text) == text


@given(st.text(alphabet="ab-\n 1\u00ad\u200b.", max_size=40))
def test_nothing_visible_gets_lost(text: str) -> None:
    letters = [letter for letter in text if letter.isalnum()]
    assert [letter for letter in join_lines(text) if letter.isalnum()] == letters
    assert not {"\u00ad", "\u200b"} & set(join_lines(text) + show_words(text))
    assert len(show_words(text).split()) >= len(text.translate({0xAD: None, 0x200B: None}).split())
