"""What a question asks for: yes or no, one of several named things, a way, a number."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.text.question_parts import split_question
from rag.text.questions import analyse, asks_yes_no


@pytest.mark.parametrize(
    "question",
    [
        "Is unused sick time paid out when I resign?",
        "can i keep company source code on my personal laptop",
        "Please tell me whether unused holidays are paid.",
        "Can you tell me if Kandji allows remote wiping?",
        "I'd like to know if sick days are tracked",
        "Do you know whether the office has a gym?",
        "If I resign in May, am I paid for unused holidays?",
        "After reading the handbook, should I use a work device?",
        "Unused holidays are paid, aren't they?",
        "The leave is paid, right?",
        "There is a limit on vacation days?",
        "Do I need a certificate or a permit to export this?",
        "Do I qualify for this loan as a homeowner or renter?",
        "Was Pergamon inhabited, whether or not anybody wrote of it?",
        "Pertrochanteric fractures: is there an advantage to a nail?",
        "Can you find a snow leopard in Yucatan?",
        "Isn't the server encrypted?",
    ],
)
def test_a_question_for_yes_or_no_is_known_by_its_form(question: str) -> None:
    assert analyse(question).kind == "yes/no"
    assert asks_yes_no(question)


@pytest.mark.parametrize(
    ("question", "options"),
    [
        ("Which is older, Rome or Athens?", ("Rome", "Athens")),
        ("Which had higher sales in January-June 2023, Zone EUR or Zone AOA?", ("Zone EUR", "Zone AOA")),
        ("In which version are persistent connections the default, HTTP/1.0 or HTTP/1.1?", ("HTTP/1.0", "HTTP/1.1")),
        ("Was Hugh Forbes or Ann Ray born first?", ("Hugh Forbes", "Ann Ray")),
        ("Which band, Blind Pilot or The Connells, is best known for its song?", ("Blind Pilot", "The Connells")),
        ("Which colour is the lid: red, green, or blue?", ("red", "green", "blue")),
        ("Who is older between Ann Ray and Hugh Forbes?", ("Ann Ray", "Hugh Forbes")),
        ("Between Ann Ray and Hugh Forbes, who died first?", ("Ann Ray", "Hugh Forbes")),
        ("Is parental leave paid or unpaid?", ("paid", "unpaid")),
        ("Is the school public or private?", ("public", "private")),
        ("Is aluminium a ferrous or non ferrous metal", ("ferrous", "non-ferrous")),
        ("Did Frankie Valli sing with Hellogoodbye or The Four Seasons?", ("Hellogoodbye", "The Four Seasons")),
    ],
)
def test_a_choice_has_its_alternatives(question: str, options: tuple[str, ...]) -> None:
    asked = analyse(question)
    assert (asked.kind, asked.options) == ("choice", options)


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("How do I take time off?", "way"),
        ("How does a client keep a server from sending a 417 status?", "way"),
        ("What are the steps to reset the router?", "way"),
        ("Could you explain how hops work?", "way"),
        ("Why did the build fail?", "way"),
        ("How did Napoleon die?", "open"),
        ("Which three rules make data tidy?", "list"),
        ("What are the three rules of tidy data?", "list"),
        ("How many blankets were delivered on January 23, 2023?", "number"),
        ("In roughly how many iterations does PageRank converge?", "number"),
        ("When was the bridge opened?", "time"),
        ("In what year did the war end?", "time"),
        ("Where was Ann Ray born?", "place"),
        ("Please tell me who wrote the memo.", "person"),
        ("When Ann was young, what was her job?", "open"),
        ("Procter was founded by a candlemaker who died in what year?", "open"),
        ("Can I renew it online, or do I have to call the agency first?", "open"),
        ("What is the VIN of the Jeep?", "open"),
        ("May 2020 sales of Havn?", "open"),
        ("", "open"),
    ],
)
def test_other_kinds_are_named_where_they_are_certain(question: str, kind: str) -> None:
    assert analyse(question).kind == kind
    assert not asks_yes_no(question)


def test_an_or_among_the_words_of_a_question_makes_no_choice() -> None:
    for question in (
        "What are two examples of cytotoxic or immunosuppressive drugs?",
        "Which committee invited companies owned by people who are young or old, to take part?",
        "Who first explained the origins of magnetic and electric fields?",
        "What is the difference between a router and a switch?",
    ):
        assert not analyse(question).options


def test_politeness_is_no_part_of_the_question() -> None:
    assert analyse("Please tell me who wrote the memo.").text == "who wrote the memo."
    assert analyse("Hi, can you tell me what the VIN is?").text == "what the VIN is?"


WORDS = [
    "is",
    "or",
    "and",
    "which",
    "who",
    "first",
    "non",
    "Rome",
    "a",
    ",",
    "?",
    "between",
    "if",
    "paid",
    "how many",
    ".",
    "-",
]


@given(st.lists(st.sampled_from(WORDS), max_size=9))
def test_any_words_are_a_question_of_some_kind(words: list[str]) -> None:
    asked = analyse(" ".join(words))
    assert (asked.kind == "choice") == bool(asked.options)
    assert 1 <= len(split_question(" ".join(words))) <= 3
