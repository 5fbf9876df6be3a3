"""What is an identifier, and whether a text holds exactly this one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.text.identifiers import Identifier, compounds, find_identifiers, name_another, plain


@pytest.mark.parametrize(
    "written",
    """XJ-913/2B 10.0.4.23 48210481 CVE-2024-1234 v2.10.13 2.10.13 E-1042 0x80070057 ORA-00942 K2 R310 COVID-19
    a.b@c.org conf/app.yaml max_connections 88-1204 WS-C2960X 00:1B:44:11:3A:B7 550e8400-e29b-41d4-a716-446655440000
    xj-913/2b 192.168.0.1:8080 DWG_3217_R3 978-3-16-148410-0""".split(),
)
def test_identifiers_are_found_whole(written: str) -> None:
    assert [one.written for one in find_identifiers(f"What about {written}, please ({written})?")] == [written]


@pytest.mark.parametrize(
    "written",
    """2010 1,000 3.5 2024-05-03 03/05/2024 3.5.2024 2013-14 2013–14 1914-1918 10:30 24/7 20-year-old 19th-century 1990s
    21st 400W 3D mid-1990s post-1945 and/or km/h U.S. e.g. well-known 5-km 100000 3.5km/h 100-200 3-2 TCP/IP 5G-network
    Ph.D example.com""".split(),
)
def test_amounts_dates_and_words_are_none(written: str) -> None:
    assert find_identifiers(f"What about {written}, please?") == ()


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("XJ-913/2B", "The part XJ-913/2B."),
        ("XJ-913/2B", "the xj 913/2b"),
        ("XJ-913/2B", "XJ\u2011913/2B's valve"),
        ("XJ-913/2B", "the XJ-\n913/2B valve"),
        ("XJ-913/2B", "XJ\u00ad-9\u200b13/2B"),
        ("XJ-913", "XJ-913/2B and XJ-913.pdf"),
        ("10.0.4.23", "(10.0.4.23/24)"),
        ("10.0.4.23", "http://10.0.4.23:8080/"),
        ("v2.10.13", "version 2.10.13."),
        ("2.10.13", "Firmware v2.10.13"),
        ("K2", "the Lumen-K2 and the K2-router"),
        ("48210481", "Order No.48210481"),
        ("F-16", "an F16 and"),
        ("F16", "an F-16 and"),
        ("COVID-19", "Covid 19"),
        ("INC-2248", "incidents/INC-2248.txt"),
    ],
)
def test_a_text_holds_it_however_it_is_written(written: str, text: str) -> None:
    assert Identifier(written).is_in(text)
    assert not name_another([Identifier(written)], text)


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("XJ-913/2B", "XJ-914/2B XJ-1913/2B XJ-913/2BX XJ-913/2B-A AXJ-913/2B"),
        ("10.0.4.2", "10.0.4.23 and 10.0.4.2.5 and 110.0.4.2"),
        ("10.0.4.23", "10.0.42.3"),
        ("v2.10", "v2.10.13"),
        ("K2", "K21, A-K20, in a k 2"),
        ("48210481", "482104811, 148210481"),
        ("CVE-2024-1234", "CVE-2024-12345"),
        ("2024-123456", "2024123456"),
    ],
)
def test_another_one_is_not_it(written: str, text: str) -> None:
    assert not Identifier(written).is_in(text)


def test_another_of_the_same_form_is_noticed() -> None:
    asked = [Identifier("XJ-913/2B")]
    assert name_another(asked, "It replaces XJ-914/2B.")
    assert not name_another(asked, "XJ-914/2B replaces XJ-913/2B.")
    assert not name_another(asked, "It fits the gate of hall 4, rack B2.")


def test_compounds_are_wholes_and_their_segments() -> None:
    found = list(compounds(plain("XJ-913/2B, an E-mail, 10.0.4.23/24 and v2.1.3")))
    assert found == ["xj913/2b", "xj913", "email", "10.0.4.23/24", "10.0.4.23", "v2.1.3", "2.1.3"]


@given(st.from_regex(r"[A-Z]{2}-[0-9]{3,5}/[0-9][A-Z]", fullmatch=True), st.text("ab 1.,\n", max_size=20))
def test_whatever_stands_around_it_in_blanks_it_is_held(written: str, around: str) -> None:
    (one,) = find_identifiers(written)
    assert one.is_in(f"{around} {written} {around}")
    assert one.is_in(f"{around} {written.lower()}, {around}")
