"""Word, PowerPoint and Excel: what people see in them is in the text."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from io import BytesIO

import pytest

from rag_connectors.office.formats import show_number
from rag_connectors.parsed import RefusalError
from tests.connectors import samples
from tests.connectors.samples import archive, paragraph, relations
from tests.connectors.test_connect_formats import labels, one, read

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
A = "http://schemas.openxmlformats.org/drawingml/2006/main"
C = "http://schemas.openxmlformats.org/drawingml/2006/chart"
R = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
DGM = "http://schemas.openxmlformats.org/drawingml/2006/diagram"
_SPACES = (
    f'xmlns:w="{W}" xmlns:r="{R}" xmlns:a="{A}" xmlns:c="{C}" xmlns:dgm="{DGM}" '
    'xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"'
)


def word(body: str, parts: Mapping[str, str | bytes] = {}, targets: Mapping[str, tuple[str, str]] = {}) -> bytes:
    """A Word file: its body, its other parts by name without namespaces, and relations id -> (type, target)."""
    entries = "".join(
        f'<Relationship Id="{name}" Type="{R}/{kind}" Target="{target}"/>' for name, (kind, target) in targets.items()
    )
    files = {
        "word/document.xml": f"<w:document {_SPACES}><w:body>{body}</w:body></w:document>",
        "word/_rels/document.xml.rels": relations(entries),
        **{
            f"word/{name}": part.replace(">", f" {_SPACES}>", 1)
            if isinstance(part, str) and name.endswith(".xml")
            else part
            for name, part in parts.items()
        },
    }
    return archive(files)


def unpack(data: bytes) -> dict[str, bytes]:
    """The parts of an archive."""
    with zipfile.ZipFile(BytesIO(data)) as file:
        return {name: file.read(name) for name in file.namelist()}


def text_of(body: str, parts: Mapping[str, str | bytes] = {}, targets: Mapping[str, tuple[str, str]] = {}) -> str:
    return one(word(body, parts, targets), "a.docx").text


def level(at: int, shape: str, look: str, more: str = "") -> str:
    return (
        f'<w:lvl w:ilvl="{at}"><w:start w:val="1"/><w:numFmt w:val="{shape}"/><w:lvlText w:val="{look}"/>{more}</w:lvl>'
    )


def clause(text: str, at: int, number: str = "1", style: str = "") -> str:
    look = (
        f'<w:pStyle w:val="{style}"/>'
        if style
        else f'<w:numPr><w:ilvl w:val="{at}"/><w:numId w:val="{number}"/></w:numPr>'
    )
    return f"<w:p><w:pPr>{look}</w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>"


LISTS = (
    f'<w:numbering><w:abstractNum w:abstractNumId="0">{level(0, "decimal", "%1.")}{level(1, "decimal", "%1.%2")}'
    f"{level(2, 'lowerLetter', '(%3)')}{level(3, 'lowerRoman', '(%4)')}</w:abstractNum>"
    f'<w:abstractNum w:abstractNumId="1">{level(0, "upperRoman", "Article %1 –")}'
    f"{level(1, 'decimal', 'Section %1.%2', '<w:isLgl/>')}{level(2, 'bullet', '•')}</w:abstractNum>"
    '<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num><w:num w:numId="2"><w:abstractNumId w:val="1"/></w:num>'
    '<w:num w:numId="3"><w:abstractNumId w:val="0"/><w:lvlOverride w:ilvl="0"><w:startOverride w:val="7"/>'
    "</w:lvlOverride></w:num></w:numbering>"
)


def test_clauses_have_the_numbers_they_are_cited_by() -> None:
    body = "".join(
        [
            clause("Scope", 0), clause("Works", 1), clause("Goods", 1), clause("new", 2), clause("used", 2),
            paragraph("In between."), clause("Price", 0), clause("Net", 1), clause("Late", 0, "3"),
            clause("Fee", 1, "3"), clause("Term", 0, "2"), clause("Begin", 1, "2"), clause("point", 2, "2"),
        ]
    )  # fmt: skip
    lines = [line for line in text_of(body, parts={"numbering.xml": LISTS}).split("\n") if line]
    assert lines == [
        "1. Scope", "1.1 Works", "1.2 Goods", "(a) new", "(b) used", "In between.", "2. Price", "2.1 Net", "7. Late",
        "7.1 Fee", "Article I – Term", "Section 1.1 Begin", "- point",
    ]  # fmt: skip


def test_lists_begin_anew_where_word_begins_them_anew() -> None:
    twice = (
        '<w:num w:numId="4"><w:abstractNumId w:val="0"/><w:lvlOverride w:ilvl="0"><w:startOverride w:val="1"/>'
        '</w:lvlOverride><w:lvlOverride w:ilvl="1"><w:startOverride w:val="5"/></w:lvlOverride></w:num></w:numbering>'
    )
    numbering = LISTS.replace("</w:numbering>", twice)
    body = clause("a", 1) + clause("b", 0) + clause("c", 0) + clause("d", 0, "4") + clause("e", 1, "4") + clause("f", 0)
    lines = [line for line in text_of(body, {"numbering.xml": numbering}).split("\n") if line]
    assert lines == ["1.1 a", "1. b", "2. c", "1. d", "1.5 e", "2. f"]


def test_headings_take_their_number_from_their_style() -> None:
    styles = (
        '<w:styles><w:style w:styleId="H1"><w:name w:val="heading 1"/><w:pPr><w:numPr>'
        '<w:numId w:val="1"/></w:numPr></w:pPr>'
        '</w:style><w:style w:styleId="H1b"><w:name w:val="Clause"/><w:basedOn w:val="H1"/></w:style></w:styles>'
    )
    body = clause("Scope", 0, style="H1") + clause("Price", 0, style="H1b")
    record = one(word(body, {"numbering.xml": LISTS, "styles.xml": styles}), "a.docx")
    assert labels(record, "heading") == {"1. Scope": "1. Scope", "2. Price": "2. Price"}


def cell(text: str, properties: str = "") -> str:
    return f"<w:tc><w:tcPr>{properties}</w:tcPr>{paragraph(text)}</w:tc>"


def rows(*lines: str) -> str:
    return f"<w:tbl>{''.join(f'<w:tr>{line}</w:tr>' for line in lines)}</w:tbl>"


def test_cells_of_word_tables_keep_their_columns() -> None:
    down, again = '<w:vMerge w:val="restart"/>', "<w:vMerge/>"
    body = rows(
        cell("Part") + cell("2024", '<w:gridSpan w:val="2"/>') + cell("Note"),
        cell("Bolt", down) + cell("") + cell("7") + cell(""),
        cell("", again) + cell("8") + cell("9") + cell("old"),
        cell("Total", '<w:gridSpan w:val="2"/>') + cell("16") + cell(""),
    )
    assert text_of(body) == "Part | 2024 | 2024 | Note\n| Bolt | | 7 | |\nBolt | 8 | 9 | old\n| Total | | 16 | |"


def math(tag: str, **parts: str) -> str:
    """An element of an equation, with parts that are text or elements."""
    inside = "".join(f"<m:{name}>{part if '<' in part else run(part)}</m:{name}>" for name, part in parts.items())
    return f"<m:{tag}>{inside}</m:{tag}>"


def run(text: str) -> str:
    return f"<m:r><m:t>{text}</m:t></m:r>"


def test_a_cell_over_the_whole_table_is_its_caption() -> None:
    body = rows(cell("Rates", '<w:gridSpan w:val="2"/>'), cell("Trade") + cell("Rate"), cell("Mason") + cell("40"))
    assert text_of(body) == "Rates\nTrade | Rate\nMason | 40"


@pytest.mark.parametrize(
    ("equation", "says"),
    [
        (run("E=m") + math("sSup", e="c", sup="2"), "E=mc^2"),
        (math("f", num="a+b", den="2"), "(a+b)/2"),
        (math("rad", radPr='<m:degHide m:val="1"/>', deg="", e="x+1"), "√(x+1)"),
        (math("nary", naryPr='<m:chr m:val="∑"/>', sub="i=1", sup="n", e="i"), "∑_(i=1)^n i"),
        (math("d", e="x"), "(x)"),
        (math("m", mr=f"<m:e>{run('1')}</m:e><m:e>{run('0')}</m:e>"), "[1, 0]"),
        (math("func", fName="sin", e="x"), "sin x"),
        (run("x=") + math("f", num=run("−b±") + math("rad", deg="", e="d"), den="2a"), "x=(−b±√d)/(2a)"),
    ],
)
def test_equations(equation: str, says: str) -> None:
    assert text_of(f"<w:p><w:r><w:t>So</w:t></w:r><m:oMath>{equation}</m:oMath></w:p>") == f"So {says}"


def test_signs_powers_and_boxes() -> None:
    body = (
        '<w:p><w:r><w:sym w:font="Wingdings" w:char="F0FC"/><w:t xml:space="preserve"> done, </w:t></w:r>'
        '<w:r><w:rPr><w:rFonts w:ascii="Symbol" w:hAnsi="Symbol"/></w:rPr><w:t>a\uf0b3</w:t></w:r>'
        "<w:r><w:t>5 of 10</w:t></w:r>"
        '<w:r><w:rPr><w:vertAlign w:val="superscript"/></w:rPr><w:t>6</w:t></w:r><w:r><w:t> on the 1</w:t></w:r>'
        '<w:r><w:rPr><w:vertAlign w:val="superscript"/></w:rPr><w:t>st</w:t></w:r></w:p>'
        '<w:p><w:r><w:fldChar w:fldCharType="begin">'
        '<w:ffData><w:checkBox><w:default w:val="0"/><w:checked/></w:checkBox>'
        '</w:ffData></w:fldChar><w:instrText>FORMCHECKBOX</w:instrText><w:fldChar w:fldCharType="end"/><w:t> paid</w:t>'
        "</w:r></w:p>"
    )
    assert text_of(body) == "✓ done, α≥5 of 10^6 on the 1st\n\n☒ paid"
    style = '<w:styles><w:style w:styleId="Note">'
    style += '<w:name w:val="note"/><w:rPr><w:vertAlign w:val="superscript"/></w:rPr></w:style></w:styles>'
    body = '<w:p><w:r><w:t>in 2024</w:t></w:r><w:r><w:rPr><w:rStyle w:val="Note"/></w:rPr><w:t>3</w:t></w:r></w:p>'
    assert text_of(body, {"styles.xml": style}) == "in 2024^3"
    body = '<w:p><w:r><w:t>10</w:t></w:r><w:r><w:rPr><w:position w:val="6"/></w:rPr><w:t>6</w:t></w:r></w:p>'
    assert text_of(body) == "10^6"


def test_comments_stand_below_what_they_are_about() -> None:
    comments = f'<w:comments><w:comment w:id="4" w:author="Ann Lee">{paragraph("Too short?")}</w:comment></w:comments>'
    body = '<w:p><w:r><w:t>One day.</w:t><w:commentReference w:id="4"/></w:r></w:p>' + paragraph("Next.")
    assert text_of(body, parts={"comments.xml": comments}) == "One day.\n\nComment by Ann Lee: Too short?\n\nNext."


def test_page_headers_come_once_without_page_numbers() -> None:
    parts = {
        "h1.xml": f"<w:hdr>{paragraph('Northwind Ltd, Contract 4711')}</w:hdr>",
        "h2.xml": f"<w:hdr>{paragraph('Northwind Ltd, Contract 4711')}</w:hdr>",
        "f1.xml": f"<w:ftr>{paragraph('Page 1 of 3')}{paragraph('Confidential')}</w:ftr>",
    }
    targets = {"a": ("header", "h1.xml"), "b": ("header", "h2.xml"), "c": ("footer", "f1.xml")}
    look = (
        '<w:sectPr><w:headerReference w:type="first" r:id="a"/><w:headerReference w:type="default" r:id="b"/>'
        '<w:footerReference w:type="default" r:id="c"/><w:titlePg/></w:sectPr>'
    )
    assert text_of(paragraph("Text.") + look, parts=parts, targets=targets) == (
        "Northwind Ltd, Contract 4711\n\nText.\n\nConfidential"
    )


CHART = (
    "<c:chartSpace><c:chart><c:title><c:tx><c:rich><a:p><a:r><a:t>Sales</a:t></a:r></a:p></c:rich></c:tx></c:title>"
    "<c:plotArea><c:barChart>"
    + "".join(
        f"<c:ser><c:tx><c:strRef>"
        f"<c:strCache><c:pt idx='0'><c:v>{year}</c:v></c:pt></c:strCache></c:strRef></c:tx><c:cat>"
        "<c:strRef><c:strCache><c:pt idx='0'><c:v>North</c:v></c:pt><c:pt idx='1'><c:v>South</c:v></c:pt></c:strCache>"
        f"</c:strRef></c:cat><c:val><c:numRef><c:numCache><c:formatCode>0%</c:formatCode>"
        f"<c:pt idx='0'><c:v>{value}</c:v>"
        "</c:pt></c:numCache></c:numRef></c:val></c:ser>"
        for year, value in ((2023, 0.5), (2024, 0.125))
    )
    + "</c:barChart></c:plotArea></c:chart></c:chartSpace>"
)
DIAGRAM = (
    '<dgm:dataModel><dgm:ptLst><dgm:pt modelId="0" type="doc"/>'
    + "".join(
        f'<dgm:pt modelId="{i}"><dgm:t><a:p><a:r><a:t>{t}</a:t></a:r></a:p></dgm:t></dgm:pt>'
        for i, t in ((3, "Ship"), (1, "Plan"), (2, "Dates"))
    )
    + '</dgm:ptLst><dgm:cxnLst><dgm:cxn srcId="0" destId="1" srcOrd="0"/><dgm:cxn srcId="0" destId="3" srcOrd="1"/>'
    '<dgm:cxn srcId="1" destId="2" srcOrd="0"/></dgm:cxnLst></dgm:dataModel>'
)


def test_charts_and_diagrams_are_lines() -> None:
    body = (
        '<w:p><w:r><w:drawing><a:graphic><c:chart r:id="a"/></a:graphic></w:drawing></w:r></w:p>'
        '<w:p><w:r><w:drawing><a:graphic><dgm:relIds r:dm="b"/></a:graphic></w:drawing></w:r></w:p>'
    )
    targets = {"a": ("chart", "charts/c.xml"), "b": ("diagramData", "diagrams/d.xml")}
    assert text_of(body, parts={"charts/c.xml": CHART, "diagrams/d.xml": DIAGRAM}, targets=targets) == (
        "Sales\n| | 2023 | 2024 |\nNorth | 50% | 13%\n| South | | |\n\n- Plan\n  - Dates\n- Ship"
    )


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.htm", "<html><body><h1>Annex</h1><p>Free of charge.</p></body></html>", "Annex\n\nFree of charge."),
        (
            "a.mht",
            "MIME-Version: 1.0\nContent-Type: text/html; charset=utf-8\n\n<p>Free of charge.</p>",
            "Free of charge.",
        ),
        ("a.txt", "Free of charge.", "Free of charge."),
        ("a.rtf", "{\\rtf1 Free of charge.}", "Free of charge."),
    ],
)
def test_documents_inside_a_document(name: str, content: str, says: str) -> None:
    body = paragraph("Before.") + '<w:altChunk r:id="x"/>' + paragraph("After.")
    assert text_of(body, parts={name: content}, targets={"x": ("aFChunk", name)}) == f"Before.\n\n{says}\n\nAfter."


def test_a_document_inside_that_is_missing_is_named() -> None:
    result = read(word(paragraph("Before.") + '<w:altChunk r:id="x"/>'), "a.docx")
    assert result.status == "degraded" and "missing" in result.reason


def renamed(data: bytes, change: Mapping[str, str], replace: tuple[str, str] = ("", "")) -> bytes:
    """The archive with parts under other names, and a string replaced in all of them."""
    with zipfile.ZipFile(BytesIO(data)) as old:
        parts = {change.get(name, name): old.read(name).decode() for name in old.namelist()}
    return archive({name: part.replace(*replace) if replace[0] else part for name, part in parts.items()})


def test_word_files_of_other_programs() -> None:
    data = samples.docx(paragraph("Handbook", style="Titel"))
    root = relations(f'<Relationship Id="a" Type="{R}/officeDocument" Target="/word/document2.xml"/>')
    assert one(renamed(data, {"word/document.xml": "Word\\Document.xml"}), "a.docx").text == "Handbook"
    second = renamed(data, {"word/document.xml": "word/document2.xml", "word/footnotes.xml": "_rels/.rels"})
    with zipfile.ZipFile(BytesIO(second)) as old:
        parts: dict[str, str | bytes] = {name: old.read(name) for name in old.namelist()}
    assert one(archive({**parts, "_rels/.rels": root}), "a.docx").text == "Handbook"
    strict = renamed(data, {}, (W, "http://purl.oclc.org/ooxml/wordprocessingml/main"))
    assert one(strict, "a.docx").title == "Handbook"


def test_slides_with_charts_comments_and_numbers() -> None:
    data = samples.pptx([("Plan", "We build.")])
    with zipfile.ZipFile(BytesIO(data)) as old:
        parts: dict[str, str | bytes] = {name: old.read(name) for name in old.namelist()}
    space = f'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main" {_SPACES}'
    auto = '<a:p><a:pPr><a:buAutoNum type="alphaLcParenR"/></a:pPr><a:r><a:t>{}</a:t></a:r></a:p>'
    frame = '<p:graphicFrame><a:graphic><c:chart r:id="a"/></a:graphic></p:graphicFrame>'
    merged = '<a:tc gridSpan="2"><a:txBody><a:p><a:r><a:t>Costs</a:t></a:r></a:p></a:txBody></a:tc><a:tc hMerge="1"/>'
    plain = "".join(f"<a:tc><a:txBody><a:p><a:r><a:t>{t}</a:t></a:r></a:p></a:txBody></a:tc>" for t in ("", "7"))
    table = f"<p:graphicFrame><a:tbl><a:tr>{merged}</a:tr><a:tr>{plain}</a:tr></a:tbl></p:graphicFrame>"
    body = f"<p:sp><p:txBody>{auto.format('first')}{auto.format('second')}</p:txBody></p:sp>{frame}{table}"
    slide = zipfile.ZipFile(BytesIO(data)).read("ppt/slides/slide1.xml").decode()
    parts["ppt/slides/slide1.xml"] = f"<p:sld {space}>{slide[slide.index('<p:cSld>') :]}".replace(
        "</p:cSld>", body + "</p:cSld>"
    )
    parts["ppt/slides/_rels/slide1.xml.rels"] = relations(
        f'<Relationship Id="a" Type="{R}/chart" Target="../charts/c.xml"/>'
        f'<Relationship Id="b" Type="{R}/comments" Target="../comments/c.xml"/>'
    )
    parts["ppt/charts/c.xml"] = CHART.replace(">", f" {_SPACES}>", 1)
    parts["ppt/comments/c.xml"] = f"<p:cmLst {space}><p:cm authorId='0'><p:text>Too dear</p:text></p:cm></p:cmLst>"
    assert one(archive(parts), "a.pptx").text == (
        "Plan\n\nWe build.\n\na) first\nb) second\n\nSales\n| | 2023 | 2024 |\nNorth | 50% | 13%\n| South | | |\n\n"
        "Costs\n| | 7 |\n\nComment: Too dear"
    )


def test_footers_of_slides_come_once_without_their_numbers() -> None:
    data = samples.pptx([("Plan", "We build."), ("Costs", "Too high.")])
    with zipfile.ZipFile(BytesIO(data)) as old:
        parts: dict[str, str | bytes] = {name: old.read(name) for name in old.namelist()}
    for number, name in enumerate(("ppt/slides/slide1.xml", "ppt/slides/slide2.xml")):
        foot = "".join(
            f'<p:sp><p:nvSpPr><p:nvPr><p:ph type="ftr"/></p:nvPr></p:nvSpPr><p:txBody><a:p><a:r><a:t>{text}</a:t></a:r>'
            "</a:p></p:txBody></p:sp>"
            for text in ("Contract 7", str(number))
        )
        parts[name] = bytes(parts[name]).replace(b"</p:cSld>", f"{foot}</p:cSld>".encode())  # type: ignore[arg-type]
    assert one(archive(parts), "a.pptx").text == "Plan\n\nWe build.\n\nContract 7\n\nCosts\n\nToo high."


def test_heads_of_printed_sheets_stand_below_them() -> None:
    sheet = (
        '<sheetData><row><c t="str"><v>Winch</v></c></row></sheetData><headerFooter><oddHeader>&amp;L&amp;"Arial,Bold"'
        "&amp;12Contract 2025-0417&amp;R&amp;D</oddHeader><oddFooter>&amp;CPage &amp;P of &amp;N</oddFooter>"
        "</headerFooter>"
    )
    assert one(workbook(sheet), "a.xlsx").text == "Winch\n\nContract 2025-0417"


@pytest.mark.parametrize(
    ("stored", "shape", "shown"),
    [
        ("1234.5", '#,##0.00 "€"', "1,234.50 €"),
        ("1234.5", "[$€-407] #,##0.00", "€ 1,234.50"),
        ("0.125", "0.0%", "12.5%"),
        ("42", "00000", "00042"),
        ("-5", "0;(0)", "(5)"),
        ("-3.2", "0.0_);(0.0)", "(3.2)"),
        ("0", '0;-0;"none"', "none"),
        ("7", '[>=5]"high" 0;"low" 0', "high 7"),
        ("45366", "dd/mm/yyyy", "2024-03-15"),
        ("45366.5", "d.m.yy h:mm", "2024-03-15 12:00"),
        ("45366", "mmm yyyy", "Mar 2024"),
        ("0.75", "h:mm AM/PM", "6:00 PM"),
        ("1.5", "[h]:mm", "36:00"),
        ("1234567890123456", "0", "1234567890123456"),
        ("4111111111111111", "", "4111111111111111"),
        ("0.30000000000000004", "", "0.3"),
        ("2.5", "# ?/?", "2 1/2"),
        ("5551234567", "000-000-0000", "555-123-4567"),
        ("1500000", '0.0,,"M"', "1.5M"),
        ("12", '0 "pcs"', "12 pcs"),
        ("0.001", "0.00E+00", "1.00E-03"),
        ("1.2", "0.##", "1.2"),
        ("x", "0", "x"),
    ],
)
def test_number_formats(stored: str, shape: str, shown: str) -> None:
    assert show_number(stored, shape) == shown


S = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def workbook(
    sheet: str, *, styles: str = "", strings: str = "", more: Mapping[str, str] = {}, targets: str = "", space: str = S
) -> bytes:
    """A workbook of one sheet, "S"."""
    sheets = '<sheets><sheet name="S" r:id="a"/></sheets>'
    first = f'<Relationship Id="a" Type="{R}/worksheet" Target="worksheets/s.xml"/>'
    return archive(
        {
            "xl/workbook.xml": f'<workbook xmlns="{space}" xmlns:r="{R}">{sheets}</workbook>',
            "xl/_rels/workbook.xml.rels": relations(first),
            "xl/worksheets/s.xml": f'<worksheet xmlns="{space}">{sheet}</worksheet>',
            "xl/worksheets/_rels/s.xml.rels": relations(targets),
            "xl/styles.xml": f'<styleSheet xmlns="{space}">{styles}</styleSheet>',
            "xl/sharedStrings.xml": f'<sst xmlns="{space}">{strings}</sst>',
            **{name: part for name, part in more.items()},
        }
    )


STYLES = (
    '<numFmts><numFmt numFmtId="164" formatCode="#,##0.00&quot; kr&quot;"/></numFmts><cellXfs><xf numFmtId="0"/>'
    '<xf numFmtId="164" bogus="&#x20;"/><xf numFmtId="14"/><xf numFmtId="9"/></cellXfs>'
)


@pytest.mark.parametrize("space", [S, "http://purl.oclc.org/ooxml/spreadsheetml/main"])
def test_cells_are_as_they_are_shown(space: str) -> None:
    strings = "<si><t>Price</t></si><si><r><t>Va</t></r><r><t>lid</t></r><rPh><t>x</t></rPh></si>"
    sheet = (
        '<sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>Item</t></is></c><c r="B1" t="s"><v>0</v></c>'
        '<c r="C1" t="s"><v>1</v></c><c r="D1" t="str"><v>Share</v></c><c r="E1" t="str"><v>Card</v></c></row>'
        '<row r="2"><c r="A2" t="str"><f>x</f><v>Bolt</v></c><c r="B2" s="1"><v>1234.5</v></c>'
        '<c r="D2" s="3"><v>0.25</v></c>'
        '<c r="E2"><v>4111111111111111</v></c></row>'
        '<row r="3"><c r="C3" s="2"><v>45366</v></c><c r="E3" t="e"><v>#N/A</v></c></row>'
        '<row r="4"><c r="A4" t="b"><v>1</v></c><c r="C4" t="d"><v>2024-03-15T00:00:00</v></c></row></sheetData>'
    )
    assert labels(one(workbook(sheet, styles=STYLES, strings=strings, space=space), "a.xlsx"), "row") == {
        "S row 1": "Item | Price | Valid | Share | Card",
        "S row 2": "Item: Bolt; Price: 1,234.50 kr; Share: 25%; Card: 4111111111111111",
        "S row 3": "Valid: 2024-03-15; Card: #N/A",
        "S row 4": "Item: TRUE; Valid: 2024-03-15",
    }


def test_merged_headers_and_far_cells_cost_nothing() -> None:
    def line(number: int, **cells: str) -> str:
        return (
            f'<row r="{number}">'
            + "".join(f'<c r="{c}{number}" t="str"><v>{v}</v></c>' for c, v in cells.items())
            + "</row>"
        )

    sheet = (
        f"<sheetData>{line(1, A='Plant', B='2024', D='2025')}{line(2, B='Q1', C='Q2', D='Q1', E='Q2')}"
        f"{line(3, A='North', B='1', C='2', E='4')}{line(1048576, XFD='far')}</sheetData>"
        '<mergeCells><mergeCell ref="A1:A2"/><mergeCell ref="B1:C1"/><mergeCell ref="D1:E1"/></mergeCells>'
    )
    found = labels(one(workbook(sheet), "a.xlsx"), "row")
    assert found["S row 3"] == "Plant: North; 2024 Q1: 1; 2024 Q2: 2; 2025 Q2: 4"
    assert found["S row 1048576"] == "far"


def test_comments_of_cells() -> None:
    targets = f'<Relationship Id="a" Type="{R}/comments" Target="../comments1.xml"/>'
    comments = (
        f'<comments xmlns="{S}"><authors><author>Ann</author></authors>'
        f'<commentList><comment ref="B2" authorId="0"><text><r>'
        "<t>Ann:</t></r><r><t>\nfrom the old list</t></r></text></comment></commentList></comments>"
    )
    sheet = '<sheetData><row r="2"><c r="A2"><v>5</v></c><c r="B2"><v>7</v></c></row></sheetData>'
    record = one(workbook(sheet, more={"xl/comments1.xml": comments}, targets=targets), "a.xlsx")
    assert record.text == "5 | 7\nComment on B2 by Ann: from the old list"


def test_a_damaged_date_of_the_file_loses_no_cell() -> None:
    core = '<cp xmlns:dcterms="http://purl.org/dc/terms/"><dcterms:created>not a date</dcterms:created></cp>'
    sheet = '<sheetData><row><c t="str"><v>kept</v></c></row></sheetData>'
    assert one(workbook(sheet, more={"docProps/core.xml": core}), "a.xlsx").text == "kept"


def test_what_is_said_of_a_picture_and_the_older_of_two_forms() -> None:
    picture = '<w:p><w:r><w:drawing><docPr xmlns="d" descr="{}"/></w:drawing></w:r></w:p>'
    assert text_of(picture.format("Never lift more than 750 kg") + picture.format("Picture 1")) == (
        "Never lift more than 750 kg"
    )
    assert text_of(paragraph("x") + picture.format("A dog on a quay, automatically generated")) == "x"
    old = '<m:AlternateContent xmlns:m="http://schemas.openxmlformats.org/markup-compatibility/2006">{}</m:AlternateContent>'
    forms = "<m:Choice>{}</m:Choice><m:Fallback><w:t>old</w:t></m:Fallback>"
    assert text_of(f"<w:p><w:r>{old.format(forms.format('<w:t>new</w:t>'))}</w:r></w:p>") == "new"
    assert text_of(f"<w:p><w:r>{old.format(forms.format(''))}</w:r></w:p>") == "old"
    assert (
        text_of('<w:p><w:pict><textpath xmlns="urn:schemas-microsoft-com:vml" string="Storm"/></w:pict></w:p>')
        == "Storm"
    )


def test_what_is_said_of_pictures_on_slides() -> None:
    slides = unpack(samples.pptx([("One", "a"), ("Two", "b")]))
    for name in ("ppt/slides/slide1.xml", "ppt/slides/slide2.xml"):
        picture = b'<p:pic><p:cNvPr descr="A gate of the harbour"/></p:pic></p:cSld>'
        slides[name] = slides[name].replace(b"</p:cSld>", picture)
    assert one(archive(slides), "a.pptx").text.count("A gate of the harbour") == 2


def test_a_symbol_font_is_for_signs_alone() -> None:
    slides = unpack(samples.pptx([("One", "x")]))
    run = '<a:rPr><a:sym typeface="Wingdings"/></a:rPr><a:t>{}</a:t>'
    for written, shown in (
        ("Then \uf0e0 open", "Then → open"),
        ("\u00e0", "→"),
        ("LLMs, à la carte", "LLMs, à la carte"),
    ):
        part = slides["ppt/slides/slide1.xml"].replace(b"<a:t>x</a:t>", run.format(written).encode())
        assert one(archive(slides | {"ppt/slides/slide1.xml": part}), "a.pptx").text == f"One\n\n{shown}"


def test_what_a_layout_says_itself_comes_once() -> None:
    slides = unpack(samples.pptx([("One", "x"), ("Two", "y")]))
    shape = "<p:sp><p:txBody><a:p><a:r><a:t>Lindqvist AB</a:t></a:r></a:p></p:txBody></p:sp>"
    ask = "<p:nvSpPr><p:nvPr><p:ph/></p:nvPr></p:nvSpPr>"
    asks = f"<p:sp>{ask}<p:txBody><a:p><a:r><a:t>Click</a:t></a:r></a:p></p:txBody></p:sp>"
    space = 'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main"'
    layout = f'<p:sldLayout {space} xmlns:a="{A}"><p:cSld>{shape}{asks}</p:cSld></p:sldLayout>'
    link = relations(f'<Relationship Id="l" Type="{R}/slideLayout" Target="../slideLayouts/l.xml"/>')
    links = {f"ppt/slides/_rels/slide{n}.xml.rels": link for n in (1, 2)}
    text = one(archive(slides | links | {"ppt/slideLayouts/l.xml": layout}), "a.pptx").text
    assert text.count("Lindqvist AB") == 1 and "Click" not in text


def test_white_pictures_are_no_bomb() -> None:
    white = {"word/media/i.emf": bytes(2 << 20)}
    assert one(archive(unpack(samples.docx(paragraph("x"))) | white), "a.docx").text == "x"
    refused = archive(unpack(samples.docx(paragraph("x"))) | {"word/more.xml": bytes(2 << 20)})
    with pytest.raises(RefusalError, match="200 times"):
        read(refused, "a.docx")


def test_files_inside_files() -> None:
    sheet = samples.xlsx({"S": [["Part", "kg"], ["Winch", 750]]})
    inside = '<w:p><w:object><OLEObject xmlns="urn:schemas-microsoft-com:office:office" r:id="x"/></w:object></w:p>'
    body = paragraph("Before.") + inside + paragraph("After.")
    found = text_of(body, parts={"a.xlsx": sheet}, targets={"x": ("package", "a.xlsx")})
    assert found == "Before.\n\nPart | kg\nPart: Winch; kg: 750\n\nAfter."
    cell = '<w:tbl><w:tr><w:tc><w:altChunk r:id="x"/><w:p/></w:tc></w:tr></w:tbl>'
    assert text_of(cell, parts={"a.txt": "Free."}, targets={"x": ("aFChunk", "a.txt")}) == "Free."


def test_a_large_first_letter_belongs_to_its_word_and_boxes_stand_below_their_sentence() -> None:
    initial = paragraph("T").replace("<w:p>", '<w:p><w:pPr><w:framePr w:dropCap="drop"/></w:pPr>', 1)
    assert text_of(initial + paragraph("he winch lifts.")) == "The winch lifts."
    table = "".join(f"<w:tc>{paragraph(cell)}</w:tc>" for cell in ("Part", "1240"))
    inside = f"<w:tbl><w:tr>{table}</w:tr></w:tbl>{paragraph('Boxed.')}"
    box = f"<w:drawing><w:txbxContent>{inside}</w:txbxContent></w:drawing>"
    sentence = f"<w:p><w:r><w:t>The winch </w:t>{box}<w:t>lifts 750 kg.</w:t></w:r></w:p>"
    assert text_of(sentence) == "The winch lifts 750 kg.\n\nPart | 1240\n\nBoxed."
    comments = f"<w:comments><w:comment w:id='1'>{sentence}</w:comment></w:comments>"
    mark = "<w:p><w:r><w:commentReference w:id='1'/></w:r></w:p>"
    said = text_of(mark, parts={"comments.xml": comments})
    assert said == "Comment: The winch lifts 750 kg. Part 1240 Boxed."


@pytest.mark.parametrize(
    ("code", "shows"),
    [
        ('SYMBOL 176 \\f "Symbol" \\s 10', "°"),
        ("SYMBOL 8364 \\u", "€"),
        ("SYMBOL 128", "€"),
        ("EQ \\f(3;4)", "3/4"),
        ("EQ \\r(;2)", "√2"),
        (r'EQ \* jc2 \* "Font:MS Mincho" \* hps10 \o\ad(\s\up 9(とうきょう),東京)', "東京(とうきょう)"),
        ("MACROBUTTON NoMacro [Name of the keeper]", "[Name of the keeper]"),
        ('QUOTE "at once"', "at once"),
        ("PAGE", ""),
        ("EQ", ""),
    ],
)
def test_fields_without_a_stored_result(code: str, shows: str) -> None:
    kinds = [f'<w:r><w:fldChar w:fldCharType="{kind}"/></w:r>' for kind in ("begin", "end")]
    codes = f'<w:r><w:instrText xml:space="preserve"> </w:instrText><w:instrText>{code}</w:instrText></w:r>'
    field = codes.join(kinds)
    assert text_of(f"<w:p><w:r><w:t>a</w:t></w:r>{field}<w:r><w:t>z</w:t></w:r></w:p>") == f"a{shows}z"


def test_cells_of_a_table_inside_a_cell_are_no_columns_of_it() -> None:
    def rows(*lines: str) -> str:
        return f"<w:tbl>{''.join(f'<w:tr>{line}</w:tr>' for line in lines)}</w:tbl>"

    def cells(*texts: str) -> str:
        return "".join(f"<w:tc>{text if text.startswith('<') else paragraph(text)}</w:tc>" for text in texts)

    inner = rows(cells("Mon", "8-12"), cells("Tue", "9-13"))
    assert text_of(rows(cells(paragraph("Hall 4") + inner, "open"), cells("Hall 5", "shut"))) == (
        "Hall 4 Mon, 8-12; Tue, 9-13 | open\nHall 5 | shut"
    )


def test_what_lies_over_the_cells_of_a_sheet() -> None:
    xdr = "http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing"
    mc = "http://schemas.openxmlformats.org/markup-compatibility/2006"
    box = "<x:sp><x:txBody><a:p><a:r><a:t>Boxed</a:t></a:r></a:p></x:txBody></x:sp>"
    drawing = (
        f'<x:d xmlns:x="{xdr}" xmlns:a="{A}" xmlns:m="{mc}"><m:AlternateContent><m:Choice>{box}</m:Choice>'
        f"<m:Fallback>{box}"
        '</m:Fallback></m:AlternateContent><x:pic><x:cNvPr descr="Never lift more than 750 kg"/></x:pic></x:d>'
    )
    shape = '<v:shape><v:textbox><div>{}</div></v:textbox><x:ClientData ObjectType="{}">{}</x:ClientData></v:shape>'
    shapes = [("Approved", "Checkbox", "<x:Checked>1</x:Checked>"), ("Paid", "Checkbox", ""), ("Said", "Note", "")]
    controls = f"<xml>{''.join(shape.format(*one) for one in shapes)}</xml>"
    targets = "".join(
        f'<Relationship Id="{kind}" Type="{R}/{kind}" Target="../{name}"/>'
        for kind, name in (("drawing", "d.xml"), ("vmlDrawing", "v.vml"))
    )
    sheet = '<sheetData><row><c t="str"><v>a</v></c></row></sheetData>'
    record = one(workbook(sheet, more={"xl/d.xml": drawing, "xl/v.vml": controls}, targets=targets), "a.xlsx")
    assert record.text == "a\n\nBoxed\nNever lift more than 750 kg\n☒ Approved\n☐ Paid"


def test_a_master_document_says_that_its_parts_are_elsewhere() -> None:
    assert "in another file" in read(word(paragraph("Master.") + '<w:subDoc r:id="x"/>'), "m.docx").reason
