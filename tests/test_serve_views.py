"""Documents as trees that a page can show: what is marked is the quote, and nothing of a document is markup."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, strategies

from rag.config import build, load
from rag.serve.views import TAGS, WINDOW, view_document
from rag.types import Document, Section

EXAMPLES = Path(__file__).parent.parent / "examples" / "documents"
SOURCES = (
    "fleet/grey-heron.md", "handbook/operations-handbook.md", "fleet/fleet-list.csv", "harbour/fares-2026.html",
    "energy/hellen-battery-project.pptx", "fleet/capra-winch-manual.pdf", "network/backup_configs.py",
    "fleet/maintenance-log-2026.xlsx", "procedures/P-21-heavy-weather.docx", "museum/collection.json",
)  # fmt: skip


def walk(children: list[Any], *, marked: bool = False) -> Iterator[tuple[str, bool, Any]]:
    """Every string with whether it is marked, every element as ("", False, element)."""
    for child in children:
        if isinstance(child, str):
            yield child, marked, None
        else:
            yield "", False, child
            yield from walk(child["children"], marked=marked or child["tag"] == "mark")


def letters(text: str) -> str:
    return "".join(c for c in text if c.isalnum())


@pytest.fixture(scope="module")
def documents() -> list[Document]:
    connector = build(load("default")).connector
    sources = list(connector.scan([str(EXAMPLES / name) for name in SOURCES], base=str(EXAMPLES)))
    found = [document for loaded in connector.load(sources) for document in loaded.documents]
    assert {document.source for document in found} == set(SOURCES)
    return found


def test_sentences_of_real_documents_are_marked_whole_and_nothing_else(documents: list[Document]) -> None:
    tried = 0
    for document in documents:
        lines = [line for line in document.text.split("\n") if len(letters(line)) > 3 and "](" not in line]
        for line in lines[:: max(1, len(lines) // 25)]:
            start = document.text.index(line)
            view = view_document(document, start, start + len(line), at=start)
            marked = [text for text, on, _ in walk(view["elements"]) if on]
            assert marked, (document.source, line)
            if view["kind"] == "row" or " | " in line:  # names stand above the columns
                assert all(part in line for part in marked), (document.source, line)
            else:
                assert letters("".join(marked)) == letters(line), (document.source, line)
            tried += 1
    assert tried > 100


def test_the_text_of_a_document_is_shown_whole(documents: list[Document]) -> None:
    for document in documents:
        if document.source.endswith((".pdf", ".html", ".docx", ".py", ".pptx")):
            view = view_document(document, 0, 0, at=0)
            shown = "".join(text for text, _, _ in walk(view["elements"]))
            assert letters(shown) == letters(document.text), document.source


def test_rows_stand_below_the_names_of_their_columns(documents: list[Document]) -> None:
    document = next(d for d in documents if d.source == "fleet/fleet-list.csv")
    at = document.text.index("MV Grey Heron")
    view = view_document(document, at, at + len("MV Grey Heron"), at=at)
    (table,) = view["elements"]
    head, body = table["children"]
    row = next(r for r in body["children"] if any(on for _, on, _ in walk(r["children"])))
    assert row["label"].startswith("row ")
    column = next(i for i, cell in enumerate(row["children"]) if any(on for _, on, _ in walk([cell])))
    names = ["".join(t for t, _, _ in walk([cell])) for cell in head["children"][0]["children"]]
    line = next(line for line in document.text.split("\n") if "Grey Heron" in line)
    assert f"{names[column]}: MV Grey Heron" in line
    assert len(row["children"]) == len(names)


PARTS = [
    "# ", "* ", "1. ", "> ", "`", "**", "_", "~~", "```\n", "\n", "\n\n", "| a | b |\n|---|---|\n", "word", " ", "\\",
    "<script>alert(1)</script>", "[x](javascript:alert(1))", "[y](https://example.org)", "<https://example.org/z>",
    "<img src=x onerror=alert(1)>", "![p](http://example.org/p.png)", "&amp;", "Some words of text. ",
]  # fmt: skip


def unmarked(children: list[Any]) -> list[Any]:
    """The same children, had nothing been marked."""
    parts: list[Any] = []
    for child in children:
        inside = unmarked(child["children"]) if isinstance(child, dict) else [child]
        for part in inside if isinstance(child, str) or child["tag"] == "mark" else [{**child, "children": inside}]:
            if parts and isinstance(part, str) and isinstance(parts[-1], str):
                parts[-1] += part
            else:
                parts.append(part)
    return parts


@example(["![p](http://example.org/p.png)"], 1, 9)
@example(["1. ", "1"], 3, 1)
@example(["\\", "[y](https://example.org)"], 1, 20)
@given(
    strategies.lists(strategies.sampled_from(PARTS), max_size=30),
    strategies.integers(0, 400),
    strategies.integers(0, 400),
)
def test_no_document_makes_other_elements_or_links(parts: list[str], start: int, length: int) -> None:
    text = "".join(parts)
    start = min(start, len(text))
    quote = text[start : start + length]
    for name in ("a.md", "a.txt"):
        document = Document("1", name, text, sections=(Section(0, len(text), "heading", "<b>"),))
        shown = view_document(document, start, start + len(quote), at=start)["elements"]
        for _, _, found in walk(shown):
            if found is not None:
                assert found["tag"] in TAGS and found.keys() <= {"tag", "children", "href", "label"}
                assert found.get("href", "https://").startswith(("https://", "http://"))
        assert unmarked(shown) == unmarked(view_document(document, 0, 0, at=start)["elements"]), "a mark is no markup"
        left = iter(letters(quote))
        assert all(letter in left for letter in letters("".join(text for text, on, _ in walk(shown) if on)))


@pytest.mark.parametrize(
    ("text", "quote", "marked"),
    [
        ("1. 1 and 2", "1 and 2", ["1 and 2"]),
        ("- see `a  b`, [the *map*](https://a.example/map) and map", "the *map*](https://a.example/map) and",
         ["the ", "map", " and"]),
        ("| a | a |\n|---|---|\n| b | b |", "| b | b", ["b", "b"]),
        ("```python\npython\n```", "python\n`", ["python\n"]),
        ("AT&amp;T has \\*no\\* network", "&amp;T has \\*no", ["&T has *no"]),
        ("> a line\n> and one more", "line\n> and", ["line", "and"]),
        ("![a map](a.png) a map", "a map](a.png) a", ["a map", " a"]),
        ("`a\nb` c", "b` c", ["b", " c"]),
    ],
)  # fmt: skip
def test_what_is_marked_in_markdown_is_what_the_span_shows(text: str, quote: str, marked: list[str]) -> None:
    start = text.rindex(quote)
    shown = view_document(Document("1", "a.md", text), start, start + len(quote), at=start)["elements"]
    assert [text for text, on, _ in walk(shown) if on] == marked


def test_a_long_document_is_shown_around_the_quote() -> None:
    text = "".join(f"Line {n} of many.\n" for n in range(10_000))
    at = text.index("Line 5000 ")
    for name in ("a.txt", "a.md"):
        view = view_document(Document("1", name, text), at, at + 9, at=at)
        assert view["from"] < at < view["to"] and view["to"] - view["from"] < WINDOW + 100
        assert [t for t, on, _ in walk(view["elements"]) if on] == ["Line 5000"]
        assert view["length"] == len(text)


def test_breaks_and_rules_stand_where_the_markdown_has_them() -> None:
    def shape(children: list[Any]) -> list[Any]:
        return [(child["tag"], *shape(child["children"])) for child in children if not isinstance(child, str)]

    text = "one  \ntwo\n\n---\n\n> three\n>\n> ---\n"
    found = view_document(Document("d", "a.md", text), 0, 3, at=0)["elements"]
    assert shape(found) == [("p", ("mark",), ("br",)), ("hr",), ("blockquote", ("p",), ("hr",))]
