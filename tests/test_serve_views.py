"""Documents as trees that a page can show: what is marked is the quote, and nothing of a document is markup."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies

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


@given(
    strategies.lists(
        strategies.sampled_from(
            ["# ", "* ", "1. ", "> ", "`", "**", "_", "~~", "```\n", "\n", "\n\n", "| a | b |\n|---|---|\n", "word",
             " ",
             "<script>alert(1)</script>", "[x](javascript:alert(1))", "[y](https://example.org)", "\ue000", "\ue001",
             "<img src=x onerror=alert(1)>", "![p](http://example.org/p.png)"]
        ),
        max_size=30,
    ),
    strategies.integers(0, 400),
    strategies.integers(0, 400),
)  # fmt: skip
def test_no_document_makes_other_elements_or_links(parts: list[str], start: int, length: int) -> None:
    text = "".join(parts)
    for name in ("a.md", "a.txt"):
        document = Document("1", name, text, sections=(Section(0, len(text), "heading", "<b>"),))
        start = min(start, len(text))
        view = view_document(document, start, min(len(text), start + length), at=start)
        for _, _, found in walk(view["elements"]):
            if found is not None:
                assert found["tag"] in TAGS and found.keys() <= {"tag", "children", "href", "label"}
                assert found.get("href", "https://").startswith("https://")


def test_a_long_document_is_shown_around_the_quote() -> None:
    text = "".join(f"Line {n} of many.\n" for n in range(10_000))
    at = text.index("Line 5000 ")
    for name in ("a.txt", "a.md"):
        view = view_document(Document("1", name, text), at, at + 9, at=at)
        assert view["from"] < at < view["to"] and view["to"] - view["from"] < WINDOW + 100
        assert [t for t, on, _ in walk(view["elements"]) if on] == ["Line 5000"]
        assert view["length"] == len(text)
