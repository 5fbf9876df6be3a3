"""What a generator may look up while it writes: searches and hops of its own, in the pipeline's index.

Every passage that is found gets the next number, once, and can be cited by it. What may not answer the question
(`rag.hop.identified`), what its filter leaves out, and what is not as the manifest has it is never shown. What it does
not do: rerank what it finds.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from typing import Any

from rag.config import Stages
from rag.hop.identified import put_first, select_evidence
from rag.types import Filter, Hit, Query, narrow

LONGEST = 500  # characters of a query that a model may ask


@dataclass
class IndexFinder:
    """Looks things up for one question; gives `k` passages at a time."""

    stages: Stages
    question: str
    filter: Filter | None
    k: int
    hits: list[Hit]
    calls: list[dict[str, Any]] = field(default_factory=list)  # for the trace

    def search(self, query: str) -> list[int]:
        """As `rag.stages.Finder`."""
        text = " ".join(query.split())[:LONGEST]
        found = self._retrieve(self.stages.retriever.prepare([text]) if text else [])
        return self._number("search", text, put_first(text, found))

    def hop(self, number: int) -> list[int]:
        """As `rag.stages.Finder`."""
        found: list[Hit] = []
        if self.stages.hopper and 1 <= number <= len(self.hits):
            root = self.stages.retriever.prepare([self.question])
            found = self._retrieve(self.stages.hopper.hop(root, [[self.hits[number - 1]]]))
        return self._number("hop", number, found)

    def _retrieve(self, queries: Sequence[Query]) -> list[Hit]:
        queries = [replace(query, filter=narrow(query.filter, self.filter)) for query in queries]
        found = self.stages.retriever.retrieve(queries, k=self.k) if queries else []
        return list({hit.chunk.id: hit for hits in found for hit in hits}.values())

    def _number(self, tool: str, asked: str | int, found: Sequence[Hit]) -> list[int]:
        """The best of what was found, each with its number; new ones get one."""
        allowed, _ = select_evidence(self.question, [*self.hits, *found])
        allowed_ids = {hit.chunk.id for hit in allowed}
        best = [hit for hit in found if hit.chunk.id in allowed_ids][: self.k]
        self.stages.witness(best)
        known = {hit.chunk.id: number for number, hit in enumerate(self.hits, 1)}
        for hit in best:
            if hit.chunk.id not in known:
                self.hits.append(hit)
                known[hit.chunk.id] = len(self.hits)
        numbers = [known[hit.chunk.id] for hit in best]
        self.calls.append({"tool": tool, "asked": asked, "passages": numbers})
        return numbers


def hop_from(stages: Stages, ids: Sequence[str], question: str, *, k: int, filter: Filter | None) -> list[Hit]:
    """The k best passages that these lead to, for a question: the pipeline's hop from them.

    A passage that is unknown, or that the filter leaves out, leads nowhere; so does any without a hop stage.
    """
    if stages.hopper is None or not ids:
        return []
    root = replace(stages.retriever.prepare([question])[0], filter=filter)
    among = replace(root, filter=Filter(any_of={"id": tuple(ids)}, within=filter))
    start = stages.retriever.retrieve([among], k=len(ids))[0]
    queries = [replace(q, filter=narrow(q.filter, filter)) for q in stages.hopper.hop([root], [start])]
    found = stages.retriever.retrieve(queries, k=k) if queries else []
    known = {hit.chunk.id for hit in start}
    ordered = [hit for place in zip_longest(*found) for hit in place if hit]  # the best of each query first
    best = [hit for hit in {hit.chunk.id: hit for hit in reversed(ordered)}.values() if hit.chunk.id not in known]
    hits = best[::-1][:k]
    stages.witness(hits)
    return hits
