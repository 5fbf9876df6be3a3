"""What is denied: the many ways to say so, and denials on one side only."""

from __future__ import annotations

import pytest

from rag.answer.polarity import find_denials, negates
from rag.answer.terms import read
from rag.answer.verify import CONTRADICTED, PARTLY, SUPPORTED, UNSUPPORTED, judge
from rag.types import Chunk, Section


def one_sided(statement: str, *evidence: str) -> bool:
    return negates(read(statement), [read(part) for part in evidence])


def verdict(statement: str, evidence: str) -> str:
    return judge(statement, [Chunk("c", "d", evidence, 0, len(evidence), "d.txt")]).verdict


@pytest.mark.parametrize(
    ("text", "denied"),
    [
        ("The mill did not run in winter.", ["run"]),
        ("The mill didn't run in winter.", ["run"]),
        ("The mill failed to run in winter.", ["run"]),
        ("The mill was unable to run in winter.", ["run"]),
        ("The mill was able to run in winter.", []),
        ("The mill was not able to run in winter.", ["run"]),
        ("The mill is no longer open.", ["open"]),
        ("The mill is by no means open.", ["open"]),
        ("The mill is not really open.", ["really", "open"]),
        ("The mill lacks a wheel.", ["wheel"]),
        ("The mill is without a wheel.", ["wheel"]),
        ("It is not true that the mill runs.", ["mill"]),
        ("It is false that the mill runs.", ["mill"]),
        ("No mill runs.", ["mill"]),
        ("Neither the mill nor the lock opened.", ["mill", "lock"]),
        ("Visitors need not pay.", ["required"]),
        ("Visitors do not have to pay.", ["required"]),
        ("The mill never fails to run.", []),
        ("Not only the mill runs.", []),
        ("The mill no. 5 runs.", []),
        ("The mill is open but not here.", []),
        ("Not all mills run.", ["all"]),
        ("The mill runs until winter, not later than May.", ["later"]),
    ],
)
def test_what_is_denied(text: str, denied: list[str]) -> None:
    found = find_denials(read(text))
    assert [found.terms[i].key for i in sorted(found.denied)] == denied


@pytest.mark.parametrize(
    ("statement", "evidence"),
    [
        ("The mill did not run in winter.", "The mill ran in winter and did not run in summer."),
        ("The ferry does not carry cars.", "The ferry carries cars, and it does not carry dogs."),
        ("Members may not smoke in the hall.", "Members may smoke in the hall, and may not smoke in the mill."),
    ],
)
def test_a_denial_of_the_same_word_elsewhere_excuses_nothing(statement: str, evidence: str) -> None:
    assert one_sided(statement, evidence)


@pytest.mark.parametrize(
    "statement",
    [
        "Members must not wear badges.",
        "Members may not wear badges.",
        "Members need not wear badges.",
        "Members are not required to wear badges.",
        "Members are not allowed to wear badges.",
        "Members fail to wear badges.",
        "It is not the case that members wear badges.",
        "No members wear badges.",
        "Members never wear badges.",
        "Members hardly wear badges.",
    ],
)
def test_a_denial_that_the_evidence_lacks_contradicts_it(statement: str) -> None:
    assert verdict("Members wear badges.", "Members wear badges.") == SUPPORTED
    assert verdict(statement, "Members wear badges.") == CONTRADICTED
    assert verdict("Members wear badges.", statement) == CONTRADICTED


@pytest.mark.parametrize(
    ("statement", "evidence"),
    [
        ("No keepers lived in the tower.", "Keepers did not live in the tower."),
        ("Keepers did not live in the tower.", "No keepers lived in the tower."),
        ("The tower has no lamp.", "The tower lacks a lamp."),
        ("The tower is without a lamp.", "The tower has no lamp."),
        ("Guests do not have to pay a fee.", "Guests are not required to pay a fee."),
        ("Guests need not pay a fee.", "Guests are not obliged to pay a fee."),
        ("The tower no longer has a lamp.", "The tower does not have a lamp any more."),
        ("The ferry is not able to carry cars.", "The ferry cannot carry cars."),
        ("The ferry is unable to carry cars.", "The ferry is incapable of carrying cars."),
        ("The ferry can carry cars.", "The ferry is able to carry cars."),
        ("Mail seldom arrives in winter.", "Mail rarely arrives in winter."),
        ("It opened in 1990.", "The mill did not run in winter, but it opened in 1990."),
    ],
)
def test_the_same_said_otherwise_is_supported(statement: str, evidence: str) -> None:
    assert verdict(statement, evidence) == SUPPORTED


def test_a_prohibition_is_not_an_exemption() -> None:
    assert verdict("Members may not wear badges.", "Members are not required to wear badges.") == CONTRADICTED


def test_the_opposite_of_what_is_denied_contradicts_nothing() -> None:
    assert verdict("The lift is closed on Sunday.", "The lift is not open on Sunday.") == PARTLY
    assert verdict("The lift is unsafe.", "The lift is not safe.") == PARTLY
    assert verdict("The lift is unsafe.", "The lift is safe.") == CONTRADICTED


def test_where_the_evidence_denies_nothing_its_words_need_no_company() -> None:
    assert one_sided("The mill is not old.", "An old place, the mill stands there still.")
    assert not one_sided("The mill is not new.", "An old place, the mill stands there still.")
    assert not one_sided("The mill is old.", "Not an old place, the mill stands there still.")


def test_a_denial_that_moved_far_away_is_no_excuse() -> None:
    evidence = "The mill ran in winter while the long narrow lock beside the quay never opened."
    assert one_sided("The mill never ran in winter while the long narrow lock beside the quay opened.", evidence)


def test_a_note_of_a_model_is_no_evidence() -> None:
    text = "It stands 31 metres high."
    heading = Section(0, 99, "heading", "Towers > Ytre Holm")
    chunk = Chunk("c", "d", text, 0, len(text), "d.txt", "Lights", "Lights > Built by Havn Lines.\nName | Height")
    headed = Chunk("c", "d", text, 0, len(text), "d.txt", "Lights", "Lights > Ytre Holm", sections=(heading,))
    assert judge("Havn Lines stands 31 metres high.", [chunk]).verdict not in (SUPPORTED, PARTLY)
    assert judge("It was built and stands 31 metres high.", [chunk]).verdict == PARTLY
    assert judge("The height of the lights is 31 metres.", [chunk]).verdict == SUPPORTED  # title and table header
    assert judge("Ytre Holm stands 31 metres high.", [headed]).verdict == SUPPORTED


TEN = "Old mills grind local barley into coarse flour beside narrow quays."


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (TEN, SUPPORTED),
        ("old mills grind local barley in crooked sheds during misty autumns", PARTLY),
        ("old mills grind fresh cherries near crooked sheds during misty autumns", PARTLY),  # three words of ten
        ("old mills crush fresh cherries near crooked sheds during misty autumns", UNSUPPORTED),
    ],
)
def test_three_words_of_ten_are_enough(statement: str, expected: str) -> None:
    assert verdict(statement, TEN) == expected


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("The mast is sold by Halvorsen.", SUPPORTED),
        ("The mast is sold by Halvorsens.", SUPPORTED),  # a plural
        ("The mast is sold by Halvorson.", UNSUPPORTED),  # one letter changed,
        ("The mast is sold by havorsen.", UNSUPPORTED),  # left out,
        ("The mast is sold by haalvorsen.", UNSUPPORTED),  # put in,
        ("The mast is sold by ahlvorsen.", UNSUPPORTED),  # exchanged
        ("The mast is sold by halvorsn.", UNSUPPORTED),  # a name is more than its first letters
        ("The mast is sold by halvorsen.", SUPPORTED),
        ("“The mast is sold by Halvorsen.”", SUPPORTED),
        ("“The mast was sold by Halvorsen.”", UNSUPPORTED),
        ("“mast sold” by Halvorsen", SUPPORTED),  # two words are no quotation
        ("No. The mast is sold by Halvorsen.", PARTLY),
        ("Yes: the mast is sold by Halvorsen.", SUPPORTED),
        ("1. The mast is sold by Halvorsen.", SUPPORTED),
        ("The mast is sold by Hаlvorsen.", UNSUPPORTED),  # a Cyrillic letter
    ],
)
def test_names_quotations_and_openers(statement: str, expected: str) -> None:
    assert verdict(statement, "The mast is sold by Halvorsen. It is made of ash.") == expected


def test_every_marker_must_serve() -> None:
    one, other = "The mast is 31 metres high.", "Soup is served at noon."
    chunks = [Chunk(text, "d", text, 0, len(text), "d.txt") for text in (one, other)]
    found = judge("The mast is 31 metres high.", chunks)
    assert (found.verdict, found.spans) == (PARTLY, (((0, len(one)),), ()))
    assert judge("The mast is 31 metres high and soup is served at noon.", chunks).verdict == SUPPORTED
    assert judge("The mast is 30 metres high.", chunks).verdict == CONTRADICTED
    assert judge("Nobody knows.", chunks).spans == ((), ())


def test_numbers_bring_no_sentence_in_alone_and_names_do() -> None:
    text = "The mill opened in 1990. Rain fell on 40 days. Berg drew it."
    chunk = Chunk("c", "d", text, 0, len(text), "d.txt")
    assert judge("The mill opened in 1990 with 40 rooms.", [chunk]).verdict == CONTRADICTED
    found = judge("The mill that opened in 1990 was by Berg.", [chunk])
    assert found.verdict == SUPPORTED and [text[a:b] for a, b in found.spans[0]] == [text[:24], text[-13:]]
