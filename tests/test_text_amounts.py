"""Numbers, times and dates in a text, as widely as an answer may say them."""

from __future__ import annotations

from rag.text.amounts import has_number, has_time, is_date


def test_numbers_are_digits_and_words_for_how_many() -> None:
    assert all(map(has_number, ("16 weeks", "seven", "half of them", "only a few", "tenfold", "none")))
    assert not any(map(has_number, ("Rome", "the others", "weekly")))


def test_times_are_dates_and_words_for_when() -> None:
    assert all(map(has_time, ("1990", "in May", "before the war", "the Middle Ages", "Monday", "last spring", "IX")))
    assert not any(map(has_time, ("Ann Ray", "Rome", "masons")))


def test_a_date_is_nothing_but_numbers_and_months() -> None:
    assert all(map(is_date, ("3 May 1990", "1990-04-02", "April 3rd, 1973", "1958")))
    assert not any(map(is_date, ("Rome 1958", "in May", "", "Oslo")))
