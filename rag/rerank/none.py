"""No reranking: hits stay as they come."""

from collections.abc import Sequence

from rag.stages import component
from rag.types import Hit


@component
class NoReranker:
    """Gives back the hits it got."""

    def rerank(self, questions: Sequence[str], hits: Sequence[Sequence[Hit]]) -> list[list[Hit]]:
        """The same hits in the same order with the same scores."""
        return [list(found) for found in hits]
