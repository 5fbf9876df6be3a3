"""Questions that ask for two things, in parts that can be asked alone."""

from __future__ import annotations

import pytest

from rag.text.question_parts import split_question


@pytest.mark.parametrize(
    ("question", "parts"),
    [
        ("Who wrote the memo, and when was it sent?", ("Who wrote the memo?", "when was the memo sent?")),
        (
            "How much paid leave do employees get, and will an unused leave be paid out?",
            ("How much paid leave do employees get?", "will an unused leave be paid out?"),
        ),
        (
            "What is the total of the order and who is the contact at the agency?",
            ("What is the total of the order?", "who is the contact at the agency?"),
        ),
        (
            "In 2022, how many ducks were counted and how many geese were counted?",
            ("In 2022, how many ducks were counted?", "In 2022, how many geese were counted?"),
        ),
        (
            "What colour is the Lumen K2 and how much does it weigh?",
            ("What colour is the Lumen K2?", "how much does the Lumen K2 weigh?"),
        ),
        ("Who makes the Lumen K2? Is it in stock?", ("Who makes the Lumen K2?", "Is the Lumen K2 in stock?")),
        ("Do I need a licence, and if so, how much is it?", ("Do I need a licence?", "how much is the licence?")),
        ("How long are contracts and can I cancel early?", ("How long are contracts?", "can I cancel early?")),
        ("How long is parental leave and is it paid?", ("How long is parental leave?", "is parental leave paid?")),
        ("How long are contracts and how do I end them?", ("How long are contracts?", "how do I end contracts?")),
        ("When is it due and who signs it?", ("When is it due?", "who signs it?")),
        ("When did Ann Ray die, and what is her legacy?", ("When did Ann Ray die?", "what is her legacy?")),
    ],
)
def test_a_question_for_two_things_has_two_parts(question: str, parts: tuple[str, ...]) -> None:
    assert split_question(question) == parts


@pytest.mark.parametrize(
    "question",
    [
        "Who founded Marks and Spencer?",
        "Which firm makes the K2 and is the largest in Oslo?",
        "Which company, founded in 2015, sells routers and is accused of fraud?",
        "What is the difference between what Ann says and what Bob says?",
        "What is the name and price of the router?",
        "What are the names of those who left and who stayed?",
        "How and why did it fail?",
        'Who said "I came and what did I see?"',
        "Did Ann and Bob marry?",
        "Explain how it works and what happens then.",
        "",
    ],
)
def test_names_objects_and_second_verbs_stay_whole(question: str) -> None:
    assert split_question(question) == (question,)


def test_a_question_has_few_parts() -> None:
    assert len(split_question("Who is he, and what is it" * 9)) <= 3
