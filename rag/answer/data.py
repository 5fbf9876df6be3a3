"""Answers and passages as JSON data, as documented."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rag.text.focus import find_focus
from rag.text.origin import find_origin

if TYPE_CHECKING:
    from rag.types import Answer, Hit


def hit_data(hit: Hit, question: str) -> dict[str, Any]:
    """A passage, with the address of the sentence that has most of the question's words.

    `context` is what stands above it in its document: title, headings, the names of a table's columns.
    `url`, `date` and `author` are the document's own, "" where it has none.
    `score_kind`: "cosine" of question and passage, or "ranking", which is an order and nothing else.
    """
    score, kind = (hit.score, "ranking") if hit.cosine is None else (hit.cosine, "cosine")
    return {
        "id": hit.chunk.id,
        "document": hit.chunk.doc_id,
        "title": hit.chunk.title,
        "source": hit.chunk.source,
        "address": hit.chunk.address(hit.chunk.start + find_focus(question, hit.chunk.text)),
        "start": hit.chunk.start,
        "end": hit.chunk.end,
        "score": round(float(score), 6),
        "score_kind": kind,
        "hop": hit.hop,
        "trail": list(hit.trail),
        "context": hit.chunk.context,
        "text": hit.chunk.text,
        **find_origin(hit.chunk.meta)._asdict(),
    }


def answer_data(answer: Answer, seconds: float) -> dict[str, Any]:
    """An answer with all it rests on."""
    names = ("marker", "source", "address", "start", "end", "quote", "hop", "url", "date", "author")
    documents = {hit.chunk.id: hit.chunk.doc_id for hit in answer.hits}
    return {
        "question": answer.question,
        "level": answer.level,
        "answer": answer.text,
        "short": answer.short,
        "confidence": None if answer.confidence is None else round(answer.confidence, 4),
        "abstained": answer.abstained,
        "missing": list(answer.missing),
        "sides": [{"answer": side.text, "marker": side.marker, "date": side.date} for side in answer.sides],
        "statements": [
            {"text": s.text, "verdict": s.verdict, "citations": list(s.citations)} for s in answer.statements
        ],
        "citations": [
            {**{name: getattr(c, name) for name in names}, "document": documents.get(c.chunk_id, "")}
            for c in answer.citations
        ],
        "hits": [hit_data(hit, answer.question) for hit in answer.hits],
        "seconds": round(seconds, 3),
    }
