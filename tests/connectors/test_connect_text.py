"""Bytes to text: encodings, control characters, what is binary."""

from __future__ import annotations

import codecs
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag_connectors.parsed import RefusalError
from rag_connectors.text import clean, decode, one_line

_UNICODE = st.text(st.characters(exclude_categories=["Cs"]))


@given(st.text(st.characters()))
def test_cleaned_text_is_encodable_and_has_no_controls(text: str) -> None:
    cleaned = clean(text)
    cleaned.encode("utf-8")
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]", cleaned)
    assert clean(cleaned) == cleaned


@given(st.binary())
def test_any_bytes_give_clean_text_or_a_reason(data: bytes) -> None:
    try:
        text, _ = decode(data)
    except RefusalError as refused:
        assert refused.reason and refused.status == "skipped"
    else:
        assert text == clean(text)


@given(_UNICODE, st.sampled_from(["utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"]))
def test_a_byte_order_mark_decides(text: str, encoding: str) -> None:
    marks = {
        "utf-8": codecs.BOM_UTF8,
        "utf-16-le": codecs.BOM_UTF16_LE,
        "utf-16-be": codecs.BOM_UTF16_BE,
        "utf-32-le": codecs.BOM_UTF32_LE,
        "utf-32-be": codecs.BOM_UTF32_BE,
    }
    if encoding == "utf-16-le" and text.startswith("\0"):
        text = "x" + text  # a mark and a zero are the mark of UTF-32
    assert decode(marks[encoding] + text.encode(encoding)) == (clean(text), "")


@given(_UNICODE.filter(lambda text: "\0" not in text))
def test_utf8_comes_back(text: str) -> None:
    assert decode(text.encode()) == (clean(text), "")


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("The café opens at nine, says “Zoë”; it costs 5 €.", "cp1252"),
        ("Zażółć gęślą jaźń. To jest zdanie po polsku, dość długie, żeby było jasne.", "cp1250"),
        ("Привет, мир. Это простой текст на русском языке, и его должно хватить.", "cp1251"),
        ("日本語のテキストです。これは文章です。", "shift_jis"),
        ("Plain English in sixteen bits", "utf-16-le"),
        ("Plain English in sixteen bits", "utf-16-be"),
    ],
)
def test_encodings_without_a_mark(text: str, encoding: str) -> None:
    assert decode(text.encode(encoding)) == (text, "")


@pytest.mark.parametrize(
    ("text", "encodings"),
    [
        ("Protokol o převzetí čerpadla. Smlouvu podepsala Růžena Dvořáková v Plzni.", "cp1250 iso8859-2 cp852"),
        ("A szerződést Szőke Győző írta alá Győrben. A Tűzoltó Művek szállította.", "cp1250 iso8859-2"),
        ("Umowę podpisała Małgorzata Źdźbło w Łodzi, ściśle według instrukcji.", "cp1250 iso8859-2"),
        ("Ugovor je potpisala Željka Šimić u Đakovu. Crpku treba provjeravati.", "cp1250"),
        ("Sözleşmeyi Gülşah Işık, 3 Mart günü İzmir'de imzaladı.", "cp1254 iso8859-9"),
        ("Sutartį pasirašė Žydrūnas Šimkus Šiauliuose. Siurblį reikia tikrinti.", "cp1257"),
        ("Договор подписала Анна Каренина в Москве третьего марта.", "cp1251 koi8-r cp866 iso8859-5 mac-cyrillic"),
        ("Η σύμβαση υπογράφηκε από την Ελένη στην Αθήνα.", "cp1253 iso8859-7"),
        ("החוזה נחתם על ידי רחל לוי בתל אביב.", "cp1255"),
        ("تم توقيع العقد من قبل ليلى حداد في القاهرة.", "cp1256"),
        ("Der Vertrag wurde von Jürgen Groß in Köln unterschrieben, die Prüfung ist fällig.", "cp1252 cp850 mac-roman"),
        ("Le contrat a été signé à Orléans par Hélène – « deux fois » par an.", "cp1252 mac-roman"),
        ("Samninginn undirritaði Þórður Guðmundsson í Reykjavík.", "cp1252"),
        ("It’s fine: 45° ± 2°.", "cp1252"),
        ("naïve", "cp1252"),
        ("El niño", "cp1252"),
        ("voilà", "cp1252"),
        ("Ø 20 mm", "cp1252"),
        ("弁は自動で閉じる。", "cp932 euc_jp iso2022_jp"),
        ("水泵每六个月检查一次。", "gb18030"),
        ("合約由王小明於三月三日在台北簽署。", "big5"),
        ("펌프는 여섯 달마다 점검해야 한다.", "cp949"),
    ],
)
def test_how_likely_a_text_is_decides_between_encodings(text: str, encodings: str) -> None:
    for encoding in encodings.split():
        assert decode(text.encode(encoding)) == (text, ""), encoding


@pytest.mark.parametrize(
    ("label", "encoding", "text"),
    [
        ("ISO-8859-1", "cp1252", "€ 45 – “cheap”, don’t wait…"),
        ("us-ascii", "cp1252", "€ 45 – “cheap”, don’t wait…"),
        ("latin5", "cp1254", "Gülşah “Işık”"),
        ("gb2312", "gb18030", "镕基 €"),
        ("x-sjis", "cp932", "①ポンプ"),
        ("ks_c_5601-1987", "cp949", "똠방각하"),
        ("iso-8859-8-i", "iso8859-8", "שלום"),
        ("utf-7", "utf-7", "Привет"),
        ("hz-gb-2312", "hz", "你好"),
        ("iso-2022-jp", "iso2022_jp_2004", "①ポンプ"),
    ],
)
def test_a_label_means_what_browsers_take_it_for(label: str, encoding: str, text: str) -> None:
    data = text.encode(encoding)
    assert decode(data.replace(b"\x1b$(Q", b"\x1b$B"), declared=label) == (text, "")


def test_a_declared_encoding_wins_over_a_guess() -> None:
    text = "Привет"
    assert decode(text.encode("koi8-r"), declared="koi8-r") == (text, "")
    assert decode(b"caf\xe9 au lait", declared="no-such-encoding")[0] == "café au lait"


def test_damaged_utf8_is_kept_and_named() -> None:
    text, lost = decode("größer und schöner und süßer".encode()[:-1] + b"\xff")
    assert text.startswith("größer und schöner und süße")
    assert lost == "not valid UTF-8: 1 characters replaced"


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le"])
@pytest.mark.parametrize("text", ["Лебёдка поднимает 750 кг.", "绞车最多可吊起。\n合同由李明签署。\n", "The winch\n"])
def test_wide_characters_without_a_mark(text: str, encoding: str) -> None:
    assert decode(text.encode(encoding)) == (text, "")


def test_lines_of_two_encodings_are_read_each_in_its_own() -> None:
    lines = [f"Zeile {n}: Prüfung für März\n" for n in range(20)]
    data = b"".join(line.encode("cp1252" if n % 2 else "utf-8") for n, line in enumerate(lines))
    assert decode(data) == ("".join(lines), "")
    assert "replaced" in decode(data + "ü".encode()[:1])[1]  # a letter that is cut off


def test_old_machines() -> None:
    assert decode("Schöne Grüße\r\n\x1a".encode("cp850"))[0] == "Schöne Grüße\n"
    assert decode("The winch lifts 750 kg.".encode("cp037")) == ("The winch lifts 750 kg.", "")
    boxes = "┌───────┬─────┐\n│ Winch │ 750 │\n└───────┴─────┘\nPrüfung der Wärmepumpe\n"
    assert decode(boxes.encode("cp437")) == (boxes, "")


@pytest.mark.parametrize("data", [b"\x00\x01\x02binary", bytes(range(256)) * 4, b"MZ\x90\x00\x03\x00\x00\x00"])
def test_binary_is_refused(data: bytes) -> None:
    with pytest.raises(RefusalError, match="not text"):
        decode(data)


def test_line_ends_terminal_colours_and_surrogates() -> None:
    assert clean("a\r\nb\rc\x0cd\x85e") == "a\nb\nc\nd\ne"
    assert clean("\x1b[31mred\x1b[0m") == "red"
    assert clean("\x1b]0;title\x07done N\bNA\bA") == "done NA"
    assert clean("x\ud83dy") == "x\ufffdy"
    assert one_line(" a \n\t b ") == "a b"
