"""Answers as people and programs read them: text with quotes, quotes in their context, the hop tree, JSON."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from contextlib import closing
from typing import TYPE_CHECKING, Any

from rag.answer.verify import ACCEPTED, PARTLY
from rag.cli.terminal import WaitingSign, clean, line, paint, say

if TYPE_CHECKING:
    from rag.index.folder import Index
    from rag.pipeline import Event
    from rag.types import Answer, Citation, Document, Hit

AROUND = 400  # characters shown before and after a quote


def hit_json(hit: Hit) -> dict[str, Any]:
    """A passage as documented."""
    return {
        "id": hit.chunk.id,
        "source": hit.chunk.source,
        "address": hit.chunk.address(),
        "score": round(float(hit.score), 6),
        "hop": hit.hop,
        "trail": list(hit.trail),
        "text": hit.chunk.text,
    }


def answer_json(answer: Answer, seconds: float) -> dict[str, Any]:
    """An answer as documented."""
    names = ("marker", "source", "address", "start", "end", "quote", "hop")
    return {
        "question": answer.question,
        "level": answer.level,
        "answer": answer.text,
        "short": answer.short,
        "confidence": None if answer.confidence is None else round(answer.confidence, 4),
        "abstained": answer.abstained,
        "missing": list(answer.missing),
        "statements": [
            {"text": s.text, "verdict": s.verdict, "citations": list(s.citations)} for s in answer.statements
        ],
        "citations": [{name: getattr(c, name) for name in names} for c in answer.citations],
        "hits": [hit_json(hit) for hit in answer.hits],
        "seconds": round(seconds, 3),
    }


def follow(events: Iterable[Event], question: str, *, silent: bool = False) -> Answer:
    """The answer that ends the events, its text printed: on a terminal statement by statement, each once it is checked.

    A pipe gets the text when it is whole, so that an answer that breaks off leaves nothing there. A question that was
    completed from a conversation is shown first.
    """
    live = sys.stdout.isatty() and not silent
    waiting, open_line = "", False
    sign = WaitingSign()
    try:
        sign.show()
        for event in events:
            if event.kind == "asked" and event.data != question:
                waiting += paint(f"({line(event.data)})", "dim") + "\n"
            elif event.kind == "text":
                waiting += clean(event.data)
            if live and waiting:
                sign.hide()
                say(waiting, end="")
                waiting, open_line = "", not waiting.endswith("\n")
                sign.show()
    finally:
        sign.hide()
        if open_line:
            say()
    answer: Answer = event.data
    if waiting and not silent:
        say(waiting, end="\n" if answer.text else "")
    return answer


def show(answer: Answer, *, trace: bool = False) -> None:
    """What stands below the text of an answer: what is doubtful in it, and the quote of each citation."""
    if answer.abstained:
        _explain(answer)
    else:
        _show_citations(answer)
    if trace:
        show_trace(answer)


def _explain(answer: Answer) -> None:
    """Why there is no answer, and the closest passages."""
    say("The documents do not hold enough evidence to answer this.")
    if answer.missing and answer.hits:
        say(line(f"No passage found speaks of {', '.join(answer.missing)}."))
    elif answer.hits:
        say("The passages found speak of all that is asked about, but none of them clearly says the answer.")
    if answer.hits:
        say("Closest passages:")
    for hit in answer.hits[:3]:
        say(f"  {paint(line(hit.chunk.address()), 'bold')}: {line(hit.chunk.text)[:200]}")


def _show_citations(answer: Answer) -> None:
    """What is doubtful, how much was left out, and the quotes."""
    for statement in answer.statements:
        if statement.verdict == PARTLY:
            say(paint(f"  {statement.verdict}: ", "yellow") + line(statement.text))
    withheld = [s for s in answer.statements if s.verdict not in ACCEPTED and s.text not in answer.text]
    if withheld:
        say(paint(f"  left out for lack of support: {len(withheld)} more (--json shows them)", "yellow"))
    say()
    for c in answer.citations:
        say(f"  [{c.marker}] {paint(line(c.address), 'bold')}{f'  (hop {c.hop})' if c.hop else ''}")
        say(f'      "{line(c.quote)}"')


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

    say(f"\n{paint('hop tree', 'bold')} of the passages used")
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
