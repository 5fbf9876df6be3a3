"""A chunk as the payload of a point, and back without loss. Pure; empty fields are left out to keep points small."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rag.errors import CorruptError
from rag.types import Chunk, Section

KEYWORDS = ("doc_id", "source", "title", "about")  # the fields every engine keeps a keyword index of


def to_payload(chunk: Chunk) -> dict[str, Any]:
    """Plain data from which `to_chunk` rebuilds the chunk; the id is the point's own."""
    payload = {
        "doc_id": chunk.doc_id,
        "text": chunk.text,
        "start": chunk.start,
        "end": chunk.end,
        "source": chunk.source,
        "title": chunk.title,
        "context": chunk.context,
        "about": list(chunk.about),
        "sections": [[s.start, s.end, s.kind, s.label] for s in chunk.sections],
        "meta": dict(chunk.meta),
    }
    return {key: value for key, value in payload.items() if value not in ("", [], {})}


def to_chunk(id: str, payload: Mapping[str, Any]) -> Chunk:
    """The chunk that was written under this id. Raises CorruptError for a payload that is none of ours."""
    try:
        return Chunk(
            id=id,
            doc_id=payload.get("doc_id", ""),
            text=payload.get("text", ""),
            start=payload["start"],
            end=payload["end"],
            source=payload.get("source", ""),
            title=payload.get("title", ""),
            context=payload.get("context", ""),
            about=tuple(payload.get("about", ())),
            sections=tuple(Section(*section) for section in payload.get("sections", ())),
            meta=payload.get("meta", {}),
        )
    except (KeyError, TypeError) as error:
        raise CorruptError(f"point {id} of the vector index holds no chunk ({error!r}); the index must be rebuilt") from error
