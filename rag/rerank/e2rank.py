"""Listwise by embedding: the question is embedded together with what was found first, and all is compared with that.

The first passages are taken as relevant (pseudo-relevance feedback) and move the question's vector, so that a passage
is judged by the whole list and not by the question alone. No model but the index's own is run, and only for the
question. Hits of later hops keep their places. There are two ways to read the list: "vectors" adds the passages' own
vectors, weighted by place (Rocchio 1971), for any embedder; "text" embeds the listwise prompt of E2Rank in the
question's place, for the models trained to read it.

With the bundled model "vectors" gains nothing after hybrid search. Recall@5 over `direct`: MuSiQue (176 questions)
0.571 to 0.575, HotpotQA (150) 0.833 to 0.820, both within chance.
Source: E2Rank (arXiv 2510.22733); its chat template is left to the embedder's `query_prefix`.
"""

from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from rag.errors import ConfigError
from rag.rerank.order import direct_ranks, fuse, reorder, stored_vectors
from rag.stages import Embedder, Store, component
from rag.types import Hit, Vector, Vectors

PROMPT = (
    "Given a web search query and some relevant documents, rerank the documents that answer the query:\n"
    "Documents:\n{listed}Search Query:{question}"
)


@component
class E2Rank:
    """Compares the direct hits with a question that the first passages have moved.

    `reads: vectors` adds their vectors to the question's, `text` embeds a listwise prompt with their text.
    """

    embedder: Embedder
    store: Store
    reads: Annotated[Literal["vectors", "text"], Field(description="What moves the question; see above.")] = "vectors"
    top: Annotated[int, Field(ge=1, description="The direct hits among the first `top` are reordered.")] = 30
    feedback: Annotated[int, Field(ge=0, description="How many passages move the question.")] = 5
    strength: Annotated[float, Field(ge=0, description="How far vectors move the question.")] = 1.0
    weight: Annotated[float, Field(ge=0, description="The new order counts `weight` times the given one.")] = 0.5

    def rerank(self, questions: Sequence[str], hits: Sequence[Sequence[Hit]]) -> list[list[Hit]]:
        """The same hits, scored 1 / place. Raises ConfigError for an embedder without dense vectors."""
        queries = self.embedder.embed_queries([self._text(*pair) for pair in zip(questions, hits, strict=True)]).dense
        if queries is None:
            raise ConfigError("rerank: e2rank needs an `embed` stage with dense vectors.")
        reranked = []
        for query, found in zip(queries, hits, strict=True):
            ranks = direct_ranks(found, self.top)
            passages = stored_vectors(self.store, [found[i] for i in ranks], dim=self.embedder.dim)
            if self.reads == "vectors":
                query = move(query, passages[: self.feedback], self.strength)
            reranked.append(reorder(found, ranks, fuse(passages @ query, self.weight)))
        return reranked

    def _text(self, question: str, found: Sequence[Hit]) -> str:
        if self.reads == "vectors":
            return question
        first = [hit.chunk.contextual for hit in found[: self.feedback]]
        listed = "\n".join(f"[{n}] {text}" for n, text in enumerate(first, 1))
        return PROMPT.format(listed=listed, question=question)


def move(query: Vector, passages: Vectors, strength: float) -> Vector:
    """The unit vector of a query (dim,) moved towards the mean of passages (n, dim), best first, by 1 / place."""
    if len(passages) == 0:
        return query
    weights = 1 / np.arange(1, len(passages) + 1, dtype=np.float32)
    total = query + strength * (weights @ passages) / weights.sum()
    unit: Vector = total / max(float(np.linalg.norm(total)), 1e-9)
    return unit
