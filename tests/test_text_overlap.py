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
