"""How much of a question a text has: whole words, other forms, parts of compounds, and scripts without blanks."""

from __future__ import annotations

import pytest

from rag.text.overlap import share_parts, weigh_parts


@pytest.mark.parametrize(
    ("question", "near", "far"),
    [
        ("Wie lang ist der Urlaub?", "Der Mindesturlaub ist 24 Tage lang.", "Das Gericht bestimmt den Termin."),
        ("Где находится библиотека?", "Книги стоят в библиотеке города.", "Суд назначает заседание."),
        ("图书馆在哪里?", "城市的图书馆在河边。", "法院决定日期。"),
        ("Kütüphaneler nerede?", "Kütüphane nehrin yanındadır.", "Mahkeme tarihi belirler."),
        ("Who founded it?", "Its founders were two.", "The court sets a date."),
    ],
)
def test_a_text_with_a_form_of_the_questions_words_has_more_of_it(question: str, near: str, far: str) -> None:
    weights = weigh_parts(question, [near, far])
    assert sum(weights.values()) == pytest.approx(1)
    assert share_parts(weights, near) > 2 * share_parts(weights, far)


def test_a_rare_word_weighs_more_than_one_that_every_text_has() -> None:
    texts = ["The ferry leaves at nine.", "The ferry is red.", "The ferry to Norvik."]
    weights = weigh_parts("ferry Norvik", texts)
    assert weights["=norvi"] > weights["=ferry"]
    assert share_parts(weights, "ferry Norvik") == pytest.approx(1) and share_parts(weights, "") == 0
    assert weigh_parts("", texts) == {} and share_parts({}, texts[0]) == 0


def test_words_that_ask_weigh_nothing_in_other_languages_unless_there_are_no_others() -> None:
    texts = ["Der Mindesturlaub sind 24 Werktage.", "Wie viele es sind, steht im Vertrag."]
    weights = weigh_parts("Wie viele Werktage Urlaub stehen einem Arbeitnehmer mindestens zu?", texts)
    assert "=viele" not in weights and "=werkt" in weights
    assert share_parts(weights, texts[0]) > share_parts(weights, texts[1])
    assert "=die" in weigh_parts("Why do plants die in winter, and how can this be avoided?", ["They die."])
    assert weigh_parts("Warum ist das so, und wer ist das?", texts)
