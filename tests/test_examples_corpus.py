"""The example corpus and its questions are what examples/README.md says, and every gold quote can be found."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from rag.types import Loaded
from rag_connectors.files import Files

EXAMPLES = Path(__file__).parent.parent / "examples"
KINDS = {".md": 12, ".txt": 6, ".rst": 3, ".html": 5, ".epub": 1, ".eml": 2, ".pdf": 6, ".docx": 4, ".pptx": 1}
KINDS |= {".xlsx": 2, ".csv": 5, ".json": 1, ".jsonl": 1, ".ipynb": 1, ".py": 1, ".c": 1}
HOPS = {"single": 1, "two-hop": 2, "three-hop": 3, "unanswerable": 0}
PLAIN = (".md", ".txt", ".rst", ".eml", ".py")


def fold(text: str) -> str:
    return " ".join(text.split())


@pytest.fixture(scope="module")
def questions() -> list[dict[str, Any]]:
    lines = (EXAMPLES / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


@pytest.fixture(scope="module")
def loaded() -> dict[str, Loaded]:
    files = Files(workers=1)
    sources = files.scan([str(EXAMPLES / "documents")], base=str(EXAMPLES))
    return {found.source.name: found for found in files.load(sources)}


def test_every_kind_of_file_is_there_and_small() -> None:
    files = [path for path in EXAMPLES.glob("documents/**/*") if path.is_file()]
    assert Counter(path.suffix for path in files) == KINDS
    assert sum(path.stat().st_size for path in files) < 1_500_000


def test_questions_are_well_formed(questions: list[dict[str, Any]]) -> None:
    assert Counter(row["type"] for row in questions) == {"two-hop": 24, "three-hop": 8, "single": 7, "unanswerable": 7}
    assert len({row["id"] for row in questions}) == len({row["question"] for row in questions}) == len(questions)
    for row in questions:
        assert set(row) == {"id", "question", "answer", "aliases", "type", "sources", "quotes"}, row["id"]
        assert len(row["sources"]) == len(set(row["sources"])) == len(row["quotes"]) == HOPS[row["type"]], row["id"]
        assert bool(row["answer"]) == bool(row["sources"]), row["id"]
        assert all((EXAMPLES / source).is_file() for source in row["sources"]), row["id"]


def test_the_answer_stands_in_the_last_quote_and_in_no_earlier_one(questions: list[dict[str, Any]]) -> None:
    for row in (row for row in questions if row["quotes"]):
        spans = [span.casefold() for span in (row["answer"], *row["aliases"])]
        *earlier, last = (quote.casefold() for quote in row["quotes"])
        assert any(span in last for span in spans), row["id"]
        assert spans[0] not in row["question"].casefold(), row["id"]
        assert not any(spans[0] in quote for quote in earlier if len(spans[0]) > 4), row["id"]


def test_every_file_loads_without_loss(loaded: dict[str, Loaded]) -> None:
    assert {name: found.reason for name, found in loaded.items() if found.status != "ok"} == {}
    assert all(document.text.strip() for found in loaded.values() for document in found.documents)


def test_every_quote_stands_in_one_document_of_its_source(
    questions: list[dict[str, Any]], loaded: dict[str, Loaded]
) -> None:
    texts = {name: [fold(document.text) for document in found.documents] for name, found in loaded.items()}
    for row in questions:
        for source, quote in zip(row["sources"], row["quotes"], strict=True):
            assert any(fold(quote) in text for text in texts[source]), f"{row['id']}: {source}: {quote}"


def test_quotes_of_plain_files_stand_in_the_file_itself(questions: list[dict[str, Any]]) -> None:
    pairs = [pair for row in questions for pair in zip(row["sources"], row["quotes"], strict=True)]
    plain = [(source, quote) for source, quote in pairs if source.endswith(PLAIN)]
    assert len(plain) > 20
    for source, quote in plain:
        assert fold(quote) in fold((EXAMPLES / source).read_text(encoding="utf-8")), f"{source}: {quote}"


def test_pdfs_have_pages_and_a_title(loaded: dict[str, Loaded]) -> None:
    pages = {}
    for name, found in loaded.items():
        if name.endswith(".pdf"):
            (document,) = found.documents
            assert document.title, name
            pages[name] = sum(section.kind == "page" for section in document.sections)
    assert min(pages.values()) >= 3 and max(pages.values()) >= 6, pages
