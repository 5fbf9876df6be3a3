from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from rag.chunk.blocks import Block, blocks
from rag.chunk.build import CONTEXT_TOKENS
from rag.chunk.sentences import SentenceChunker
from rag.chunk.structure import StructureChunker
from rag.chunk.tokens import TokenChunker
from rag.embed.hashing import HashingEmbedder
from rag.errors import ConfigError
from rag.types import Chunk, Document, Section

WORDS = HashingEmbedder()  # its tokens are words


def cut(text: str, *, size: int = 12, title: str = "", sections: Sequence[Section] = (), **options: Any) -> list[Chunk]:
    document = Document(id="d", source=options.pop("source", "a.md"), text=text, title=title, sections=tuple(sections))
    return list(StructureChunker(embedder=WORDS, size=size, **options).chunk([document])[0].chunks)


def texts(chunks: Sequence[Chunk]) -> list[str]:
    return [chunk.text for chunk in chunks]


HANDBOOK = """\
# Handbook

How to run the house, in words for all who live here.

## Install

Call the office.

### Linux

Unpack the archive and run the script that lies in it as root.

### Other

Ask the vendor.

## Remove

Delete the folder.
"""


def test_sections_are_cut_apart_and_say_where_they_stand() -> None:
    found = cut(HANDBOOK, size=16, title="Handbook")
    assert [(chunk.context, chunk.text) for chunk in found] == [
        ("", "# Handbook\n\nHow to run the house, in words for all who live here."),
        ("Handbook", "## Install\n\nCall the office."),
        ("Handbook > Install", "### Linux\n\nUnpack the archive and run the script that lies in it as root."),
        ("Handbook > Install", "### Other\n\nAsk the vendor."),
        ("Handbook", "## Remove\n\nDelete the folder."),
    ]
    about = [("handbook", "install"), ("handbook", "linux"), ("handbook",), ("handbook", "remove")]
    assert [chunk.about for chunk in found[1:]] == about


def test_a_section_that_fits_keeps_its_subsections() -> None:
    assert texts(cut(HANDBOOK, size=30))[1].startswith("## Install")
    assert texts(cut(HANDBOOK, size=30))[1].endswith("Ask the vendor.")
    assert texts(cut(HANDBOOK, size=200)) == [HANDBOOK.strip()]


def test_a_tiny_section_leads_into_the_one_beside_it_only() -> None:
    text = "# A\n\n## B\n\nfew\n\n## C\n\n" + "word " * 36 + "\n\n## D\n\nfew\n\n# E\n\n" + "word " * 30
    starts = [chunk.text.split()[:2] for chunk in cut(text, size=40)]
    assert starts == [["#", "A"], ["##", "D"], ["#", "E"]]


def test_headings_come_from_sections_when_there_are_some() -> None:
    text = "Intro\n\nOne two three four five six.\n\nParts\n\nOne two three four five six."
    sections = [Section(0, 36, "heading", "Intro"), Section(36, len(text), "heading", "Intro > Parts")]
    assert [chunk.context for chunk in cut(text, size=8, title="Intro", sections=sections)] == ["", "Intro"]
    assert cut(text, size=8, title="Intro", sections=sections)[1].text.startswith("Parts\n")


def test_a_comment_in_code_is_no_heading() -> None:
    text = "# Setup\n" + "x = 1\n" * 20
    assert cut(text, size=8)[-1].context == "Setup"
    assert cut(text, size=8, source="a.py")[-1].context == ""
    fenced = "Text.\n\n```\n# Setup\n```\n\n" + "word " * 20
    assert cut(fenced, size=8)[-1].context == ""


def test_code_definitions_are_headings() -> None:
    text = (
        "import os\n\nclass Pool:\n    def close(self):\n        one = two = three = four\n        five = six = seven\n"
    )
    start = text.index("    def")
    sections = [Section(start, len(text), "code", "Pool > close"), Section(11, len(text), "code", "Pool")]
    found = cut(text, size=8, source="pool.py", sections=sections)
    assert found[-1].context == "Pool > close"
    assert any("close" in chunk.about for chunk in found)


@pytest.mark.parametrize(("mode", "context"), [("headings", "Manual > Install"), ("title", "Manual"), ("none", "")])
def test_context_option(mode: str, context: str) -> None:
    text = "# Install\n\n" + "One two three. " * 8
    assert cut(text, title="Manual", context=mode)[-1].context == context


def test_context_keeps_title_and_innermost_heading_within_its_budget() -> None:
    name = "word " * 20
    label = f"{name}outer > {name}middle > {name}inner"
    text = "One two three four five six. " * 4
    (first, *_) = cut(text, title="Title", sections=[Section(0, len(text), "heading", label)])
    assert first.context.startswith("Title > word")
    assert first.context.endswith("inner")
    assert len(WORDS.token_spans([first.context])[0]) <= CONTEXT_TOKENS


def test_a_small_document_has_its_title_as_context() -> None:
    (chunk,) = cut("The router is red.", title="Lumen  K2")
    assert (chunk.context, chunk.contextual) == ("Lumen K2", "Lumen K2\nThe router is red.")


def test_tables_keep_rows_whole_and_repeat_their_header() -> None:
    rows = "\n".join(f"| router {i} | hall {i} |" for i in range(6))
    found = cut(f"# Stock\n\n| Name | Place |\n|------|-------|\n{rows}\n")
    assert found[0].text.startswith("# Stock\n\n| Name | Place |")
    assert [chunk.context for chunk in found[1:]] == ["Stock\n| Name | Place |"] * (len(found) - 1)
    assert "\n".join(texts(found)).endswith(rows)
    assert all(line.count("|") == 3 for chunk in found[1:] for line in chunk.text.splitlines())


def test_a_block_is_not_cut_where_it_fits() -> None:
    code = "```python\na = b\n\nc = d\n```"
    items = "- one two\n- three four\n\n  five\n- six"
    first, last = "One two three four five six seven eight.", "One two three. Four five six seven eight."
    text = f"{first}\n\n{items}\n\n{code}\n\n{last}"
    assert texts(cut(text, size=9)) == [
        *text.split("\n\n", 1)[:1],
        items,
        code,
        "One two three. Four five six seven eight.",
    ]


def test_long_blocks_fall_into_paragraphs_items_and_sentences() -> None:
    code = "```\n" + "\n\n".join("a b c d\ne f g h" for _ in range(3)) + "\n```"
    assert all("a b c d\ne f g h" in chunk.text for chunk in cut(code, size=10))
    items = "\n".join(f"- item {i} has five words" for i in range(6))
    assert all(chunk.text.startswith("- item") for chunk in cut(items, size=12))
    prose = "One two three four. " * 7
    assert all(chunk.text.endswith("four.") for chunk in cut(prose, size=9))


def test_an_endless_sentence_is_cut_between_words() -> None:
    found = cut("word " * 100, size=8)
    assert " ".join(texts(found)) == ("word " * 100).strip()


def test_chunks_of_one_block_are_of_even_size() -> None:
    assert [len(chunk.text.split()) for chunk in cut("One two. " * 13, size=24)] == [14, 12]


def test_what_leads_into_a_block_stays_with_it() -> None:
    text = "# A\n\nOne two three four five six.\n\nBring these:\n\n- rope\n- lamp\n- bread\n- salt\n\nOne two three."
    assert "Bring these:\n\n- rope" in texts(cut(text, size=8))[1]


def test_chunks_carry_the_sections_they_overlap() -> None:
    text = "One two three four five six seven. " * 4
    pages = [Section(0, 50, "page", "page 1"), Section(50, len(text), "page", "page 2"), Section(60, 60, "page", "")]
    found = cut(text, size=8, sections=pages, source="a.pdf")
    labels = [[section.label for section in chunk.sections] for chunk in found]
    assert labels == [["page 1"], ["page 1", "page 2"], ["page 2"], ["page 2"]]
    assert found[-1].address() == "a.pdf, page 2"


def test_rows_begin_blocks() -> None:
    text = "Name: A; Place: B\nName: C; Place: D\n"
    rows = [Section(0, 18, "row", "row 1"), Section(18, 36, "row", "row 2")]
    assert [(b.start, b.end, b.kind) for b in blocks(text, rows)] == [(0, 18, "prose"), (18, 36, "prose")]
    assert len(list(blocks(text))) == 1


def test_kinds_of_blocks() -> None:
    text = "T\n\n# H\na\nb\n- c\n  d\n\ne\n| f | g |\n|---|:-:|\n~~~\n# h\n\n~~~\ni `x`\n```j``` k\n"
    assert [(text[b.start : b.end].split()[0], b.kind) for b in blocks(text)] == [
        ("T", "prose"),
        ("a", "prose"),
        ("-", "list"),
        ("e", "prose"),
        ("|", "table"),
        ("~~~", "code"),
        ("i", "prose"),
    ]
    (table,) = (b for b in blocks(text) if b.header)
    assert table.header and text[slice(*table.header)] == "| f | g |"
    assert list(blocks("# only")) == [Block(0, 0, 6, "heading")]


def test_sentences_ignores_blocks_but_not_sentences() -> None:
    document = Document(
        id="d", source="", text="One two three.\n\nFour five.\n\n- Six seven.\n- Eight nine ten. One two."
    )
    found = SentenceChunker(embedder=WORDS, size=8).chunk([document])[0].chunks
    assert texts(found) == ["One two three.\n\nFour five.\n\n- Six seven.", "- Eight nine ten. One two."]


def test_tokens_overlap() -> None:
    document = Document(id="d", source="", text=" ".join(str(i) for i in range(20)))
    found = TokenChunker(embedder=WORDS, size=10, overlap=3).chunk([document])[0].chunks
    assert [chunk.text.split()[0] for chunk in found] == ["0", "7", "14"]
    assert found[-1].text.split()[-1] == "19"


def test_too_much_overlap_is_refused() -> None:
    with pytest.raises(ConfigError, match="overlap: 6 is more than half of size, 10; give at most 5"):
        TokenChunker(embedder=WORDS, size=10, overlap=6)


@pytest.mark.parametrize("header", ["Part | Note", "Part | Price | Price\n| | Net | Gross |"])
def test_every_chunk_of_a_long_table_knows_its_header(header: str) -> None:
    wide = "Price" in header
    rows = "\n".join(f"Bolt {n} | {n} | {n + 1}" if wide else f"Bolt {n} | for deck {n}" for n in range(20))
    first, *others = cut(f"{header}\n{rows}")
    assert first.text.startswith(header) and len(others) > 3
    assert {chunk.context for chunk in others} == {" ".join(header.split())}


def test_a_title_with_a_bar_is_no_table() -> None:
    (block,) = blocks("Home | Northwind\n")
    assert block.kind == "prose"
