"""What `rag ask` shows besides the answer: the hop tree and steps, and quotes in the text around them."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from rag.cli.terminal import clean, line, paint, say

if TYPE_CHECKING:
    from rag.index.folder import Index
    from rag.types import Answer, Citation, Document, Hit

AROUND = 400  # characters shown before and after a quote


def show_trace(answer: Answer) -> None:
    """Which passage led to which, and what each step did."""
    ids = {hit.chunk.id for hit in answer.hits}
    under: dict[str | None, list[Hit]] = {}
    for hit in answer.hits:
        under.setdefault(next((i for i in reversed(hit.trail) if i in ids), None), []).append(hit)

    def branch(parent: str | None, depth: int) -> None:
        for hit in under.get(parent, []):
            say(f"  {'   ' * depth}hop {hit.hop}  {line(hit.chunk.address())}")
            branch(hit.chunk.id, depth + 1)

    say(f"{paint('hop tree', 'bold')} of the passages used")
    branch(None, 0)
    say(paint("steps", "bold"))
    for step in answer.trace:
        notes = ", ".join(f"{k} {v}" for k, v in step.items() if k not in {"step", "seconds"})
        say(f"  {step['step']:<9} {1000 * step['seconds']:7.1f} ms  {notes}")


def show_context(answer: Answer, index: Index) -> None:
    """Each quote marked in the text around it, under its address. Read from the index, not from the file."""

    documents = {hit.chunk.id: (hit.chunk.source, hit.chunk.doc_id) for hit in answer.hits}
    with closing(index.read_manifest()) as manifest:
        for citation in answer.citations:
            source, id = documents[citation.chunk_id]
            document = next((document for document in manifest.documents(source) if document.id == id), None)
            if document:
                say(f"\n[{citation.marker}] {paint(line(citation.address), 'bold')}")
                say(_in_context(document, citation))


def _in_context(document: Document, citation: Citation) -> str:
    """The paragraphs around a quote, cut at white space where they are long, the quote between marks."""
    text, start, end = document.text, citation.start, citation.end
    first, last = max(0, start - AROUND), min(len(text), end + AROUND)
    if first > 0:
        first = max(first, text.find(" ", first, start) + 1)
    if last < len(text):
        last = text.rfind(" ", end, last) if " " in text[end:last] else last
    before, after = clean(text[first:start]), clean(text[end:last])
    quote = paint(f"»{clean(text[start:end])}«", "yellow")
    whole = f"{'... ' if first > 0 else ''}{before}{quote}{after}{' ...' if last < len(text) else ''}"
    return "\n".join(f"    {part}" for part in whole.strip("\n").split("\n"))
