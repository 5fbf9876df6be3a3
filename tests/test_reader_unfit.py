"""What cannot be an answer, and what nearly looks so."""

from __future__ import annotations

import pytest

from rag.reader.unfit import find_fault

RFC = """Fielding, et al.            Standards Track                    [Page 12]

RFC 2616                HTTP/1.1                June 1999

The default port is 80."""


def fault(question: str, text: str, said: str) -> str:
    start = text.index(said)
    return find_fault(question, ("", text), start, start + len(said))


@pytest.mark.parametrize(
    ("question", "text", "said", "name"),
    [
        ("What is the leave?", "Leave -- see below.", "--", "empty"),
        ("What is the phone number of the garage?", "The garage is Lindner in Havn.", "Lindner", "kind"),
        ("Which router is there?", "Router: see building sheet; Heating: pump", "see building sheet", "elsewhere"),
        ("What is the voltage?", "Voltage | n/a", "n/a", "elsewhere"),
        ("What happens to leave?", "You can get it paid out.", "get", "silent"),
        ("What do eggs need?", "The hens have laid them there.", "laid them", "silent"),
        ("Who makes the Lumen router?", "The Lumen router is made by Havn.", "The Lumen router", "question"),
        ("Who makes it?", "Made by Havn (Oslo since 1990.", "Havn (Oslo", "unfinished"),
        ("How many blankets were delivered?", "The blankets came to Rome.", "Rome", "kind"),
        ("When was the bridge opened?", "The bridge, opened by Ann Ray.", "Ann Ray", "kind"),
        ("What year was it built?", "It was built by masons.", "masons", "kind"),
        ("Who wrote it?", "It was written 1990-04-02.", "1990-04-02", "kind"),
        ("Where was Ann born?", "She was born 3 May 1950.", "3 May 1950", "kind"),
        ("Which is older, Rome or Athens?", "Paris is young, Athens old.", "Paris", "choice"),
        ("Which is the default, HTTP/1.0 or HTTP/1.1?", "It is the default in HTTP.", "HTTP", "choice"),
        ("Which rule is for leave?", "4.2 Leave\nLeave is paid.", "4.2", "numbering"),
        ("Which rule is for leave?", "# 4 Leave\nLeave is paid.", "4", "numbering"),
        ("How much do we bear?", "4 Deductible\nWe bear the first 85 crowns.", "4", "numbering"),
        ("What are the three rules?", "The rules are in 3 parts.", "3", "kind"),
        ("What is first?", "To start:\n1. Press the knob.", "1", "numbering"),
        ("What is first?", "To start:\n(b) Press the knob.", "(b)", "numbering"),
        ("What size is it?", "It is large, see Section 7.", "7", "numbering"),
        ("What size is it?", "It is large [7].", "7", "numbering"),
        ("What is the port?", RFC, "12", "numbering"),
        ("What is the port?", RFC, "June 1999", "margin"),
        ("Who made it?", RFC, "Fielding", "margin"),
        ("Who wrote the paper?", "We thank Ann Ray and Bo Ek for their help.", "Ann Ray", "thanks"),
        ("Who wrote the paper?", "7. Acknowledgements\nAnn Ray read drafts of it.", "Ann Ray", "thanks"),
    ],
)
def test_what_cannot_answer_is_named(question: str, text: str, said: str, name: str) -> None:
    assert fault(question, text, said) == name


@pytest.mark.parametrize(
    ("question", "text", "said"),
    [
        ("What is the port?", RFC, "80"),
        ("How many weeks are there?", "Leave is short.\n16 weeks for all", "16"),
        ("How many ducks were counted?", "Ducks\n170 Ducks", "170"),
        ("How many came?", "Nobody knows; only a few came.", "only a few"),
        ("When did the empire fall?", "It fell in the Middle Ages.", "the Middle Ages"),
        ("Which is older, Rome or Athens?", "Athens is older.", "Athens"),
        ("Which is the default, HTTP/1.0 or HTTP/1.1?", "It is HTTP/1.1 by default.", "HTTP/1.1"),
        ("Which of Rome and Athens is older?", "Athens is older.", "Athens"),
        ("Is the leave paid or unpaid?", "It is unpaid leave.", "unpaid"),
        ("Which section is about leave?", "Leave is in Section 7.", "7"),
        ("Which version is it?", "It runs 4.2 now.", "4.2"),
        ("Who sings it?", "It is by U2.", "U2"),
        ("Who wrote the paper?", "The paper is by Ann Ray. Many thanks to Bo Ek.", "Ann Ray"),
        ("Which month is it?", "It is in May.", "May"),
        ("What country is it?", "He is from the US.", "US"),
        ("What does the rule say about who gets what?", "It says no more than all.", "no more than all"),
    ],
)
def test_what_may_answer_has_no_fault(question: str, text: str, said: str) -> None:
    assert fault(question, text, said) == ""
