"""Texts as terms: what is the same number, unit, word or code, however it is written."""

from __future__ import annotations

import pytest

from rag.answer.roots import find_root
from rag.answer.terms import find_codes, read


def keys(text: str) -> list[str]:
    return [term.key for term in read(text)]


@pytest.mark.parametrize(
    "forms",
    [
        ("31 metres", "31 meters", "31m", "31 m", "thirty-one metres", "31-metre"),
        ("5 million dollars", "$5 million", "$5,000,000", "five million dollars", "US$5 million".removeprefix("US")),
        ("40 W", "40W", "40 watts", "forty watts"),
        ("12%", "12 per cent", "twelve percent"),
        ("20 °C", "20°C", "20 celsius"),
        ("2nd", "second"),
        ("21st", "twenty-first"),
        ("105", "one hundred and five", "one hundred five"),
        ("2,500", "two thousand five hundred"),
        ("1.5 billion", "1,500,000,000", "1.5bn".replace("bn", " bn")),
        ("did not move", "didn't move", "didn’t move"),
        ("not move", "cannot move", "can't move"),
    ],
)
def test_one_thing_has_one_key(forms: tuple[str, ...]) -> None:
    assert len({tuple(keys(form)) for form in forms}) == 1, [keys(form) for form in forms]


def test_what_is_no_number_or_unit_stays_a_word() -> None:
    assert keys("one of the mills") == ["mills"] and keys("one mill") == ["1", "mill"]
    assert keys("two or three mills") == ["2", "3", "mills"]
    assert keys("a 30-second pause, a second pause") == ["30", "second", "pause", "2", "pause"]
    assert [term.kind for term in read("within hours, within 3 hours")] == ["word", "number", "unit"]
    assert [term.kind for term in read("twice not moved above")] == ["number", "not", "word", "turn"]


@pytest.mark.parametrize("date", ["May 3, 1960", "May 3rd 1960", "3 May 1960", "1960 May 3", "1960-05-03"])
def test_dates_have_one_order(date: str) -> None:
    assert keys(f"Born {date} in Hull") == ["born", "3", "month 5", "1960", "hull"]


@pytest.mark.parametrize(
    "forms",
    [
        "open opens opened opening openly",
        "close closes closed closing closely",
        "big bigger biggest",
        "early earlier earliest",
        "happy happier happily",
        "study studies studied studying",
        "run ran running runs",
        "make makes made making",
        "city cities",
        "child children",
        "win won winning wins",
    ],
)
def test_inflected_forms_have_one_root(forms: str) -> None:
    assert len({find_root(word) for word in forms.split()}) == 1


def test_identifiers_and_names_of_files_are_codes() -> None:
    text = "RT-4500 K2 10.0.0.7 v1.10.2 me@example.com lumen.md example.com 0451"
    assert [code.written for code in find_codes(text)] == text.split()
    assert (
        find_codes("1990s 31-metre and/or U.S. e.g. 3.14 1,000 40W 5km 2nd km/h 1990-98 24/7 p.m. 2006–07 end.Then")
        == []
    )
    assert find_codes("0451")[0].is_in("room 0451.") and not find_codes("0451")[0].is_in("room 451")


@pytest.mark.parametrize(
    ("words", "figures"),
    [
        ("zero", ["0"]),
        ("ten", ["10"]),
        ("twenty", ["20"]),
        ("twenty-five", ["25"]),
        ("ninety nine", ["99"]),
        ("thirteenth", ["13"]),
        ("nineteenth", ["19"]),
        ("twentieth", ["20"]),
        ("thirty-first", ["31"]),
        ("twenty-second", ["22"]),
        ("one hundred", ["100"]),
        ("one hundred first", ["101"]),
        ("two hundred one", ["201"]),
        ("two hundred million", ["200000000"]),
        ("one thousand one", ["1001"]),
        ("one hundred and five thousand", ["105000"]),
        ("two million three hundred thousand five", ["2300005"]),
        ("5 hundred", ["500"]),
        ("1.5 million", ["1500000"]),
        ("1,200 thousand", ["1200000"]),
        ("nineteen ninety", ["19", "90"]),
        ("twenty twenty", ["20", "20"]),
        ("twenty ten", ["20", "10"]),
        ("ten five", ["10", "5"]),
        ("two one", ["2", "1"]),
        ("hundred", ["hundred"]),
    ],
)
def test_numbers_in_words_are_figures(words: str, figures: list[str]) -> None:
    assert keys(f"{words} mills") == [*figures, "mills"]


def test_a_second_is_a_number_or_a_unit() -> None:
    assert [(term.key, term.kind) for term in read("five second pause")][:2] == [("5", "number"), ("second", "unit")]
    assert [(term.key, term.kind) for term in read("the fifth second")][:2] == [("5", "number"), ("second", "unit")]
    assert keys("30 second pause") == ["30", "second", "pause"]
    assert keys("no one mill, which one mill") == ["no", "mill", "mill"]
