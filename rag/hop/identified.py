"""What a question identifies comes first, and only what speaks of it may answer.

A question about the part XJ-913/2B is about no other part, however alike the sheets are. So the best passage that holds
an identifier of the question stands first. And of what was found these may answer: passages that hold an identifier of
the question (with title, headings and file name); what links lead to from there; of passages that name no other one of
the same form, those of the same documents, or all where more than `MANY` documents hold the identifier, which then
names no single thing. Where an identifier of the question stands nowhere, nothing may answer.
"""

from collections.abc import Sequence
from dataclasses import replace

from rag.hop.rank import follow_links
from rag.text.identifiers import Identifier, find_identifiers, name_another
from rag.types import Chunk, Hit

MANY = 3


def put_first(question: str, hits: Sequence[Hit]) -> list[Hit]:
    """The hits, first the best of those with most identifiers of the question; the scores stay those of the places."""
    held = _count(find_identifiers(question), hits)
    if not any(held):
        return list(hits)
    first = max(range(len(hits)), key=lambda i: len(held[i]))
    order = [hits[first], *hits[:first], *hits[first + 1 :]]
    return [replace(hit, score=place.score) for hit, place in zip(order, hits, strict=True)]


def select_evidence(question: str, hits: Sequence[Hit]) -> tuple[list[Hit], list[Hit]]:
    """The hits that may answer, and the others, both in their order."""
    identifiers = find_identifiers(question)
    if not identifiers:
        return list(hits), []
    held = _count(identifiers, hits)
    if len(set().union(*held)) < len(identifiers):
        return [], list(hits)
    holders = [hit for hit, own in zip(hits, held, strict=True) if own]
    allowed = {hit.chunk.id for hit in holders}
    allowed.update(hit.chunk.id for step in follow_links(holders, hits, hops=1) for hit in step)
    documents = {hit.chunk.doc_id for hit in holders}
    for chunk in (hit.chunk for hit in hits):
        beside = chunk.doc_id in documents or len(documents) > MANY
        if beside and not name_another(identifiers, _frame(chunk)):
            allowed.add(chunk.id)
    return [hit for hit in hits if hit.chunk.id in allowed], [hit for hit in hits if hit.chunk.id not in allowed]


def _count(identifiers: Sequence[Identifier], hits: Sequence[Hit]) -> list[set[Identifier]]:
    """Which of the identifiers each hit holds."""
    return [{one for one in identifiers if one.is_in(_frame(hit.chunk))} for hit in hits if identifiers]


def _frame(chunk: Chunk) -> str:
    return "\n".join((chunk.title, chunk.contextual, chunk.source))
