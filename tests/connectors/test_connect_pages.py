"""Pages of a text: what belongs to the paper leaves it, and a sentence goes on over their ends."""

from __future__ import annotations

from rag.text.sentences import sentence_spans
from rag_connectors.formats import plain
from rag_connectors.pages import split_pages
from rag_connectors.parsed import ParseOptions

FOOT, HEAD = (
    "Klensin            Standards Track            [Page {}]",
    "RFC 5321            SMTP            October 2008",
)
TEXT = "\n\n".join(
    [
        "Simple mail is simple.\n   A server that has no room for a message of this length",
        FOOT.format(1),
        f"{HEAD}\n\n   refuses it. It says so.",
        FOOT.format(2),
        f"{HEAD}\n\n   Then it is done.",
        FOOT.format(3),
        f"{HEAD}\n\n   The end.",
        FOOT.format(4),
    ]
)


def sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in sentence_spans(text)]


def test_a_sentence_goes_on_over_the_end_of_a_page() -> None:
    [record] = plain.parse(TEXT.encode(), "rfc.txt", ParseOptions()).records
    assert "[Page" not in record.text and "RFC 5321" not in record.text
    assert "A server that has no room for a message of this length\n   refuses it." in sentences(record.text)
    assert [label for _, _, kind, label in record.spans if kind == "page"] == ["page 1", "page 2", "page 3", "page 4"]
    start, end = next(span[:2] for span in record.spans if span[3] == "page 3")
    assert record.text[start:end].strip() == "Then it is done."


def test_lines_that_count_no_pages_part_nothing() -> None:
    text = "Page 3\nfirst\nPage 9\nsecond\nPage 2\nthird"
    assert split_pages(text) == []
    [record] = plain.parse(text.encode(), "x.txt", ParseOptions()).records
    assert record.text == text and record.spans == ()
