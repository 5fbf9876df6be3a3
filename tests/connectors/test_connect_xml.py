"""XML is read as what it holds: entries of feeds, records, prose, data."""

from __future__ import annotations

import pytest

from rag_connectors.outcome import outcome_of, sniff
from rag_connectors.parsed import ParsedRecord, ParseOptions, ParseOutcome


def read(text: str | bytes, name: str = "a.xml") -> ParseOutcome:
    data = text.encode() if isinstance(text, str) else text
    return outcome_of(data, name, ParseOptions(), sniff(data, name), "")


def records(text: str | bytes, name: str = "a.xml") -> tuple[ParsedRecord, ...]:
    result = read(text, name)
    assert (result.status, result.reason) == ("ok", "")
    return result.records


RSS = """<?xml version="1.0"?><rss xmlns:content="c" xmlns:dc="d"><channel><title>Yard</title>
<item><title>Winch &amp; crane</title><link>https://x.example/1</link><guid>g1</guid><dc:creator>Ana</dc:creator>
<pubDate>Tue, 04 Mar 2025 09:00:00 GMT</pubDate><category>hall 4</category><description>It lifts...</description>
<content:encoded><![CDATA[<p>It lifts <b>750</b> kg.</p>]]></content:encoded></item>
<item><title>Slip</title><description>&lt;p&gt;The slip&lt;br&gt;is steep.</description></item></channel></rss>"""
ATOM = """<feed xmlns="http://www.w3.org/2005/Atom"><title>Yard</title><entry><id>e1</id><title>Winch</title>
<link rel="self" href="https://x.example/feed"/><link href="https://x.example/1"/><author><name>Ana</name></author>
<updated>2025-03-04</updated><summary>Short.</summary>
<content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>It lifts 750 kg.</p></div></content></entry>
</feed>"""


def test_an_entry_of_a_feed_is_a_document() -> None:
    winch, slip = records(RSS, "feed.rss")
    assert winch.text == (
        "Winch & crane\n\nDate: Tue, 04 Mar 2025 09:00:00 GMT\nBy: Ana\nAbout: hall 4\n\nIt lifts 750 kg."
    )
    assert winch.meta == {
        "url": "https://x.example/1",
        "date": "Tue, 04 Mar 2025 09:00:00 GMT",
        "author": ("Ana",),
        "category": ("hall 4",),
    }
    assert (winch.key, winch.title, winch.spans[0][2:]) == ("g1", "Winch & crane", ("entry", "Winch & crane"))
    assert slip.text == "Slip\n\nThe slip\nis steep."
    [entry] = records(ATOM)
    assert "It lifts 750 kg." in entry.text and "Short." in entry.text and entry.meta["url"] == "https://x.example/1"


def test_elements_of_one_name_are_records() -> None:
    xml = """<!-- x --><parts xmlns="p"><part id="KX-1"><name>Winch</name><price unit="euro">1240</price></part>
    <part id="KX-2"><name>Hoist</name><seller><town>Köln</town></seller><tag>a</tag><tag>b</tag></part></parts>"""
    winch, hoist = records(xml.encode("latin-1").replace(b"<!-- x -->", b'<?xml version="1.0" encoding="iso-8859-1"?>'))
    assert winch.text == "id: KX-1\nname: Winch\nprice.unit: euro\nprice: 1240"
    assert (winch.key, winch.title, winch.spans[0][3]) == ("KX-1", "Winch", "part KX-1")
    assert hoist.meta == {"id": "KX-2", "name": "Hoist", "seller.town": "Köln", "tag": ("a", "b")}
    assert [one.key for one in records("<r><p><a>1</a><b>2</b></p><p><a>1</a><b>2</b></p></r>")] == ["1", "2"]


def test_other_data_is_lines_with_sections() -> None:
    [record] = records(
        "<pump nr='7'><limit unit='kg'>750</limit><parts><seal>KX</seal><bolt><size>4</size></bolt></parts></pump>"
    )
    assert record.text == "nr: 7\nlimit.unit: kg\nlimit: 750\nparts.seal: KX\nparts.bolt.size: 4"
    assert [span[3] for span in record.spans] == ["limit", "parts"]


def test_prose_is_paragraphs_under_titles() -> None:
    xml = """<article><info><title>Yard</title></info><section><title>Winch</title>
    <para>It lifts <emphasis>750</emphasis> kg<!-- not -->, at&nbsp;most &amp; no more.</para>
    <list><item>one</item><item>two</item></list></section><binary>%s</binary></article>""" % ("QUJD" * 400)
    [record] = records(xml, "book.dbk")
    assert record.text == "Yard\n\nWinch\n\nIt lifts 750 kg, at most & no more.\n\none\n\ntwo"
    assert record.title == "Yard" and "Winch" in [span[3] for span in record.spans]


@pytest.mark.parametrize(
    ("xml", "why"),
    [("<a><b>The winch</a>", "not well-formed"), ("<!DOCTYPE a [<!ENTITY x 'y'>]><a>The winch &x;</a>", "entities")],
)
def test_what_is_no_sound_xml_is_text_and_said_so(xml: str, why: str) -> None:
    result = read(xml)
    assert result.status == "degraded" and why in result.reason and "The winch" in result.records[0].text


def test_deep_and_wide_files_are_no_danger() -> None:
    deep = read("<a>" * 50_000 + "x" + "</a>" * 50_000)
    assert deep.status in ("ok", "degraded", "failed")
    assert len(records("<r>" + "<p><a>1</a><b>2</b></p>" * 20_000 + "</r>")) == 20_000


def test_powers_in_prose_are_no_digits_of_their_number() -> None:
    text = "<p>Made 10<sup>6</sup> of <i>H<sub>2</sub>O</i> in 2024<xref><sup>3</sup></xref>, the 1<sup>st</sup>.</p>"
    [record] = records(f"<doc>{text}</doc>")
    assert record.text == "Made 10^6 of H2O in 2024^3, the 1st."


@pytest.mark.parametrize("name", ["index.php?id=3", "page.aspx", "saved"])
def test_what_a_file_without_a_telling_name_begins_with_says_how_to_read_it(name: str) -> None:
    page = "\ufeff <!DOCTYPE html><html><style>p{color:red}</style><p>It lifts &amp; turns.</html>"
    assert records(page, name)[0].text == "It lifts & turns."
    drawing = "<svg><text x='1'>It lifts <tspan>750</tspan> kg.</text></svg>"
    assert records(drawing, name)[0].text == records(drawing, "a.svg")[0].text == "It lifts 750 kg."


def test_office_files_saved_as_xml() -> None:
    sheet = "urn:schemas-microsoft-com:office:spreadsheet"
    cells = "".join(f"<Row>{''.join(f'<Cell><Data>{v}</Data></Cell>' for v in row)}</Row>" for row in ("ab", "12"))
    assert records(f'<Workbook xmlns="{sheet}"><Worksheet><Table>{cells}</Table></Worksheet></Workbook>')[0].text == (
        "a | b\na: 1; b: 2"
    )
    text = "<w:body><w:p><w:r><w:t>It </w:t></w:r><w:r><w:t>lifts.</w:t></w:r></w:p></w:body>"
    old = f'<?xml version="1.0"?><w:wordDocument xmlns:w="http://schemas.microsoft.com/office/word/2003/wordml">{text}'
    assert (
        records(f"{old}</w:wordDocument>")[0].text == records(f"{old}</w:wordDocument>", "a.doc")[0].text == "It lifts."
    )
    space = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    part = f'<w:document xmlns:w="{space}">{text}</w:document>'
    flat = f'<p:part p:name="/word/document.xml"><p:xmlData>{part}</p:xmlData></p:part>'
    package = f'<p:package xmlns:p="http://schemas.microsoft.com/office/2006/xmlPackage">{flat}</p:package>'
    assert records(package)[0].text == "It lifts."


def test_pages_in_values_are_their_text() -> None:
    body = "&lt;p&gt;It &lt;b&gt;lifts&lt;/b&gt;.&lt;/p&gt;"
    first, _ = records(f"<posts><row Id='1' Body='{body}'/><row Id='2' Body='x &lt; y'/></posts>")
    assert first.text == "Id: 1\nBody: It lifts."
    [entry] = records(f"<feed><entry><title>{body}</title><summary>It is red.</summary></entry></feed>")
    assert entry.title == "It lifts."
