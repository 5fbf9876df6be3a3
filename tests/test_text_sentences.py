"""Sentence spans: exact, complete, and where a reader would cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.text.sentences import LONGEST, find_units, sentence_spans

PARTS = st.sampled_from(
    [
        *"aB1 .!?…。\n\t-#|:",
        "Dr. ",
        "U.S. ",
        "e.g. ",
        "1. ",
        "\n\n",
        '."',
        ".[1]",
        "word ",
        "Word. ",
        "é",
        "東京",
        "\u00a0",
        "\r\n",
    ]
)
NASTY = st.lists(PARTS, max_size=60).map("".join) | st.text(max_size=80)


def cut(text: str) -> list[str]:
    return [text[start:end] for start, end in sentence_spans(text)]


@given(NASTY)
def test_every_visible_character_is_in_exactly_one_span_in_order(text: str) -> None:
    spans = sentence_spans(text)
    places = [i for start, end in spans for i in range(start, end)]
    assert places == sorted(set(places))
    assert {i for i, letter in enumerate(text) if not letter.isspace()} <= set(places)
    assert all(text[start:end] == text[start:end].strip() != "" for start, end in spans)


@given(NASTY)
def test_a_sentence_on_one_line_is_one_sentence(text: str) -> None:
    for sentence in cut(text):
        assert cut(" ".join(sentence.split())) == [" ".join(sentence.split())]


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("", []),
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("Dr. M. met J. K. L. in the U.S. and left.", ["Dr. M. met J. K. L. in the U.S. and left."]),
        ("See no. 5, e.g. the map. Then go.", ["See no. 5, e.g. the map.", "Then go."]),
        ("It costs 3.5 kroner. Or 4.", ["It costs 3.5 kroner.", "Or 4."]),
        ('"Why?" he asked. "Go." They went.', ['"Why?" he asked.', '"Go."', "They went."]),
        ("It opened in 1932.[4] It closed.", ["It opened in 1932.[4]", "It closed."]),
        ("東京は首都です。大阪は違う。", ["東京は首都です。", "大阪は違う。"]),
        ("# Guide\nFirst. Second.", ["# Guide", "First.", "Second."]),
        ("1. Open it\n2. Close it\n- wait. Really.", ["1. Open it", "2. Close it", "- wait.", "Really."]),
        ("| a | b |\n| 1 | 2 |", ["| a | b |", "| 1 | 2 |"]),
        (
            "Child under sixteen | 32 | 23 | 19\nCar with a driver | 228 | 164 | 141",
            ["Child under sixteen | 32 | 23 | 19", "Car with a driver | 228 | 164 | 141"],
        ),
        (
            "From Great Hellen: every hour until nine\n"
            "The route is sailed with the Grey Heron, which takes ninety\ncars.",
            [
                "From Great Hellen: every hour until nine",
                "The route is sailed with the Grey Heron, which takes ninety\ncars.",
            ],
        ),
        ("name: Ola\ncity: Oslo", ["name: Ola", "city: Oslo"]),
        ("A paragraph without an end\n\nand another one", ["A paragraph without an end", "and another one"]),
        (
            "It weighs 12 kilo-\ngrams. It is sold by Halvor-\nSen.",
            ["It weighs 12 kilo-\ngrams.", "It is sold by Halvor-\nSen."],
        ),
        (
            "The quick brown fox jumps over the lazy dog and\nruns home.",
            ["The quick brown fox jumps over the lazy dog and\nruns home."],
        ),
    ],
)
def test_cuts_where_a_reader_would(text: str, sentences: list[str]) -> None:
    assert cut(text) == sentences


def test_text_without_sentence_ends_is_cut_at_white_space() -> None:
    text = "lorem ipsum " * 500
    assert all(len(piece) <= LONGEST and piece.split(" ")[-1] in ("lorem", "ipsum") for piece in cut(text))
    assert " ".join(cut(text)) == text.strip()
    assert [len(piece) for piece in cut("x" * 1500)] == [LONGEST, LONGEST, 300]


def kinds(text: str) -> list[tuple[str, str]]:
    return [(text[unit.start : unit.end], unit.kind) for unit in find_units(text)]


def test_each_unit_has_a_kind() -> None:
    text = (
        "# Guide\nIt works. Needed:\n- a router\n- a cable\n\nVIN: 1HGCM\n\n3.1 Overview\nThe rest follows\n\n"
        "| Name | Age |\n| --- | --- |\n| Ann. B. | 31. Or so. |\n\nKlensin     Standards Track     [Page 39]\n"
    )
    assert kinds(text) == [
        ("# Guide", "heading"),
        ("It works.", "sentence"),
        ("Needed:", "sentence"),
        ("- a router", "item"),
        ("- a cable", "item"),
        ("VIN: 1HGCM", "field"),
        ("3.1 Overview", "heading"),
        ("The rest follows", "fragment"),
        ("| Name | Age |", "row"),
        ("| --- | --- |", "furniture"),
        ("| Ann. B. | 31. Or so. |", "row"),
        ("Klensin     Standards Track     [Page 39]", "furniture"),
    ]


@pytest.mark.parametrize(
    "sentence",
    [
        "Section 3.2. applies here.",
        "Differences from those described in RFC\n1521 are listed.",
        "Es gilt § 21 Abs.\n2 des Heimarbeitsgesetzes und Art. 5 Nr. 3 GG.",
        "Bis zum Ablauf des 31.\nDezember 2002 galt die Fassung vom 1. 1. 1998.",
        "Höhe des Betrags (§ 4a Absatz 1 und 2 Satz\n1) ohne die Einnahmen.",
        "Das gilt z. B. für Ärzte, d. h. Personen nach Nr. 7, bzw. Zahnärzte.",
        "Voir p. ex. M. Dupont, Mme Curie et l'art. 12 du code.",
        "Véase la pág. 4 y la Sra. Gómez, p. ej. en el cap. 2.",
        "The election timeout is chosen from an interval (currently\n150-300ms in our case).",
        "Clients direct their request to any server by reading their status from\nZooKeeper.",
        "It was supported by the Department of Energy, both in Washington and\nBerkeley, California, at that time.",
        "In Proc. of the 11th Symp. on Operating Systems, ACM Comm. 23, Feb. 1980, pp. 105-117.",
    ],
)
def test_a_sentence_is_not_cut(sentence: str) -> None:
    assert cut(f"First comes this sentence, which is a full line.\n{sentence} Then another one begins.")[1] == sentence


def test_a_wrapped_item_is_one_unit() -> None:
    text = "1.  Art der Berechtigung\n    Absatz 1,\n2.  Höhe des Anspruchs nach Art und\n    Höhe"
    assert cut(text) == ["1.  Art der Berechtigung\n    Absatz 1,", "2.  Höhe des Anspruchs nach Art und\n    Höhe"]


def test_a_long_sentence_stays_whole_and_a_long_row_falls_between_cells() -> None:
    sentence = "Wer " + "dies und jenes, " * 50 + "haftet."
    assert cut(sentence) == [sentence]
    row = "| " + " | ".join(["word " * 20] * 12) + " |"
    assert all(piece.startswith("|") for piece in cut(row))
    assert {kind for _, kind in kinds(row)} == {"row"}
