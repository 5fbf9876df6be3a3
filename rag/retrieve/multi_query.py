"""Many queries: a language model puts a question in other words, and what all of them find is fused by rank.

The lists of the question and of its other forms become one by reciprocal ranks, the question's own counted as any
other. Hops search as they are. One call of the model for a question, and a search for each form.

Off by default: no language model was at hand to measure what it gains. Source: RAG-Fusion (arXiv 2402.03367); Cormack
et al. 2009, reciprocal rank fusion.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

from pydantic import Field

from rag.retrieve.search import SearchRetriever
from rag.retrieve.writing import require_language_model, write
from rag.stages import Generator, component
from rag.types import Hit, Query

CONSTANT = 60  # a hit of rank r (from 1) is worth 1 / (r + CONSTANT), as in the source
_TASK = (
    "Write {forms} other questions that ask for the same, each in other words and complete in itself, one a line. "
    "Answer with these lines alone, in the language of the question."
)
_BULLET = re.compile(r"^(?:[-*•]|\d+[.)])\s*")


@component
class MultiQueryRetriever(SearchRetriever):
    """Searches by the question and by other forms of it that a language model writes."""

    generator: Generator
    forms: Annotated[int, Field(ge=1, le=8, description="Other forms of a question that are written.")] = 3

    def retrieve(self, queries: Sequence[Query], *, k: int) -> list[list[Hit]]:
        """The k best hits of each query. Raises ConfigError for a pipeline without a language model, GeneratorError."""
        groups = [[query, *([] if query.hop else self._forms(query))] for query in queries]
        found = iter(super().retrieve([one for group in groups for one in group], k=k))
        lists = [[next(found) for _ in group] for group in groups]
        return [own[0] if len(own) == 1 else fuse(own)[:k] for own in lists]

    def _forms(self, query: Query) -> list[Query]:
        """The question in other words, each with vectors of its own, within the same filter."""
        model = require_language_model(self.generator, "retrieve: multi_query")
        reply = write(model, _TASK.format(forms=self.forms), query.text)
        lines = [_BULLET.sub("", line.strip()) for line in reply.splitlines()]
        texts = [text for text in dict.fromkeys(lines) if text and text != query.text][: self.forms]
        return [replace(one, filter=query.filter, limit=query.limit) for one in self.prepare(texts)] if texts else []


def fuse(lists: Sequence[Sequence[Hit]]) -> list[Hit]:
    """One list by reciprocal ranks; ties by chunk id."""
    hits: dict[str, Hit] = {}
    scores: dict[str, float] = {}
    for found in lists:
        for rank, hit in enumerate(found, 1):
            hits.setdefault(hit.chunk.id, hit)
            scores[hit.chunk.id] = scores.get(hit.chunk.id, 0.0) + 1 / (rank + CONSTANT)
    order = sorted(scores, key=lambda id: (-scores[id], id))
    return [replace(hits[id], score=scores[id]) for id in order]
