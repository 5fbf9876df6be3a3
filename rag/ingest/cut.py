"""Documents to chunks and the keys of their vectors; which of them got all their vectors, and why others did not."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from textwrap import shorten
from typing import NamedTuple

from rag.config import Stages
from rag.ingest.alone import describe, one_by_one
from rag.ingest.report import ADDRESS
from rag.ingest.vectorize import Keys, Vectorizer, keys_of
from rag.ingest.work import Cut
from rag.interrupt import Stop
from rag.reader.address import find_address
from rag.stages import BoundedEmbedder
from rag.types import Chunked, Document

UNREAD = "the embedding model reads no further, so make chunks smaller"
SHOWN = 100  # characters of a sentence


class Outcome(NamedTuple):
    """What became of a source's documents: those with all their vectors, and (name, reason) of the others."""

    whole: list[Cut]
    failures: list[tuple[str, str]]


@dataclass(slots=True)
class Cutting:
    """Cuts documents; `reasons` is why some could not be, by id."""

    stages: Stages
    vectors: Vectorizer
    stop: Stop
    reasons: dict[str, str] = field(default_factory=dict)

    def cut(self, documents: Sequence[Document]) -> list[Cut | None]:
        """Each document's, in order; None for one that cannot be cut."""
        with self.stop.anywhere():
            return cut(self.stages, documents, self.reasons)

    def outcome(self, documents: Sequence[Document], cuts: Sequence[Cut | None]) -> Outcome:
        """After their vectors were made."""
        embedded = self.vectors.manifest.known_keys(key for cut in cuts if cut for key in cut.keys)
        reasons = {**self.vectors.reasons, **self.reasons}
        result = Outcome([], [])
        for document, cut in zip(documents, cuts, strict=True):
            if cut and embedded.issuperset(cut.keys):
                result.whole.append(cut)
            else:
                reason = reasons.get(document.id, "embedding failed: it shares text with a document that failed")
                result.failures.append((_call(document), reason))
        return result


def cut(stages: Stages, documents: Sequence[Document], reasons: dict[str, str]) -> list[Cut | None]:
    """Each document's, in order; None for one that cannot be cut, and the reason by its id into `reasons`."""

    def together(documents: Sequence[Document]) -> list[Cut]:
        batch = stages.chunker.chunk(documents)
        return [Cut(*row) for row in zip(batch, keys_of(stages, batch), _count_unread(stages, batch), strict=True)]

    def note(document: Document, error: Exception) -> None:
        reasons[document.id] = f"chunking failed: {describe(error)}"

    return one_by_one(together, documents, note)


def _count_unread(stages: Stages, batch: Sequence[Chunked]) -> list[int]:
    embedder = stages.embedder
    if not isinstance(embedder, BoundedEmbedder):
        return [0] * len(batch)
    tokens = iter(embedder.count_unread([chunk.contextual for chunked in batch for chunk in chunked.chunks]))
    return [sum(next(tokens) > 0 for _ in chunked.chunks) for chunked in batch]


def columns(cuts: Iterable[Cut | None]) -> tuple[list[Chunked], Keys]:
    """The documents with their chunks, and the keys, of those that could be cut."""
    found = [cut for cut in cuts if cut]
    return [cut.chunked for cut in found], [list(cut.keys) for cut in found]


def judge(status: str, reason: str, cuts: Sequence[Cut]) -> tuple[str, str]:
    """Status and reason of a source, which is degraded where the embedder does not read its chunks whole.

    What is noted of a source that lost nothing (it was read by OCR, its text speaks to whoever answers) stands beside
    any status.
    """
    parts = [part for part in reason.split("; ") if part and not part.endswith(UNREAD) and not part.startswith(ADDRESS)]
    unread = sum(cut.unread for cut in cuts)
    if status in ("ok", "degraded"):
        status = "degraded" if unread or (status == "degraded" and parts) else "ok"
    if unread:
        parts.append(f"the ends of {unread:,} chunks are in no vector: {UNREAD}")
    chunks = (chunk for cut in cuts for chunk in cut.chunked.chunks)
    if told := next(filter(None, (find_address(chunk.text) for chunk in chunks)), ""):
        parts.append(f"{ADDRESS} “{shorten(told.replace(';', ','), SHOWN, placeholder=' …')}”")
    return status, "; ".join(parts)


def _call(document: Document) -> str:
    """What one of several documents of a source is called."""
    return next((s.label for s in document.sections if s.kind == "record"), document.title or document.id)
