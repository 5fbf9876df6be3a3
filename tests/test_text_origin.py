"""Where a document is from, as its fields say, and what citations say of it."""

import pytest

from rag.answer.citations import resolve
from rag.answer.data import answer_data, hit_data
from rag.text.origin import Origin, find_origin
from rag.types import Chunk, Hit, Values


@pytest.mark.parametrize(
    ("meta", "origin"),
    [
        ({}, Origin()),
        (
            {"URL": "https://x.example/a", "Date": "2025-03-04", "Authors": ("Ana", "Bo")},
            Origin("https://x.example/a", "2025-03-04", "Ana, Bo"),
        ),
        ({"from": "Ana <a@x.example>", "author": "Ana", "updated": 2025}, Origin("", "2025", "Ana")),
        ({"creator": " ", "from": "a@x.example"}, Origin("", "", "a@x.example")),
    ],
)
def test_origin(meta: dict[str, Values], origin: Origin) -> None:
    assert find_origin(meta) == origin


def test_citations_and_passages_say_where_their_document_is_from() -> None:
    meta = {"url": "https://x.example/a", "date": "2025-03-04", "author": "Ana"}
    text = "The winch lifts 750 kg."
    hit = Hit(Chunk("c", "d", text, 0, len(text), "a.md", meta=meta), 1.0)
    answer = resolve("What does the winch lift?", f"{text} [1]", [hit])
    [citation] = answer_data(answer, 0.0)["citations"]
    assert {name: citation[name] for name in meta} == meta
    assert {name: hit_data(hit, "winch")[name] for name in meta} == meta
