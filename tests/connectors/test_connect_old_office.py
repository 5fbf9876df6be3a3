"""Old and open Office formats: doc, xls, ppt, rtf, odt, ods, odp, and files that are not what their name says."""

from __future__ import annotations

import zipfile
from io import BytesIO

import pytest

from rag_connectors.parsed import RefusalError
from tests.connectors import samples
from tests.connectors.old_office import compound, doc, odf, xls
from tests.connectors.test_connect_formats import labels, one, read

_CELL, _ROW_END = b"\0\0\x16\x24\x01", b"\0\0\x16\x24\x01\x17\x24\x01"


def test_doc() -> None:
    data = doc(
        [
            ("Supply of kiosks\r", b"\1\0"),
            ("See \x13HYPERLINK x \x14the plan\x15, clause 4 – 𝛼.\r", b"\0\0"),
            ("Bolt\x07", _CELL),
            ("\x07", _CELL),
            ("7\x07", _CELL),
            ("\x07", _ROW_END),
            ("Nut\x07", _CELL),
            ("two\r", _CELL),
            ("lines\x07", _CELL),
            ("9\x07", _CELL),
            ("\x07", _ROW_END),
            ("The end.\r", b"\0\0"),
        ]
    )
    record = one(data, "k.doc")
    assert record.text == "Supply of kiosks\n\nSee the plan, clause 4 – 𝛼.\nBolt | | 7\nNut | two lines | 9\n\nThe end."
    assert record.title == "Supply of kiosks"
    assert labels(record, "heading") == {"Supply of kiosks": "Supply of kiosks"}
    assert one(data, "renamed.docx").text == record.text


def test_doc_with_a_password_or_a_hole_is_named() -> None:
    with pytest.raises(RefusalError, match="needs a password"):
        read(doc([("x\r", b"\0\0")], flags=0x100), "a.doc")
    with pytest.raises(RefusalError, match="text pieces is missing"):
        read(compound({"WordDocument": b"\xec\xa5\xc1\0"}), "a.doc")


def test_an_encrypted_office_file_is_named() -> None:
    with pytest.raises(RefusalError, match="encrypted: it needs a password"):
        read(compound({"EncryptedPackage": b"x", "EncryptionInfo": b"y"}), "a.xlsx")


def test_xls() -> None:
    record = one(xls([["Site", "Cars", "Since"], ["North", 12.0, 0.25], ["", 1234567890123456.0, ""]]), "s.xls")
    assert labels(record, "row") == {
        "Sites row 1": "Site | Cars | Since",
        "Sites row 2": "Site: North; Cars: 12; Since: 0.25",
        "Sites row 3": "Cars: 1234567890123456",
    }


def test_comments_and_text_boxes_of_old_workbooks() -> None:
    notes = [(1, "Ana", "Ana:\nOnly until June ☂"), (-1, "", "Never lift more")]
    text = one(xls([["Part", "kg"], ["Winch", 750.0]], notes=notes), "a.xls").text
    assert text == "Part | kg\nPart: Winch; kg: 750\n\nComment on A2 by Ana: Only until June ☂\n\nNever lift more"


def test_xls_is_often_something_else() -> None:
    page = (
        "<html><body><table><tr><td>Site</td><td>Cars</td></tr><tr><td>North</td><td>12</td></tr></table></body></html>"
    )
    assert "North | 12" in one(page, "s.xls").text
    assert one("Site\tCars\nNorth\t12\n", "s.xls").text == "Site | Cars\nSite: North; Cars: 12"
    assert one(samples.xlsx({"S": [["Site", "Cars"], ["North", 12]]}), "s.xls").text.endswith("Site: North; Cars: 12")
    xml = (
        '<?xml version="1.0"?><Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet" '
        'xmlns:ss="urn:schemas-microsoft-com:office:spreadsheet"><Worksheet ss:Name="S"><Table>'
        '<Row><Cell><Data ss:Type="String">Site</Data></Cell><Cell><Data ss:Type="String">Cars</Data></Cell></Row>'
        '<Row ss:Index="2"><Cell ss:Index="2"><Data ss:Type="Number">12</Data></Cell></Row></Table>'
        "</Worksheet></Workbook>"
    )
    assert labels(one(xml, "s.xls"), "row") == {"S row 1": "Site | Cars", "S row 2": "Cars: 12"}


def test_doc_is_often_something_else() -> None:
    assert one(b"{\\rtf1\\ansi Kiosk \\'e9 plan\\par}", "k.doc").text == "Kiosk é plan"
    assert one("<html><body><p>Kiosk plan</p></body></html>", "k.doc").text == "Kiosk plan"
    assert one(samples.docx(samples.paragraph("Kiosk plan")), "k.doc").text == "Kiosk plan"


def test_ppt_says_how_to_convert_it() -> None:
    with pytest.raises(RefusalError, match="--convert-to pptx") as refused:
        read(compound({"PowerPoint Document": b"x"}), "old.ppt")
    assert refused.value.status == "skipped"


def test_rtf() -> None:
    text = (
        b"{\\rtf1\\ansi\\ansicpg1250{\\info{\\title Supply}}{\\fonttbl{\\f0 Arial;}}Dar \\'bew\\u322?a\\par "
        b"\\trowd\\cellx1\\cellx2\\cellx3 Bolt\\cell\\cell 7\\cell\\row\\pard The end.\\par}"
    )
    record = one(text, "s.rtf")
    assert record.title == "Supply"
    assert "Dar ľwła" in record.text and "Bolt | | 7" in record.text and record.text.endswith("The end.")
    cut = read(text[:-20], "s.rtf")
    assert cut.status == "degraded" and "cut off" in cut.reason


_NUMBERED = (
    '<text:list-style style:name="L"><text:list-level-style-number text:level="1" style:num-format="1" '
    'style:num-suffix="."/><text:list-level-style-number text:level="2" style:num-format="a" style:num-prefix="(" '
    'style:num-suffix=")"/></text:list-style>'
)


def test_odt() -> None:
    item = "<text:list-item><text:p>{}</text:p>{}</text:list-item>"
    inner = f"<text:list>{item.format('inner', '')}</text:list>"
    body = (
        '<text:h text:outline-level="1">Terms</text:h>'
        "<text:p>Pay<text:s text:c='2'/>by<text:tab/>May<text:note><text:note-citation>1</text:note-citation>"
        "<text:note-body>"
        "<text:p>Or June.</text:p></text:note-body></text:note>.<office:annotation><dc:creator>Ann</dc:creator>"
        "<text:p>Why?</text:p></office:annotation></text:p>"
        f'<text:list text:style-name="L">{item.format("first", inner)}{item.format("second", "")}</text:list>'
        '<table:table><table:table-row><table:table-cell table:number-columns-spanned="2"><text:p>Prices</text:p>'
        "</table:table-cell><table:covered-table-cell/><table:table-cell><text:p>Note</text:p></table:table-cell>"
        "</table:table-row><table:table-row><table:table-cell><text:p>Bolt</text:p></table:table-cell><table:table-cell/>"
        "<table:table-cell><text:p>7</text:p></table:table-cell></table:table-row></table:table>"
        "<text:tracked-changes><text:p>gone</text:p></text:tracked-changes>"
    )
    record = one(odf(body, styles=_NUMBERED, title="Supply terms"), "t.odt")
    assert record.title == "Supply terms"
    assert record.text == (
        "Terms\n\nPay  by\tMay.\n\nComment by Ann: Why?\n1. first\n(a) inner\n2. second\n\n"
        "Prices | Prices | Note\nBolt | | 7\n\nOr June."
    )


def test_ods_shows_cells_as_they_are_shown() -> None:
    cell = '<table:table-cell office:value-type="{}" office:value="{}"><text:p>{}</text:p></table:table-cell>'
    empty = '<table:table-cell table:number-columns-repeated="16381"/>'
    rows = [
        "".join(cell.format("string", "", name) for name in ("Site", "Share", "Code")) + empty,
        cell.format("string", "", "North")
        + '<table:table-cell table:number-columns-repeated="1"/>'
        + cell.format("float", "42", "00042"),
        cell.format("string", "", "South") + cell.format("percentage", "0.125", "12.5%"),
    ]
    sheet = "".join(f"<table:table-row>{row}</table:table-row>" for row in rows)
    sheet += f'<table:table-row table:number-rows-repeated="1048573">{empty}</table:table-row>'
    record = one(odf(f'<table:table table:name="S">{sheet}</table:table>', kind="spreadsheet"), "s.ods")
    assert labels(record, "row") == {
        "S row 1": "Site | Share | Code",
        "S row 2": "Site: North; Code: 00042",
        "S row 3": "Site: South; Share: 12.5%",
    }


_RAISED = (
    '<style:style style:name="up" style:family="text"><style:text-properties style:text-position="super 58%"/>'
    '</style:style><style:style style:name="sign" style:family="text"><style:text-properties '
    'style:font-name="Symbol"/></style:style>'
)
_MATH = (
    '<math xmlns="http://www.w3.org/1998/Math/MathML"><mi>σ</mi><mo>=</mo><mfrac><mi>F</mi><mi>A</mi></mfrac></math>'
)


def test_odt_powers_signs_and_formulas() -> None:
    body = (
        '<text:p>Made 10<text:span text:style-name="up">6</text:span> bolts, the 1<text:span text:style-name="up">st'
        '</text:span> at 45<text:span text:style-name="sign">\uf0b0</text:span>.</text:p>'
        f"<text:p>So <draw:frame><draw:object>{_MATH}</draw:object></draw:frame> at most.</text:p>"
    )
    assert one(odf(body, styles=_RAISED), "t.odt").text == "Made 10^6 bolts, the 1st at 45°.\n\nSo σ = F/A at most."


@pytest.mark.parametrize("kind", ["text", "presentation", "spreadsheet"])
def test_charts_of_opendocument(kind: str) -> None:
    row = (
        "<table:table-row><table:table-cell/><table:table-cell><text:p>{}</text:p></table:table-cell></table:table-row>"
    )
    chart = (
        "<chart:chart><chart:title><text:p>Winches by plant</text:p></chart:title><table:table>"
        f"{row.format('2024')}{row.format('412')}</table:table></chart:chart>"
    )
    frame = f"<draw:frame><draw:object>{chart}</draw:object></draw:frame>"
    sheet = f"<table:table><table:shapes>{frame}</table:shapes>{row.format('Sold')}</table:table>"
    body = {"text": f"<text:p>Sales{frame}</text:p>", "presentation": f"<draw:page>{frame}</draw:page>"}.get(
        kind, sheet
    )
    text = one(odf(body, kind=kind), "t.odt").text
    assert "Winches by plant" in text and "| | 412 |" in text


def test_opendocument_shows_all_digits_and_what_page_headers_say() -> None:
    cell = '<table:table-cell office:value="1234567890123456"><text:p>{}</text:p></table:table-cell>'
    cells = cell.format("1.23456789012346E+15") + cell.replace("<text:p>{}</text:p>", "")
    sheet = odf(f"<table:table><table:table-row>{cells}</table:table-row></table:table>", kind="spreadsheet")
    assert one(sheet, "s.ods").text == "1234567890123456 | 1234567890123456"
    head = "<style:header><text:p>2025-0417</text:p><text:p>3</text:p></style:header>"
    assert one(odf("<text:p>Rent</text:p>", styles=head), "t.odt").text == "2025-0417\n\nRent"


def test_boxes_forms_and_pictures_of_opendocument_tear_no_sentence() -> None:
    cells = "<table:table-row><table:table-cell><text:p>A</text:p></table:table-cell><table:table-cell/>"
    cells += "<table:table-cell><text:p>C</text:p></table:table-cell></table:table-row>"
    box = f"<draw:text-box><text:p>Boxed</text:p><table:table>{cells}</table:table></draw:text-box>"
    picture = "<draw:frame><svg:title>Map</svg:title><svg:desc>Map of the harbour with hall 4</svg:desc></draw:frame>"
    body = f"<text:p>The winch <draw:frame>{box}</draw:frame>lifts {picture}750 kg.</text:p>"
    assert (
        one(odf(body), "t.odt").text == "The winch lifts 750 kg.\n\nBoxed\n\nA | | C\n\nMap of the harbour with hall 4"
    )
    form = (
        '<office:forms><form:form><form:text form:id="a" form:current-value="Solveig"/><form:checkbox form:id="b"'
        ' form:label="Lit" form:current-state="checked"/><form:listbox form:id="c"><form:option form:label="N"/>'
        '<form:option form:label="S" form:current-selected="true"/></form:listbox></form:form></office:forms>'
    )
    controls = "".join(f'<draw:control draw:control="{name}"/>' for name in "abcd")
    assert one(odf(f"{form}<text:p>Keeper:{controls}</text:p>"), "t.odt").text == "Keeper: Solveig ☒ Lit S"


def test_what_slides_and_sheets_of_opendocument_say_beside_their_text() -> None:
    decl = "<presentation:footer-decl>ACME confidential</presentation:footer-decl>"
    page = '<draw:page draw:master-page-name="M"><text:p>Body</text:p><office:annotation><text:p>Sure?</text:p>'
    masters = "".join(
        f'<style:master-page style:name="{name}"><draw:frame><text:p>Master {name}</text:p></draw:frame>'
        '<draw:frame presentation:class="title"><text:p>Click here</text:p></draw:frame></style:master-page>'
        for name in "MN"
    )
    slides = odf(f"{decl}{page}</office:annotation></draw:page>", kind="presentation", styles=masters)
    assert one(slides, "s.odp").text == "Body\n\nComment: Sure?\n\nMaster M\n\nACME confidential"
    old = "<table:tracked-changes><table:previous><text:p>OLD</text:p></table:previous></table:tracked-changes>"
    values = ('boolean-value="true"', 'time-value="PT08H30M00S"', 'value="7"')
    cells = "".join(f"<table:table-cell office:{value}/>" for value in values)
    shapes = "<table:shapes><draw:custom-shape><text:p>Beside</text:p></draw:custom-shape></table:shapes>"
    blind = '<table:table-cell table:formula="of:=1+1"/>'
    sheet = f"{old}<table:table>{shapes}<table:table-row>{cells}{blind}</table:table-row></table:table>"
    parsed = read(odf(sheet, kind="spreadsheet"), "s.ods")
    assert parsed.records[0].text.strip() == "TRUE | 08:30:00 | 7\n\nBeside"
    assert parsed.reason.startswith("formulas without a stored result: 1")


def test_files_of_other_programs_in_opendocument() -> None:
    table = (
        "<table:table><table:table-row><table:table-cell><text:p>Winch</text:p></table:table-cell></table:table-row>"
    )
    inside = f"<draw:object><office:spreadsheet>{table}</table:table></office:spreadsheet></draw:object>"
    assert one(odf(f"<text:p>Prices{inside}</text:p>"), "t.odt").text == "Prices\n\nWinch"
    with zipfile.ZipFile(
        BytesIO(
            odf('<text:p>See<draw:object-ole xmlns:xlink="http://www.w3.org/1999/xlink" xlink:href="./O"/></text:p>')
        )
    ) as file:
        parts: dict[str, str | bytes] = {name: file.read(name) for name in file.namelist()}
    whole = samples.archive(parts | {"O": samples.xlsx({"S": [["Crane", 9]]})})
    assert one(whole, "t.odt").text == "See\n\nCrane | 9"
    link = '<text:section-source xmlns:xlink="http://www.w3.org/1999/xlink" xlink:href="ch1.odt"/>'
    master = odf(f"<text:section>{link}</text:section><text:p>Rest</text:p>")
    assert read(master, "m.odm").reason == "a part of it is in another file (ch1.odt)"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (r"{\header Contract 7\par}{\footerf \pard Annex B\par}The gate.\par", "Contract 7\n\nThe gate.\n\nAnnex B"),
        (r"750 kg{\footnote \pard Before: 500 kg.} are lifted.\par", "750 kg are lifted.\n\nBefore: 500 kg."),
        (r"900 euros{\*\atnauthor Bo}{\*\annotation 850 until June.}.\par", "900 euros.\n\n850 until June."),
        (r"{\shp{\*\shpinst{\shptxt In a {\b box}\par}}}Outside\par", "Outside\n\nIn a box"),
        (r"{\fonttbl{\f0 A;}{\f1\fcharset238 B;}}\f1 R\'f9\'9eena\par", "Růžena"),
        (r"See {\field{\*\fldinst{HYPERLINK \"x\"}}{\fldrslt the plate}}.\par", "See the plate."),
        (r"Smile \u-10179?\u-8704? {\f0\deleted old }now\par", "Smile 😀 now"),
        (r"{\pntext\f0 1.\tab}Close{\upr{a}{\*\ud{ Pr\u252?fung}}}\par", "1.\tClose Prüfung"),
        (r"\mac Gr\'9a\'a7e\par", "Größe"),
        (r"Größe\par", "Größe"),
        (r"Price {\object\objemb{\*\objdata 0105}{\result {1240}}} euros\par", "Price  1240 euros"),
        (r"\ansicpg65001 Größe\par", "Größe"),
        (r"{\pard\*\cs7\f0 The fox}\par", "The fox"),
        (r"Made 10{\super 6} in 2024{\up6\fs16 3}, the 1{\super st} \{x\}.\par", "Made 10^6 in 2024^3, the 1st {x}."),
    ],
)  # fmt: skip
def test_rtf_loses_nothing_that_stands_beside_its_body(body: str, text: str) -> None:
    assert one(rf"{{\rtf1\ansi {body}}}", "s.rtf").text == text
