"""Mail: every part that has text is read, in whatever form programs send it."""

from __future__ import annotations

import base64
import binascii
import struct

import pytest

from rag_connectors.outcome import outcome_of, sniff
from rag_connectors.parsed import ParsedRecord, ParseOptions, ParseOutcome, RefusalError
from tests.connectors import samples

HEAD = b"From: Ana Berg <ana@example.org>\nTo: Bo Dahl <bo@example.org>\nDate: Tue, 04 Mar 2025 09:00:00 +0100\n"
PNG = b"Content-Type: image/png; name=leak.png\nContent-Transfer-Encoding: base64\n\n" + base64.b64encode(
    b"\x89PNG" * 9
)


def read(data: bytes, name: str = "m.eml") -> ParseOutcome:
    return outcome_of(data, name, ParseOptions(), sniff(data, name), "")


def records(data: bytes, name: str = "m.eml") -> tuple[ParsedRecord, ...]:
    result = read(data, name)
    assert (result.status, result.reason) == ("ok", "")
    assert len({record.key for record in result.records}) == len(result.records)
    return result.records


def part(content_type: str, body: str | bytes, *more: str) -> bytes:
    lines = [f"Content-Type: {content_type}", *more, ""]
    return "\n".join(lines).encode() + b"\n" + (body.encode() if isinstance(body, str) else body)


def multipart(kind: str, *parts: bytes, subject: str = "Pump 7", bound: str = "=b1") -> bytes:
    lines = b"".join(b"--" + bound.encode() + b"\n" + one + b"\n" for one in parts)
    head = (
        HEAD + f'Subject: {subject}\nMIME-Version: 1.0\nContent-Type: multipart/{kind}; boundary="{bound}"\n\n'.encode()
    )
    return head + lines + b"--" + bound.encode() + b"--\n"


def nested(kind: str, *parts: bytes, bound: str) -> bytes:
    whole = multipart(kind, *parts, bound=bound)
    return whole[whole.index(b"Content-Type: multipart") :]


def test_a_body_goes_on_after_a_picture() -> None:
    [record] = records(
        multipart("mixed", part("text/plain", "The seal leaks."), PNG, part("text/plain", "Part KX-4471."))
    )
    assert record.text.index("The seal leaks.") < record.text.index("Part KX-4471.")
    assert "Attachment: leak.png" in record.text
    [record] = records(multipart("mixed", part("text/html", "<p>The seal."), PNG, part("text/html", "<p>KX-9902.")))
    assert "The seal." in record.text and "KX-9902." in record.text


def test_a_mail_in_a_mail_is_a_document_with_the_mail_as_parent() -> None:
    inner = (
        b"From: Cora Ek <c@example.org>\nSubject: Valve\nMessage-ID: <v@x>\n\nThe valve was ordered from Lindqvist.\n"
    )
    whole = multipart("mixed", part("text/plain", "See below."), b"Content-Type: message/rfc822\n\n" + inner)
    mail, forwarded = records(whole, "m.eml")
    assert "See below." in mail.text and "parent" not in mail.meta
    assert "ordered from Lindqvist" in forwarded.text and "Cora Ek" in forwarded.text
    assert (forwarded.title, forwarded.meta["parent"], forwarded.meta["thread"]) == ("Valve", "m.eml", "<v@x>")
    encoded = base64.encodebytes(inner)
    head = b"Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n"
    assert "Cora Ek" in records(multipart("mixed", head + encoded))[1].text


def test_a_digest_has_all_its_mails() -> None:
    one, two = (b"\nSubject: S%d\n\nText %d.\n" % (n, n) for n in (1, 2))
    assert [record.title for record in records(multipart("digest", one, two))] == ["Pump 7", "S1", "S2"]


@pytest.mark.parametrize("plain", ["", " \n\n", "Your program shows no HTML."])
def test_a_plain_part_that_is_none_gives_way_to_html(plain: str) -> None:
    page = "<form><p>The inspection of crane 3 is on 14 May, the crane stands still all day.</p></form>"
    [record] = records(multipart("alternative", part("text/plain", plain), part("text/html", page)))
    assert "crane 3 is on 14 May" in record.text
    related = nested("related", part("text/html", page), PNG, bound="=b2")
    [record] = records(multipart("alternative", part("text/plain", plain), related))
    assert "crane 3 is on 14 May" in record.text


def test_of_two_alternatives_one_is_read() -> None:
    both = part("text/plain", "The slip is steep."), part("text/html", "<p>The slip is <b>steep</b>.")
    [record] = records(multipart("alternative", *both))
    assert record.text.count("steep") == 1


def test_of_two_alternatives_that_differ_by_a_word_the_fuller_is_read() -> None:
    plain = part("text/plain", "The slip is steep. Ask Bo Dahl at the gate of the yard about it.")
    page = part("text/html", "<p>The northern slip is steep. Ask Bo Dahl at the gate of the yard about it.")
    [record] = records(multipart("alternative", plain, page))
    assert "northern slip" in record.text and record.text.count("steep") == 1
    numbered = part("text/plain", "The slip is steep. Ask Bo Dahl at gate 7 of the yard about it.")
    assert "gate 7" in records(multipart("alternative", numbered, page))[0].text


def test_alternatives_that_say_other_things_lose_nothing() -> None:
    plain = part("text/plain", "The slip is steep, ask Bo Dahl about it. View it online.")
    page = part(
        "text/html", "<p>The slip is steep, ask Bo Dahl about it.<p>Shut in June.<table><tr><td>Hook<td>7</table>"
    )
    [record] = records(multipart("alternative", plain, page))
    assert "Hook | 7" in record.text and record.text.count("steep") == 1
    other = part("text/plain", "Ask for Eva at the gate, she has the keys of all halls and of the crane on the quay.")
    [record] = records(multipart("alternative", other, page))
    assert "Eva" in record.text and "Hook | 7" in record.text
    looks = part("text/x-amp-html", "<p>AMP form of it 9</p>"), part("text/css", "p{color:red}")
    assert "AMP" not in records(multipart("alternative", plain, looks[0]))[0].text
    assert "color" not in records(multipart("related", page, looks[1]))[0].text


def test_other_bodies() -> None:
    invitation = part("text/calendar", "BEGIN:VEVENT\nSUMMARY:Inspection of the win\n dlass\nEND:VEVENT")
    assert "windlass" in records(multipart("mixed", part("text/plain", "See."), invitation))[0].text
    rich = part("text/enriched", "The <bold>winch</bold> is <color><param>red</param>old</color>.")
    assert "The winch is old." in records(HEAD + rich)[0].text
    secret = read(HEAD + b"\n-----BEGIN PGP MESSAGE-----\n\nhQEMA123\n-----END PGP MESSAGE-----\n")
    assert (secret.status, secret.reason) == ("degraded", "it is encrypted (PGP)")


def test_files_of_mail_programs() -> None:
    mail = HEAD + b"\nThe gate.\n"
    assert records(b"\xef\xbb\xbf" + mail)[0].meta["author"] == "Ana Berg"
    [record] = records(b"%d      \n" % len(mail) + mail + b"<?xml version='1.0'?><plist/>", "1.emlx")
    assert record.text.endswith("The gate.")


@pytest.mark.parametrize("how", ["attachment", "inline"])
def test_attachments_are_documents(how: str) -> None:
    text = part("text/plain; charset=cp1250", "Růžena: the canteen closes at 15:00.".encode("cp1250"),
                f'Content-Disposition: {how}; filename="minutes.txt"')  # fmt: skip
    table = part("text/csv", base64.b64encode(b"Part;Price\nWinch;5\n"), "Content-Transfer-Encoding: base64",
                 "Content-Disposition: attachment; filename*=utf-8''Preis%C3%BCbersicht.csv")  # fmt: skip
    mail, minutes, prices = records(multipart("mixed", part("text/plain", "Attached."), text, table), "in/m.eml")
    assert "Attachment: minutes.txt" in mail.text and "Attachment: Preisübersicht.csv" in mail.text
    assert minutes.text == "Růžena: the canteen closes at 15:00." and minutes.title == "minutes.txt"
    assert minutes.meta["parent"] == "in/m.eml" and minutes.meta["from"] == "Ana Berg <ana@example.org>"
    assert minutes.spans[0][2:] == ("attachment", "attachment minutes.txt")
    assert "Part: Winch; Price: 5" in prices.text


def test_an_attachment_that_cannot_be_read_is_named_as_lost() -> None:
    broken = part("application/pdf; name=a.pdf", base64.b64encode(b"%PDF-1.4 no"), "Content-Transfer-Encoding: base64")
    result = read(multipart("mixed", part("text/plain", "Attached."), broken))
    assert result.status == "degraded" and "a.pdf" in result.reason and len(result.records) == 1
    sealed = read(multipart("encrypted", part("application/pgp-encrypted", "Version: 1"), part("text/plain", "x")))
    assert sealed.status == "degraded" and "encrypted" in sealed.reason


def test_latin_1_is_what_browsers_take_it_for() -> None:
    body = "The filter costs € 45 – “cheap”, don’t wait…".encode("cp1252")
    assert "€ 45 – “cheap”, don’t wait…" in records(HEAD + part("text/plain; charset=iso-8859-1", body))[0].text
    assert "“cheap”" in records(HEAD + part("text/plain; charset=us-ascii", body))[0].text


def test_japanese_in_seven_bits() -> None:
    body = "ポンプの部品番号はKX-4471です。".encode("iso2022_jp")
    for kind in ("text/plain; charset=iso-2022-jp", "text/plain"):
        assert "ポンプの部品番号はKX-4471です。" in records(HEAD + part(kind, body))[0].text


def test_a_subject_in_seven_bits_is_read_as_the_body_is() -> None:
    said = "ポンプの点検"
    head = b"Content-Type: text/plain; charset=iso-2022-jp\n\n"
    (one,) = records(
        b"From: a@example.org\nSubject: " + said.encode("iso2022_jp") + b"\n" + head + said.encode("iso2022_jp")
    )
    assert one.title == said and one.text.rstrip().endswith(said)


def test_a_mail_has_no_furniture_and_an_encoded_mail_inside_is_decoded() -> None:
    page = "<header>Order 8812</header><aside>Friday</aside><footer>Hall 4</footer>"
    assert {"8812", "Friday", "4"} <= set(records(part("text/html", page))[0].text.split())
    inside = b"From: c@example.org\nSubject: Valve\n\nThe valve is from Lindqvist Armat=\nuren."
    mail = multipart(
        "mixed", part("text/plain", "x"), part("message/rfc822", inside, "Content-Transfer-Encoding: quoted-printable")
    )
    assert "Lindqvist Armaturen." in records(mail)[1].text


def test_headers_in_bytes_and_in_words() -> None:
    raw = "From: Jürgen Groß <jg@example.org>\nSubject: Prüfung der Wärmepumpe\n\nDer Termin steht.\n"
    for encoding in ("latin-1", "utf-8"):
        [record] = records(raw.encode(encoding))
        assert record.title == "Prüfung der Wärmepumpe" and record.meta["from"] == "Jürgen Groß <jg@example.org>"
    czech = "Subject: Příloha: žádost\nContent-Type: text/plain; charset=windows-1250\n\nČerpadlo.\n"
    assert records(czech.encode("cp1250"))[0].title == "Příloha: žádost"
    data = "Prüfung 漢字".encode()
    cut = [base64.b64encode(piece).decode() for piece in (data[:3], data[3:10], data[10:])]
    words = "\n ".join(f"=?UTF-8?B?{piece}?=" for piece in cut)
    assert records(f"Subject: {words}\n\nx\n".encode())[0].title == "Prüfung 漢字"
    odd = b'Subject: =?iso-8859-1?q?A=80B?= and "=?koi8-r?Q?=F0?=" =?no-such?Q?x?=\n\nx\n'
    assert records(odd)[0].title == 'A€B and "П" x'


def test_flowed_text_has_whole_paragraphs() -> None:
    body = "The winch lifts \n750 kg per hook.\n> quoted \n> on\n-- \nAna\n"
    text = records(HEAD + part("text/plain; format=flowed", body))[0].text
    assert "The winch lifts 750 kg per hook.\n> quoted on\n--" in text


def test_uuencoded_files_in_a_body_are_attachments() -> None:
    encoded = binascii.b2a_uu(b"The winch lifts 750 kg.")
    mail, note = records(HEAD + b"\nSee:\nbegin 644 note.txt\n" + encoded + b"`\nend\nBye.\n")
    assert "Bye." in mail.text and "begin 644" not in mail.text and note.text == "The winch lifts 750 kg."


def test_an_mbox_has_a_document_for_each_mail() -> None:
    first = (
        b"From a Tue Mar  4 09:00:00 2025\nMessage-ID: <1@x>\nSubject: One\n\n>From here it is.\n\nFrom 2019 on.\n\n"
    )
    second = b"From b@x Wed Mar  5 10:00:00 2025\nMessage-ID: <2@x>\nReferences: <1@x>\nSubject: Re: One\n\nYes.\n"
    for name in ("in.mbox", "Inbox"):
        one, two = records(first + second, name)
        assert one.text == "Subject: One\n\nFrom here it is.\n\nFrom 2019 on."
        assert (one.key, two.key) == ("1@x", "2@x") and one.meta["thread"] == two.meta["thread"] == "<1@x>"
        assert one.spans[-1][2:] == ("mail", "mail 1@x")


def test_msg() -> None:
    fields = {"0037": "Pump 7", "0C1A": "Ana Berg", "5D01": "ana@example.org", "0E04": "Bo Dahl", "1035": "<1@x>"}
    data = samples.msg(
        {**fields, "1000": "See the minutes.\r\n"}, {"minutes.txt": b"Closes at 15:00."}, {"0037": "Valve"}
    )
    mail, minutes, valve = records(data, "m.msg")
    assert mail.text.startswith("From: Ana Berg <ana@example.org>\nTo: Bo Dahl\nDate: Mon, 03 Mar 2025")
    assert mail.title == "Pump 7" and mail.meta["thread"] == "<1@x>" and "See the minutes." in mail.text
    assert minutes.text == "Closes at 15:00." and minutes.meta["parent"] == "m.msg" and valve.title == "Valve"


def test_msg_with_other_bodies() -> None:
    page = "<p>Der Kran steht <b>höher</b>.</p>".encode("cp1252")
    assert "Der Kran steht höher." in records(samples.msg({"10130102": page}), "m.msg")[0].text
    rtf = rb"{\rtf1\ansi\fromhtml1 {\*\htmltag64 <p>}The crane is h\'f6her.\par}"
    packed = struct.pack("<IIII", len(rtf) + 12, len(rtf), 0x414C454D, 0) + rtf
    assert "The crane is höher." in records(samples.msg({"10090102": packed}), "m.msg")[0].text
    words = b"".join(b"\0" + rtf[i : i + 8] for i in range(0, len(rtf), 8))
    packed = struct.pack("<IIII", len(words) + 12, len(rtf), 0x75465A4C, 0) + words
    assert "The crane is höher." in records(samples.msg({"10090102": packed}), "m.msg")[0].text


def test_an_ole_file_that_is_no_mail_is_refused() -> None:
    with pytest.raises(RefusalError, match="no Outlook mail"):
        read(samples.compound({"Workbook": b"x"}), "m.msg")


def test_the_date_of_a_mail_is_iso_and_its_author_a_name() -> None:
    head = "From: {}\nDate: {}\nSubject: Pump\n\nText\n"
    for sender, author in (("Ana Berg <a@x.example>", "Ana Berg"), ("a@x.example", "a@x.example"), ("", None)):
        [record] = records(head.format(sender, "Tue, 04 Mar 2025 09:00:00 +0100").encode())
        assert (record.meta["date"], record.meta.get("author")) == ("2025-03-04T09:00:00+01:00", author)
        assert "Date: Tue, 04 Mar 2025" in record.text
    assert records(head.format("a@x.example", "yesterday").encode())[0].meta["date"] == "yesterday"
