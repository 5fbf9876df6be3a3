"""Answer metrics: hand-made fractions, and the official scripts' definitions re-derived on 500 answer pairs."""

from __future__ import annotations

import random
import string
from collections.abc import Callable, Sequence

import pytest

from rag_evals.metrics.answer import answer_contains, answer_em, answer_f1, normalise, squad_f1
from rag_evals.metrics.facts import supporting_fact_em, supporting_fact_f1


def test_normalisation_drops_case_punctuation_articles_and_space() -> None:
    assert normalise("  The  Eiffel-Tower,\tParis! ") == "eiffeltower paris"
    assert normalise("An apple a day; theatre") == "apple day theatre"
    assert normalise("¿Qué?") == "¿qué"  # only ASCII punctuation, as in both scripts


def test_em_takes_the_best_alias() -> None:
    assert answer_em("the Motor City", ["Detroit", "Motor City"]) == 1
    assert answer_em("Motor", ["Detroit", "Motor City"]) == 0


def test_f1_is_over_bags_of_words() -> None:
    # 2 of 3 words said, 2 of 4 wanted
    assert answer_f1("red red fox", ["red fox runs far"]) == pytest.approx(2 * (2 / 3) * (2 / 4) / (2 / 3 + 2 / 4))
    assert answer_f1("fox", ["dog", "red fox"]) == pytest.approx(2 * 1 * (1 / 2) / (1 + 1 / 2))


def test_hotpot_gives_nothing_for_a_closed_answer_in_a_sentence() -> None:
    assert answer_f1("yes it was", ["yes"]) == 0
    assert answer_f1("yes", ["yes it was"]) == 0
    assert answer_f1("no", ["yes"]) == 0
    assert answer_f1("Yes.", ["yes"]) == 1
    assert squad_f1("yes", ["yes it was"]) == pytest.approx(2 * (1 / 3) / (4 / 3))


def test_the_empty_answer() -> None:
    assert answer_f1("", ["the"]) == 0
    assert squad_f1("", ["the"]) == 1
    assert squad_f1("", []) == 1
    assert squad_f1("Paris", []) == 0
    assert answer_em("", ["Paris"]) == 0


def test_contains_goes_by_whole_words() -> None:
    assert answer_contains("It was Paris, in 1889.", ["paris"]) == 1
    assert answer_contains("It was parish", ["paris"]) == 0
    assert answer_contains("anything", ["the"]) == 0


# The scripts' definitions, written again from their description without this package's code.


def plain(text: str) -> list[str]:
    letters = "".join(c for c in text.lower() if c not in string.punctuation)
    marked = "".join(c if c.isalnum() or c == "_" else f"\0{c}\0" for c in letters)
    return "".join("" if word in ("a", "an", "the") else word for word in marked.split("\0")).split()


def overlap_f1(said: list[str], wanted: list[str]) -> float:
    left, same = list(wanted), 0
    for word in said:
        if word in left:
            left.remove(word)
            same += 1
    return 0.0 if same == 0 else 2 * same / (len(said) + len(wanted))


def hotpot(said: list[str], wanted: list[str]) -> float:
    for side, other in ((said, wanted), (wanted, said)):
        if " ".join(side) in ("yes", "no", "noanswer") and side != other:
            return 0.0
    return overlap_f1(said, wanted)


def squad(said: list[str], wanted: list[str]) -> float:
    return float(said == wanted) if not said or not wanted else overlap_f1(said, wanted)


WORDS = [
    "yes",
    "no",
    "noanswer",
    "the",
    "a",
    "An",
    "Paris",
    "paris,",
    "1889",
    "St. Jude's",
    "U.S.",
    "–",
    "",
    "über",
    "A-",
]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [(answer_f1, hotpot), (squad_f1, squad), (answer_em, lambda said, wanted: float(said == wanted))],
)
def test_equal_to_the_official_definitions_on_500_pairs(
    ours: Callable[[str, Sequence[str]], float], theirs: Callable[[list[str], list[str]], float]
) -> None:
    rng = random.Random(2)
    seen: set[bool] = set()
    for _ in range(500):
        said = " ".join(rng.choices(WORDS, k=rng.randint(0, 4)))
        answers = [" ".join(rng.choices(WORDS, k=rng.randint(0, 4))) for _ in range(rng.randint(1, 3))]
        expected = max(theirs(plain(said), plain(answer)) for answer in answers)
        assert ours(said, answers) == pytest.approx(expected, abs=1e-9), (said, answers)
        seen.add(expected > 0)
    assert seen == {True, False}


def test_supporting_facts_are_compared_as_sets() -> None:
    gold = [("Paris", 0), ("Tower", 2)]
    assert supporting_fact_em([("Tower", 2), ("Paris", 0)], gold) == 1
    assert supporting_fact_em([("Paris", 0)], gold) == 0
    # precision 1/3, recall 1/2
    predicted = [("Paris", 0), ("Paris", 1), ("Lyon", 0)]
    assert supporting_fact_f1(predicted, gold) == pytest.approx(2 * (1 / 3) * (1 / 2) / (1 / 3 + 1 / 2))
    assert supporting_fact_f1([], gold) == 0
