"""What a question identifies comes first, and only what speaks of it may answer.

A question about the part XJ-913/2B is about no other part, however alike the sheets are. Of what was found, these
passages may answer: those that hold an identifier of the question (with title, headings and file name), what links lead
to from there, and other passages of the same documents that name no identifier of the same form. Where an identifier of
the question stands nowhere, nothing may. A question without identifiers is left as it is.
"""

from collections.abc import Sequence
from dataclasses import replace

from rag.hop.rank import follow_links
from rag.text.identifiers import find_identifiers, name_another
from rag.types import Chunk, Hit


def sort_identified(question: str, hits: Sequence[Hit]) -> tuple[list[Hit], int]:
    """The hits, and how many of them, from the first on, may answer.

    First stands the hit with most identifiers of the question, then what may answer, then the rest, each in their
    order. The scores stay those of the places.
    """
    identifiers = find_identifiers(question)
    if not identifiers:
        return list(hits), len(hits)
    held = [{one for one in identifiers if one.is_in(_frame(hit.chunk))} for hit in hits]
    holders = [hit for hit, own in zip(hits, held, strict=True) if own]
    linked = {hit.chunk.id for step in follow_links(holders, hits, hops=1) for hit in step}
    documents = {hit.chunk.doc_id for hit in holders}

    def rank(i: int) -> int:
        """0 for the first, 1 for what may answer, 2 for the rest."""
        chunk = hits[i].chunk
        if held[i]:
            return 0 if i == first else 1
        beside = chunk.doc_id in documents and not name_another(identifiers, chunk.contextual)
        return 1 if beside or chunk.id in linked else 2

    first = max(range(len(hits)), key=lambda i: len(held[i]), default=0)
    ranks = [rank(i) for i in range(len(hits))]
    order = sorted(range(len(hits)), key=ranks.__getitem__)
    scores = sorted((hit.score for hit in hits), reverse=True)
    found = len(set().union(*held)) == len(identifiers)
    ordered = [replace(hits[i], score=score) for i, score in zip(order, scores, strict=True)]
    return ordered, sum(rank < 2 for rank in ranks) if found else 0


def _frame(chunk: Chunk) -> str:
    return "\n".join((chunk.title, chunk.contextual, chunk.source))
