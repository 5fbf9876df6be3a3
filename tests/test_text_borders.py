"""Spans made whole: words, numbers with their units, brackets, names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.text.borders import is_unfinished, mend_span


@pytest.mark.parametrize(
    ("text", "said", "whole"),
    [
        ("It cost $2.5 million in all.", "5 mil", "$2.5 million"),
        ("It cost $2.5 million in all.", "2.5", "$2.5 million"),
        ("Year: 2022; Ducks: 170\nYear: 2023; Ducks: 160", "170\nYear: 2023", "170"),
        ("In millions of CHF: Zone AOA; Sales: 9,060", "millions of CHF: Zone AOA", "Zone AOA"),
        ("In millions of CHF: Zone AOA; Sales: 9,060", "Zone AOA; Sales: 9,060", "Zone AOA"),
        ("He noted: it failed; then it ran.", "noted: it failed; then it ran", "noted: it failed; then it ran"),
        ("A timeout of 150-300ms is used.", "150", "150-300ms"),
        ("About 40 % of them came.", "40", "40 %"),
        ("We chose 64 MB as size.", "64", "64 MB"),
        ("It was -7.5°C cold.", "7.5", "-7.5°C"),
        ("On 2024-05-03 it began.", "05", "2024-05-03"),
        ("Ada (1815–1852) wrote it.", "1815", "1815"),
        ("There were 12,500 of them.", "500", "12,500"),
        ("The windlass broke.", "wind", "windlass"),
        ("Ask Dr. Ann Ray about it.", "Dr.", "Dr. Ann Ray"),
        ("The receptor (KIR) binds.", "receptor (KIR", "receptor (KIR)"),
        ("The receptor (KIR) binds.", "KIR) binds", "(KIR) binds"),
        ("It is called (by some) odd.", "called (", "called"),
        ('Jonathan "Jonny" Craig sang.', 'Jonny" Craig', '"Jonny" Craig'),
        ("It is Rome, of course.", " Rome, ", "Rome"),
        ("中国的首都是北京。", "北", "北"),
        ("Nothing here.", " ", ""),
        ("is 64\n   octets.\n\n4.5.3.1.2  Domain", "64\n   octets.\n\n4.5", "64\n   octets."),
        ("Contact:\nMichael Chen\nBilling Contact:", "Michael Chen\nBilling", "Michael Chen"),
        ("3 Minutes  . . . . . . 66", "3 Minutes  . . . . . . 66", "3 Minutes"),
        ("J. Franks             Northwestern University", "J. Franks             Northwestern", "J. Franks"),
        ("The port is TCP 80 [19].", "TCP 80 [19]", "TCP 80"),
        ("Use [Kandji](https://kandji.io/) now.", "Kandji](https", "Kandji"),
        ("A timer (randomized) is set.", "randomized)", "randomized"),
        ("f(x) and (y) hold.", "(x) and (y)", "(x) and (y)"),
    ],
)
def test_a_span_is_made_whole(text: str, said: str, whole: str) -> None:
    start = text.index(said)
    first, last = mend_span(text, start, start + len(said))
    assert text[first:last] == whole


@given(st.text(alphabet='ab1.,-% ()“”"$\n', max_size=30), st.integers(0, 30), st.integers(0, 30))
def test_a_mended_span_is_in_its_text_and_needs_no_more(text: str, start: int, end: int) -> None:
    first, last = mend_span(text, *sorted((start, end)))
    assert 0 <= first <= last <= len(text)
    assert text[first:last] == text[first:last].strip()


def test_an_open_bracket_or_quotation_mark_is_unfinished() -> None:
    assert is_unfinished("Havn (Oslo")
    assert is_unfinished('"Jonny')
    assert is_unfinished("so “it is")
    assert not is_unfinished('Havn (Oslo) "Jonny"')
