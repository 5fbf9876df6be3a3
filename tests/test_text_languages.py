"""Which language a text is in."""

from __future__ import annotations

import sys

import pytest

from rag.text import languages
from rag.text.languages import detect_language, document_language, named_language, with_language
from rag.types import Document

GERMAN = "Der Arbeitgeber hat die Arbeitszeit der Arbeitnehmer aufzuzeichnen. "


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("What is the maximum number of vacation days?", "en"),
        ("Does 37signals match retirement contributions?", "en"),
        ("Wie viele Werktage Urlaub stehen mir zu?", "de"),
        ("¿Cómo se llama un voto bodhisattva?", "es"),
        ("Кто написал эту книгу?", "ru"),
        ("芝大运营的公立特许学校有几所？", "zh"),
        ("東京の人口はどれくらいですか？", "ja"),
        ("K2", ""),
        ("", ""),
        ("[0.09, -0.17, 0.77]", ""),
    ],
)
def test_a_question_has_a_language_where_it_is_clear(text: str, language: str) -> None:
    assert detect_language(text) == language


def test_a_document_has_the_language_of_most_of_it() -> None:
    english = "The employer keeps a record of the hours that people work. "
    assert document_language(Document("d", "s", GERMAN * 60 + english * 10)) == "de"
    assert document_language(Document("d", "s", "")) == ""


@pytest.mark.parametrize(("value", "code"), [("de-AT", "de"), ("EN", "en"), ("Python", ""), (3, "")])
def test_a_documents_own_field_says_its_language(value: str | int, code: str) -> None:
    document = Document("d", "s", GERMAN, meta={"Language": value})
    assert named_language(document.meta) == code
    assert with_language(document) == document


def test_the_language_becomes_a_field() -> None:
    assert with_language(Document("d", "s", GERMAN, meta={"a": 1})).meta == {"a": 1, "language": "de"}


def test_without_the_library_no_language_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fasttext", None)
    languages._load.cache_clear()
    detect_language.cache_clear()
    try:
        assert detect_language("Wie viele Werktage Urlaub stehen mir zu?") == ""
    finally:
        languages._load.cache_clear()
        detect_language.cache_clear()
