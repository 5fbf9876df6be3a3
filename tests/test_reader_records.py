"""Values of the keys that a question asks for."""

from __future__ import annotations

import pytest

from rag.reader.records import find_values

RECEIPT = (
    "receipt.pdf",
    "TECHMART\nStore #0342\nCashier: Emily Rodriguez\nReport Date: 2024-11-15\nTOTAL $821.14\nThank you",
)
BOOKING = (
    "booking.pdf",
    "Cinema\nContact:\nSarah Johnson\nRegion:\nNORTH\n\nBooking Agency\nName:\nPremier Group\nContact:\nMichael Chen",
)
CELLS = ("form.pdf", "| Contact: | Michael Chen |  |  |\nOrder / Rev: | 2024-12-5678 | Cinema: | Downtown Multiplex")
REPAIR = (
    "repair.pdf",
    "Insured Gabriel Diaz\nMake Jeep\nEmail g@contoso.com VIN 1C4RJFBG2NC123456\nPhone: 555-1111\n\n"
    "Insured Bruce Wayne\nMake Batman\nEmail b@wayne.com VIN XXX\nPhone: 555-2222",
)
BUG = (
    "",
    "> RFC822 messages not parsed\n>  Issue Type: Bug\n>    Reporter: Joshua Turner\n>    Assignee: Julien Nioche",
)
PROSE = ("", "Leave: you may take as many days as you like, if your manager and your whole team agree to it.")


@pytest.mark.parametrize(
    ("question", "passage", "said"),
    [
        ("Who was the cashier on the receipt?", RECEIPT, "Emily Rodriguez"),
        ("What is the report date?", RECEIPT, "2024-11-15"),
        ("What is the total of the receipt?", RECEIPT, "$821.14"),
        ("Who is the contact at the booking agency?", BOOKING, "Michael Chen"),
        ("Who is the contact?", CELLS, "Michael Chen"),
        ("Which cinema is it?", CELLS, "Downtown Multiplex"),
        ("What is the order rev?", CELLS, "2024-12-5678"),
        ("What is the VIN of the Jeep of Gabriel Diaz?", REPAIR, "1C4RJFBG2NC123456"),
        ("What is the phone of Bruce Wayne?", REPAIR, "555-2222"),
        ("Who reported the RFC822 bug?", BUG, "Joshua Turner"),
        ("Who was assigned to the bug?", BUG, "Julien Nioche"),
    ],
)
def test_a_key_that_is_asked_for_gives_its_value(question: str, passage: tuple[str, str], said: str) -> None:
    (span,) = find_values(question, [PROSE, passage])
    assert span.passage == 1
    assert passage[1][span.start : span.end] == said
    assert 0 < span.score <= 1


@pytest.mark.parametrize(
    ("question", "passage"),
    [
        ("What is the VIN of Bruce Wayne?", REPAIR),  # the VIN there is another one's
        ("What is the phone?", REPAIR),  # two records, two phones
        ("Who was the cashier at Havn?", RECEIPT),  # a name that nothing here has
        ("What is the leave?", PROSE),  # a sentence, no value
        ("How many cashiers are there?", RECEIPT),
        ("Is the cashier Emily Rodriguez?", RECEIPT),
        ("How do I reach the contact?", BOOKING),
    ],
)
def test_nothing_is_found_where_the_record_is_not_decided(question: str, passage: tuple[str, str]) -> None:
    assert find_values(question, [passage]) == []
