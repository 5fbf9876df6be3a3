"""Calendars and address cards: long lines are whole, values decoded, and nothing but words is in the text."""

import base64

from tests.connectors.test_connect_formats import labels, one


def test_events_are_lines_put_together() -> None:
    event = (
        "DTSTART:20250304T090000Z\r\nSUMMARY:Inspection of the win\r\n dlass\r\nDESCRIPTION:Keys\\, please.\\nNine\\;"
    )
    zone = "BEGIN:VTIMEZONE\r\nTZID:Oslo\r\nEND:VTIMEZONE\r\n"
    card = one(f"BEGIN:VCALENDAR\r\n{zone}BEGIN:VEVENT\r\nUID:1\r\n{event}\r\nEND:VEVENT\r\nEND:VCALENDAR", "a.ics")
    assert (
        card.text
        == "Begins: 2025-03-04 09:00 UTC\nSummary: Inspection of the windlass\nDescription: Keys, please. Nine;"
    )
    assert [*labels(card, "entry")] == ["Inspection of the windlass"]


def test_cards_in_quoted_printable_have_their_letters_and_no_pictures() -> None:
    names = (
        "N;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:Dvo=C5=99=C3=A1k;Ana\nNOTE;ENCODING=QUOTED-PRINTABLE:light=\nhouse"
    )
    photo = "PHOTO;ENCODING=b:" + base64.b64encode(bytes(90)).decode() + "\n " + base64.b64encode(bytes(90)).decode()
    assert one(f"BEGIN:VCARD\n{photo}\n{names}\nEND:VCARD\n", "a.vcf").text == "Name: Dvořák Ana\nNote: lighthouse"
