"""PDF pages as people read them: letters, words, order, tables, margins, forms."""

import zlib
from base64 import b85decode
from collections.abc import Callable, Sequence

import pytest

from rag_connectors.kinds import kind_of
from rag_connectors.outcome import outcome_of
from rag_connectors.parsed import ParseOptions, ParseOutcome, RefusalError
from rag_connectors.pdf.accents import mend_accents
from rag_connectors.pdf.boxes import Word, word
from rag_connectors.pdf.mending import mended, once
from rag_connectors.pdf.quality import is_garbled
from tests.connectors import samples

HELVETICA = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>"
WORDS = "Hello rain over harbour"
Line = tuple[float, float, str]  # left, bottom, text


def pdf(contents: Sequence[str], font: bytes = HELVETICA, *more: bytes, entries: bytes = b"") -> bytes:
    """Pages of these contents, one font /F1 (object 3), `more` objects from number 4, `entries` of every page."""
    first = 4 + len(more)
    kids = b" ".join(b"%d 0 R" % (first + 2 * n) for n in range(len(contents)))
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Count %d/Kids[%b]/MediaBox[0 0 612 792]>>" % (len(contents), kids),
        font,
        *more,
    ]
    for n, content in enumerate(contents):
        page = b"<</Type/Page/Parent 2 0 R/Resources<</Font<</F1 3 0 R>>>>/Contents %d 0 R%b>>"
        objects += [page % (first + 2 * n + 1, entries), samples.stream(content.encode("latin-1"))]
    return samples.pdf_objects(objects)


def written(lines: Sequence[Line], size: int = 10) -> str:
    """A content that draws these texts, one by one in this order."""
    return f"BT /F1 {size} Tf " + "".join(f"1 0 0 1 {x} {y} Tm ({text}) Tj " for x, y, text in lines) + "ET"


def read(data: bytes) -> ParseOutcome:
    kind = kind_of("a.pdf")
    assert kind is not None
    return outcome_of(data, "a.pdf", ParseOptions(), kind, "")


def text_of(data: bytes) -> str:
    result = read(data)
    assert result.status == "ok", result.reason
    return result.records[0].text


def coded(name: Callable[[str], str], head: bytes = b"/Type1/BaseFont/ABCDEF+Foo", tail: bytes = b"") -> bytes:
    """The words in a font whose codes count from 1 and whose glyphs are called by `name`."""
    codes = {letter: code for code, letter in enumerate(sorted(set(WORDS)), 1)}
    names = " ".join(f"{code}/{name(letter)}" for letter, code in codes.items())
    font = b"<</Type/Font/Subtype%b/Encoding<</Differences[%b]>>/FirstChar 0/LastChar 255/Widths[%b]%b>>"
    shown = "".join(f"{codes[letter]:02x}" for letter in WORDS)
    glyph = samples.stream(b"500 0 0 0 500 700 d1 0 0 400 600 re f")
    return pdf([f"BT /F1 12 Tf 72 700 Td <{shown}> Tj ET"], font % (head, names.encode(), b"500 " * 256, tail), glyph)


NAMES: dict[str, Callable[[str], str]] = {
    "code": lambda letter: str(ord(letter)),
    "g and code": lambda letter: f"g{ord(letter)}",
    "G and hexadecimal code": lambda letter: f"G{ord(letter):02X}",
    "place in TrueType": lambda letter: f"g{ord(letter) - 29}",
    "place in CFF": lambda letter: f"cid{ord(letter) - 31}",
    "Unicode": lambda letter: f"uni{ord(letter):04X}",
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_glyphs_with_numbers_for_names_are_letters(name: Callable[[str], str]) -> None:
    assert text_of(coded(name)) == WORDS
    glyphs = "".join(f"/{name(letter)} 4 0 R" for letter in sorted(set(WORDS)))
    tail = f"/FontBBox[0 0 500 700]/FontMatrix[0.001 0 0 0.001 0 0]/CharProcs<<{glyphs}>>".encode()
    assert text_of(coded(name, b"/Type3", tail)) == WORDS


def test_letters_that_nothing_names_are_said_to_be_lost() -> None:
    order = sorted(set(WORDS))
    with pytest.raises(RefusalError, match="page 1 is garbled"):
        read(coded(lambda letter: f"x{'ABCDEFGHIJKLMNOPQRSTUVWXYZ'[order.index(letter)]}zq"))


def cjk(encoding: str, ordering: str, codes: bytes) -> bytes:
    below = f"<</Type/Font/Subtype/CIDFontType0/BaseFont/Foo/CIDSystemInfo<</Registry(Adobe)/Ordering({ordering})"
    return pdf(
        [f"BT /F1 12 Tf 300 700 Td <{codes.hex()}> Tj ET"],
        f"<</Type/Font/Subtype/Type0/BaseFont/Foo/Encoding/{encoding}/DescendantFonts[4 0 R]>>".encode(),
        f"{below}/Supplement 2>>/FontDescriptor 5 0 R/DW 1000>>".encode(),
        b"<</Type/FontDescriptor/FontName/Foo/Flags 4/Ascent 880/Descent -120/FontBBox[0 -120 1000 880]>>",
    )


JAPANESE, KOREAN = "日本語の文書", "한국어문서"
SEVEN_BITS = JAPANESE.encode("iso-2022-jp")[3:-3]


@pytest.mark.parametrize(
    ("encoding", "ordering", "codes", "shown"),
    [
        ("H", "Japan1", SEVEN_BITS, JAPANESE),
        ("V", "Japan1", SEVEN_BITS, JAPANESE),
        ("78-H", "Japan1", SEVEN_BITS, JAPANESE),
        ("EUC-H", "Japan1", JAPANESE.encode("euc-jp"), JAPANESE),
        ("90ms-RKSJ-H", "Japan1", JAPANESE.encode("cp932"), JAPANESE),
        ("RKSJ-H", "Japan1", JAPANESE.encode("cp932"), JAPANESE),
        ("Identity-H", "Japan1", bytes.fromhex("034b034d0c5a"), "あい凍"),
        ("KSC-EUC-H", "Korea1", KOREAN.encode("euc-kr"), KOREAN),
        ("KSC-H", "Korea1", bytes(byte & 0x7F for byte in KOREAN.encode("euc-kr")), KOREAN),
        ("KSCms-UHC-H", "Korea1", KOREAN.encode("cp949"), KOREAN),
        ("GBK-EUC-H", "GB1", "中文文件".encode("gbk"), "中文文件"),
        ("ETen-B5-H", "CNS1", "中文文件".encode("big5"), "中文文件"),
    ],
)
def test_encodings_of_chinese_japanese_and_korean(encoding: str, ordering: str, codes: bytes, shown: str) -> None:
    assert text_of(cjk(encoding, ordering, codes)) == shown


LEFT = ["The ferry leaves from the", "old pier at the end of", "the harbour, where a clerk", "sells tickets on board."]
RIGHT = ["Bicycles travel free, but", "dogs need a ticket of", "their own, which costs", "one euro for each way."]


def test_columns_are_read_one_after_the_other() -> None:
    rows = [(x, 700 - 14 * n, side[n]) for n in range(4) for x, side in ((72, LEFT), (320, RIGHT))]
    found = text_of(pdf([written([(72, 740, "The ferry and what it costs to take things along with you"), *rows])]))
    assert found.split("\n\n")[-2:] == ["\n".join(LEFT), "\n".join(RIGHT)]


def test_rows_of_a_table_are_lines_whatever_the_order_of_their_cells() -> None:
    cells = [("Port", "Fee", "Hours"), ("Lindholm", "42", "8-16"), ("Havn", "", "9-12"), ("Skagen", "38", "7-20")]
    drawn = [(72 + 120 * k, 700 - 16 * n, cell) for n, row in enumerate(cells) for k, cell in enumerate(row) if cell]
    expected = "Port | Fee | Hours\nLindholm | 42 | 8-16\nHavn | | 9-12\nSkagen | 38 | 7-20"
    assert text_of(pdf([written(drawn)])) == expected
    assert text_of(pdf([written(drawn[::-1])])) == expected


def test_rows_far_below_each_other_are_rows_though_their_first_cell_is_empty() -> None:
    head = [(60, 700, "No"), (120, 700, "Code"), (220, 700, "Place"), (320, 700, "Price")]
    rows = [(x, 670 - 30 * n, f"{text}{n}") for n in range(3) for x, text in ((120, "K"), (220, "Bergen "), (320, "9"))]
    assert "No | Code | Place | Price\n| | K0 | Bergen 0 | 90 |\n| | K1 |" in text_of(pdf([written(head + rows)]))
    wrapped = [(60, 700, "Pump"), (160, 700, "cast iron,"), (260, 700, "900"), (160, 688, "painted"), (260, 688, "net")]
    assert text_of(pdf([written(wrapped)])) == "Pump | cast iron, painted | 900 net"


def test_a_stamp_across_lines_parts_none_of_them() -> None:
    lines = [(60, 700 - 14 * n, f"Rule {n}: keep the gangway free of ropes.") for n in range(9)]
    stamp = " BT /F1 60 Tf 0.7071 0.7071 -0.7071 0.7071 90 590 Tm (DRAFT) Tj ET"
    text = text_of(pdf([written(lines) + stamp]))
    assert text == "\n".join(line for _, _, line in lines) + "\nDRAFT"


def test_a_line_that_goes_on_down_the_margin_stays_a_line() -> None:
    lines = [(60, 700, "The first rule is short."), (60, 686, "The last one ends here.")]
    margin = " BT /F1 10 Tf 0 1 -1 0 590 686 Tm (Form 2022 rev. 3) Tj ET"
    text = text_of(pdf([written(lines) + margin]))
    assert text == "The first rule is short.\nThe last one ends here.\nForm 2022 rev. 3"


def test_a_list_is_no_table() -> None:
    items = [(x, 700 - 16 * n, text) for n in range(3) for x, text in ((72, f"{n + 1}."), (110, f"step number {n}"))]
    assert text_of(pdf([written(items)])) == "1. step number 0\n2. step number 1\n3. step number 2"


def test_words_are_neither_torn_nor_glued() -> None:
    content = (
        "BT /F1 10 Tf 1 0 0 1 72 700 Tm (The ) Tj [(har) 20 (bour) -250 (office) -250 (is) -250 (open)] TJ "
        "1 0 0 1 72 680 Tm (01/02/2026) Tj 1 0 0 1 124 680 Tm (03/04/2026) Tj "
        "1 0 0 1 72 660 Tm [(N) -300 (O) -300 (T) -300 (I) -300 (C) -300 (E) -900 (T) -300 (O) -900 (A) -300 (L)] TJ "
        "1 0 0 1 72 640 Tm (Bold word) Tj 1 0 0 1 72.3 640 Tm (Bold word) Tj ET"
    )
    assert text_of(pdf([content])).split("\n") == [
        "The harbour office is open",
        "01/02/2026 03/04/2026",
        "NOTICE TO AL",
        "Bold word",
    ]


@pytest.mark.parametrize(("turns", "matrix"), [(90, "0 1 -1 0 500"), (270, "0 -1 1 0 100"), (0, "0 1 -1 0 500")])
def test_a_page_on_its_side_is_read(turns: int, matrix: str) -> None:
    content = f"BT /F1 10 Tf {matrix} 300 Tm (The ferry leaves at noon) Tj 0 -14 Td (from the old pier.) Tj ET"
    found = text_of(pdf([content], entries=b"/Rotate %d" % turns))
    assert found == "The ferry leaves at noon\nfrom the old pier."


@pytest.mark.parametrize("matrix", ["-1 0 0 1 612 0", "1 0 0 -1 0 792", "-1 0 0 -1 612 792"])
def test_a_page_in_a_mirror_or_on_its_head_is_read(matrix: str) -> None:
    lines = ["The ferry leaves at noon", "from the old pier.", "Ask for Ana Berg."]
    content = written([(72, 700 - 14 * n, line) for n, line in enumerate(lines)])
    assert text_of(pdf([f"{matrix} cm {content}"])).split("\n") == lines


def test_words_broken_at_line_ends_are_whole() -> None:
    lines = ["The inter-", "national co-", "operation of well-", "known ports in state-of-the-", "art halls"]
    found = text_of(pdf([written([(72, 700 - 14 * n, line) for n, line in enumerate(lines)])]))
    assert found.split() == "The international cooperation of well-known ports in state-of-the-art halls".split()


def test_a_hyphen_before_a_number_stays_and_a_word_over_two_pages_is_one() -> None:
    lines: list[Line] = [(72, 700, "Valve K-"), (72, 686, "7 was closed in 2019-"), (72, 672, "2024 by the wind-")]
    found = text_of(pdf([written(lines), written([(72, 700, "lass on deck")])]))
    assert found.split() == "Valve K-7 was closed in 2019-2024 by the windlass on deck".split()


def test_letters_without_a_width_are_not_lost() -> None:
    font = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/FirstChar 32/LastChar 32/Widths[600]>>"
    assert text_of(pdf(["BT /F1 12 Tf 72 700 Td [(seven) -250 (hooks) -250 (need)] TJ ET"], font)) == "seven hooks need"


def test_two_dates_drawn_side_by_side_are_two() -> None:
    lines: list[Line] = [(322, 700, "2019-03-06"), (270, 700, "2019-03-04"), (72, 700, "Airfare")]
    assert "2019-03-04 2019-03-06" in text_of(pdf([written(lines)]))


def test_powers_and_marks_of_notes_are_no_digits_of_their_number() -> None:
    content = "BT /F1 12 Tf 72 700 Td (Made 10) Tj 4 Ts /F1 8 Tf (6) Tj 0 Ts /F1 12 Tf ( bolts in 1998) Tj "
    content += "4 Ts /F1 8 Tf (12) Tj 0 Ts /F1 12 Tf (. CO) Tj -3 Ts /F1 8 Tf (2) Tj 0 Ts /F1 12 Tf ( of 2024) Tj ET"
    assert text_of(pdf([content])) == "Made 10^6 bolts in 1998^12. CO2 of 2024"


def test_two_amounts_drawn_side_by_side_are_two() -> None:
    lines: list[Line] = [(150, 700, "$19.99"), (118, 700, "$12.50"), (72, 700, "Rope v2.10.51")]
    assert "$12.50 $19.99" in text_of(pdf([written(lines)]))


def test_what_is_only_drawn_over_a_page_is_read() -> None:
    shown = b"BT /F1 12 Tf 2 4 Td (Solveig Berg) Tj ET"
    drawing = b"<</Subtype/Form/BBox[0 0 180 17]/Resources<</Font<</F1 3 0 R>>>>/Length %d>>stream\n%b\nendstream"
    stamp = b"<</Type/Annot/Subtype/Stamp/AP<</N 4 0 R>>/Rect[220 695 400 712]>>"
    data = pdf(
        [written([(72, 700, "Signed:")])], HELVETICA, drawing % (len(shown), shown), stamp, entries=b"/Annots[5 0 R]"
    )
    assert text_of(data) == "Signed: | Solveig Berg" or text_of(data) == "Signed: Solveig Berg"


def test_a_form_in_xml_is_said_to_be_lost() -> None:
    data = pdf([written([(72, 700, "Please wait...")])]).replace(b"/Catalog", b"/Catalog/AcroForm<</Fields[]/XFA[]>>")
    assert read(data).status == "degraded" and "XFA" in read(data).reason


def test_what_stands_in_the_margin_of_every_page_leaves_the_text() -> None:
    heads = ["Franks", "Franks", "4.5.3 Ropes", "4.5.4 Knots", "4.6 Sails"]
    pages = [
        written(
            [
                (72, 750, head),
                (72, 690, f"Page text {n}: all ropes"),
                (72, 676, f"{'x' * n} are kept dry."),
                (300, 30, f"4-{n}"),
            ]
        )
        for n, head in enumerate(heads, 1)
    ]
    found = text_of(pdf(pages))
    assert "Ropes" not in found and "4-3" not in found and found.count("Page text") == 5 == found.count("kept dry")


def test_form_values_and_notes_are_part_of_the_page() -> None:
    notes = (
        b"/Annots[<</Subtype/Widget/FT/Tx/V(Anna Berg)/T(name)/Rect[130 696 300 712]>>"
        b"<</Subtype/Widget/FT/Ch/V(b)/Opt[[(a)(Aarhus)][(b)(Bergen)]]/T(port)/Rect[130 676 300 692]>>"
        b"<</Subtype/Widget/FT/Btn/AS/Yes/T(agree)/Rect[130 656 142 672]>>"
        b"<</Subtype/Widget/FT/Tx/V(secret)/F 2/T(hidden)/Rect[130 596 300 612]>>"
        b"<</Subtype/FreeText/Contents(Paid in cash)/Rect[300 500 400 516]>>"
        b"<</Subtype/Text/Contents(Check the date)/T(Ole)/Rect[10 10 20 20]>>]"
    )
    lines: list[Line] = [(72, 700, "Name:"), (72, 680, "Port:"), (72, 660, "I agree")]
    found = text_of(pdf([written(lines)], entries=notes))
    assert found.split("\n\n")[0].split("\n") == ["Name: | Anna Berg", "Port: | Bergen", "I agree | [x]"]
    assert "Paid in cash" in found and "Comment by Ole: Check the date" in found and "secret" not in found


LOCKED = (  # AES-256, no password to read it, packed
    "c-oCrONbmr81^6{?Jb@n2!&)Xk+r+tRb*J%$BbFBahDxU6bV?*-HtQeV^8n8YjTN4gXE$pEO^O5MA%F40U|-kNdy%|vzHj+O$;6+2lZlA?_(Cn"
    "L#F3Y_0|9Q{*SL}Vri~337^8r#GPNi{UL!M1EoHnv|35}+~&Z6bXL`>SFR-Kl3H;?fI`4>GBuUB!p1-}me9l{>1?@H)Bq;wsoW01O9012a4tzt"
    "JDaPSawA|__!vZhOB7B<Me+X@jT9;uitchqm))>jt4tsj<2q$HX%-NS@*<j~-8Ee|+Xx0qGivCX`1GXft-CrmDoNXgDQ#Y?fb?u$Oc%p^ABe=l"
    "KYd|QpLb@r$$TFIvM)tEoDJmyw;`ar<nCiiGB)L2heL$t`_15Ib6c-QF;BXDWwnuYCa;G}u9_|TgR+RKh)AMWR^5RzA#={H=f*u#sm&x^aK%c<"
    "$0&9m)|FHJ<hNHozP0>n>!^I~8+r5l>o*>FZ|l#UBNvYyd*bC2^xl!LBg?(eJ-+l1-%j4ET^020soKrCAe1|3BiW%gzii)r@$cg|2RGihez$Y="
    "(rW9%#18oMpT8C^-njPcAD1>Jx2`;L@9D=rV#7N>CSM)j{$S_93!i=Rg?jjuSa^T?cirCl4qm=m6>nYp^2FtL9-92H)jRt3=a1ig^3mHrU-{|H"
    "cgJb6Lp09-8hirS0XIa$dI=CDiDVo}G#aH_tHP?vCg~z*X$WoRG0k*Fw1k3ENHPw&=GaQBpyZfSM77n9Vg(U5k~?gP#n2nY9W#b%;yGc2I;wca"
    "J@x`AC!H~l;oz9(L5m1wgm;o<7<+~-6UIWSGb&7IgtbD_5F#82buIRpAPPICl)(rR!@Y@Z13Q8x@l0FmxhGP2Wer!7*yzhn<JWF&_g2$u^=f-P"
    "8YZ19&EminG3Yc%r`z2#_&;8W&hFOz4%jUaH`Qpf*aj_uwDuZvsRK{!JkKnpRzqzF4D7IEf^be8)Yv%U6^F(t8|Ib>87f#5B9_t8TWBy8f`z-H"
    "q?80(s=Ol-X<-qvnX%kyff<pQXNXV{WHN{nF0w3?374TCo&qif4w6VI0yX7OhJ=y~c_oMy+WDzNH*lkJKFI)2vV$LBlwt}zIKW`=eREQbFh<5O"
    "NaPq6WEsOK9k0g`8ew&%@}8?2|911&U7(jPmu0y0yD!W9TzFGj%0mq$q*hp&87K+U8FGwz!l8APOx;h&x#rcYHU~9e`;XbMR#n{y6I{)ciHY`N"
    "C;1nQUC81"
)


def test_an_encrypted_file_that_needs_no_password_is_read() -> None:
    assert text_of(zlib.decompress(b85decode(LOCKED))) == "The winch lifts 750 kg."


def test_what_macos_leaves_out_is_no_damage() -> None:
    sound = pdf([written([(72, 700, "one")])])
    assert sound.count(b"xref\n0 6") == 1
    unused = sound.replace(b"xref\n0 6", b"xref\n0 7").replace(b"trailer", b"0000000000 00000 n \ntrailer")
    assert read(unused).status == "ok"


def test_a_page_beyond_a_limit_is_lost_and_the_others_are_read() -> None:
    result = read(pdf([written([(72, 700, "sound")]), " " * 25_000_000]))
    assert result.status == "degraded" and result.records[0].text == "sound"
    with pytest.raises(RefusalError, match="page 1 could not be read"):
        read(pdf([" " * 25_000_000]))


def test_a_sign_of_two_arabic_letters_keeps_their_order() -> None:
    letters = b"begincmap 1 begincodespacerange <00> <ff> endcodespacerange 3 beginbfchar"
    letters += b" <01> <0645> <02> <06440627> <03> <0633> endbfchar endcmap"
    font = HELVETICA[:-2] + b"/FirstChar 1/LastChar 3/Widths[500 500 500]/ToUnicode 4 0 R>>"
    assert text_of(pdf(["BT /F1 12 Tf 72 700 Td <010203> Tj ET"], font, samples.stream(letters))) == "سلام"


def test_words_printed_twice_in_one_place_come_once() -> None:
    def line(at: float) -> list[Word]:
        return [
            word(at + 50 * n, at, at + 50 * n + 40, at + 10, text)
            for n, text in enumerate(["Annual", "report", "2011"])
        ]

    assert [[one.text for one in run] for run in once([line(9) + line(9.4), line(50)])] == [
        ["Annual", "report", "2011"]
    ] * 2


def test_letters_that_are_placed_alone_are_words() -> None:
    at, runs = 0.0, list[list[Word]]()
    for letter in "Sparsity level (k)":
        runs += [[word(at, 0, at + 6, 12, letter)]] if letter != " " else []
        at += 6 if letter != " " else 3.3
    found = mended(once([*runs, [word(at + 20, 0, at + 30, 12, "12")]]), leftwards=False)
    assert [" ".join(one.text for one in run) for run in found] == ["Sparsity level (k)", "12"]


def test_pieces_of_words_that_stand_closer_than_words_are_joined() -> None:
    def run(pieces: str, near: float, far: float) -> list[Word]:
        found, at = list[Word](), 0.0
        for piece in pieces.split(" "):
            if not piece:
                at += far - near
                continue
            found.append(word(at, 0, at + 6 * len(piece), 12, piece))
            at += 6 * len(piece) + near
        return found

    torn = "H e re  i s  so me  fo rma tte d  te xt"
    [whole] = mended([run(torn, 1.7, 6)], leftwards=False)
    assert " ".join(one.text for one in whole) == "Here is some formatted text"
    short = run("if it is so  we go on", 3.3, 8)
    assert mended([short], leftwards=False) == [short]


@pytest.mark.parametrize("cut", [b"%%EOF", b"startxref"])
def test_a_file_without_its_end_is_read_and_named(cut: bytes) -> None:
    sound = samples.pdf([["The winch lifts 750 kg."]])
    result = read(sound.replace(cut, b""))
    assert result.records[0].text == "The winch lifts 750 kg."
    assert (result.status, "searched" in result.reason) == (("ok", False) if cut == b"%%EOF" else ("degraded", True))


@pytest.mark.parametrize(
    ("named", "shown"),
    [
        ("Pr¸fung der W‰rmepumpe: Grˆﬂe, Straﬂe", "Prüfung der Wärmepumpe: Größe, Straße"),
        ("DurÈe, WŠrme", "Durée, Wärme"),
        ("ÉCOLE, naše, author‡ and, Fran¸cais, aˆt, geﬂügelt", "ÉCOLE, naše, author‡ and, Fran¸cais, aˆt, geﬂügelt"),
    ],
)
def test_letters_that_are_named_by_another_encoding(named: str, shown: str) -> None:
    assert mend_accents(named) == shown


def test_words_that_can_be_spoken_in_no_language_are_garbled() -> None:
    text = """The council has decided that from next summer every visitor who stays for more than three nights must pay
    a small charge, which helps to repair the paths along the coast. Hotels collect the money when guests arrive and
    send it to the town at the end of each month. Children under twelve pay nothing, nor do people who come to work.
    Anyone who thinks that the charge is wrong may write to the council within four weeks after the bill was sent."""
    prose = [line.strip().lower() for line in text.splitlines()]
    others = str.maketrans("aeioubcdfghlmnprstvw", "ouaeigdbvtnrpshlmfwc")
    right, wrong = (
        [(60, 700 - 14 * n, line.translate(letters)) for n, line in enumerate(prose)] for letters in ({}, others)
    )
    assert text_of(pdf([written(right, 8)])).startswith("the council has decided")
    result = read(pdf([written(right, 8), written(wrong, 8)]))
    assert result.status == "degraded" and result.reason.startswith("page 2 is garbled")
    assert not is_garbled("satama on suljettu talvella koska meri on silloin jäässä ja laivat odottavat ulapalla. " * 9)


def test_letters_three_in_a_row_are_no_text() -> None:
    assert is_garbled("تضع صوو عييهاوخ قويوووة ومسوووولدامة و وووخماة في مختلف المجالات")
    assert not is_garbled("وتشمل الدراسة مجالات الصحة والتعليم وتحقيق معدلات نمو قوية ومستدامة")
