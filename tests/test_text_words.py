"""Which words, names and numbers are the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.text.words import find_stems, find_words, fold, long_words, missing_words, stems, tokens


def keys(text: str) -> list[str]:
    return [token.key for token in tokens(text)]


def kinds(text: str) -> dict[str, str]:
    return {token.key: token.kind for token in tokens(text)}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1,000 boats", "1000 boats"),
        ("1'234'567.50", "1234567.5"),
        ("1\u00a0000", "1000"),
        ("007", "7"),
        ("3.0", "3"),
        ("the 5th door", "5 door"),
        ("2024-05-03", "3 May 2024"),
        ("Sept 9", "September 9"),
        ("ﬁnance", "finance"),
        ("CAFÉ", "cafe\u0301"),
        ("Anna's boat", "Anna boat"),
        ("−5 degrees", "-5 degrees"),
    ],
)
def test_the_same_written_differently(one: str, other: str) -> None:
    assert keys(one) == keys(other) != []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1,000", "1,001"),
        ("3.5", "35"),
        ("-5", "5"),
        ("X200", "X201"),
        ("3 May", "3 June"),
        ("Аnna", "Anna"),
        ("東", "西"),
    ],
)
def test_different_things_stay_different(one: str, other: str) -> None:
    assert keys(one) != keys(other)


def test_kinds() -> None:
    found = kinds("Boats left Oslo on 3 May for the CEO of X200; you may ask Berg Holding")
    assert found == {
        "boats": "lead",
        "left": "word",
        "oslo": "name",
        "3": "number",
        "month 5": "number",
        "ceo": "name",
        "x200": "name",
        "ask": "word",
        "holding": "name",
        "berg": "name",
    }
    assert kinds("Berg Holding sings")["berg"] == "name"
    assert "may" not in kinds("May I go?")


@given(st.integers(min_value=0, max_value=10**15))
def test_grouping_changes_no_number(n: int) -> None:
    assert keys(str(n)) == keys(f"{n:,}") == keys(f"{n:,}.00") == [str(n)]


@given(st.text())
def test_any_text_has_tokens(text: str) -> None:
    assert all(token.key and token.stem for token in tokens(text))
    assert "  " not in fold(text)


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("found", "founder", True),
        ("directed", "director", True),
        ("station", "status", False),
        ("1000", "1001", False),
        ("dog", "Dogs", True),
        ("fare", "fares", True),
        ("focus", "focused", True),
        ("Preis", "Preise", True),
        ("pas", "pass", False),
    ],
)
def test_words_are_compared_by_their_first_five_letters_of_short_ones_without_the_s_of_a_plural(
    one: str, other: str, alike: bool
) -> None:
    assert (stems(one) == stems(other)) == alike
    assert bool(find_stems(one, stems(other))) == alike


def test_fold_makes_typography_plain() -> None:
    assert fold("“It’s\n  FINE” — ﬁn") == '"it\'s fine" - fin'


@given(st.text())
def test_stems_are_those_of_the_tokens(text: str) -> None:
    assert stems(text) == {token.stem for token in tokens(text)}


@given(st.text(alphabet=st.sampled_from("abusmay MAY.,'’ -0159\n東é")), st.text(alphabet="abusmay .,'-0159 東é"))
def test_which_stems_a_text_holds_is_found_without_reading_all_of_it(text: str, question: str) -> None:
    asked = stems(question)
    assert find_stems(text, asked) == asked & stems(text)


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("It sold 1,000 boats in the U.S. in May 1962.", "us 1000 may 1962"),
        ("On 2024-05-03 the house was used.", "May 3 us used"),
        ("Straße and ﬁnance", "strasse finance"),
    ],
)
def test_a_text_holds_what_it_writes_in_another_way(text: str, question: str) -> None:
    asked = stems(question)
    assert find_stems(text, asked) == asked & stems(text) != frozenset()


@pytest.mark.parametrize(
    ("question", "absent"),
    [
        ("When did the ferry to Norvik sink?", ("sink",)),
        ("When did Havn Lines' ferry leave Tarnvik in 1,971?", ("Tarnvik", "1,971")),  # names and numbers before words
        ("Where does the ferry leave?", ()),
        ("Who?", ()),
    ],
)
def test_what_is_missing_is_said_as_the_question_writes_it(question: str, absent: tuple[str, ...]) -> None:
    assert missing_words(question, ["The ferry to Norvik leaves at nine.", "Havn Lines was founded in 1962."]) == absent


def test_words_stay_whole_across_line_ends_and_invisible_characters() -> None:
    assert {"windlass", "wind", "lass"} <= set(keys("a wind-\nlass"))
    assert "wartungsanleitung" in keys("a wind-\nlass, Wartungs\u00adanleitung")
    assert fold("greases the windlass of a well-known ship") == fold("greases the wind-\nlass of a well-\nknown ship")
    assert stems("wind-\nlass") >= stems("windlass") == find_stems("wind-\nlass", stems("windlass"))
    assert find_words("The Windlass of the ship's galley", long_words("windlass galley galle")) == {
        "windlass",
        "galley",
    }


def test_an_identifier_is_missing_whole() -> None:
    question = "Does the XJ-913/2B of Norvik fit?"
    assert missing_words(question, ["The XJ-914/2B fits."]) == ("XJ-913/2B", "Norvik")
    assert missing_words(question, ["The xj-913/2b fits."]) == ("Norvik",)
