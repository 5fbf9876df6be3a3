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


def test_a_declared_encoding_wins_over_a_guess() -> None:
    text = "Привет"
    assert decode(text.encode("koi8-r"), declared="koi8-r") == (text, "")
    assert decode(b"caf\xe9 au lait", declared="no-such-encoding")[0] == "café au lait"


def test_damaged_utf8_is_kept_and_named() -> None:
    text, lost = decode("größer und schöner und süßer".encode()[:-1] + b"\xff")
    assert text.startswith("größer und schöner und süße")
    assert lost == "not valid UTF-8: 1 characters replaced"


@pytest.mark.parametrize("data", [b"\x00\x01\x02binary", bytes(range(256)) * 4, b"MZ\x90\x00\x03\x00\x00\x00"])
def test_binary_is_refused(data: bytes) -> None:
    with pytest.raises(RefusalError, match="not text"):
        decode(data)


def test_line_ends_terminal_colours_and_surrogates() -> None:
    assert clean("a\r\nb\rc\x0cd\x85e") == "a\nb\nc\nd\ne"
    assert clean("\x1b[31mred\x1b[0m") == "red"
    assert clean("x\ud83dy") == "x\ufffdy"
    assert one_line(" a \n\t b ") == "a b"
