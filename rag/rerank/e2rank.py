"""Listwise by embedding: the question is embedded together with what was found first, and all is compared with that.

The first passages are taken as relevant (pseudo-relevance feedback) and move the question's vector, so that a passage
is judged by the whole list and not by the question alone. No model but the index's own is run, and only for the
question. Hits of later hops keep their places. There are two ways to read the list: "vectors" adds the passages' own
vectors, weighted by place (Rocchio 1971), for any embedder, and fuses the new order with the given one; "text" embeds
the listwise prompt of E2Rank in its chat template, for the models trained to read it, and orders by cosine alone. Those
models want an end-of-text token after everything else: `embed: {use: transformers, model: Alibaba-NLP/E2Rank-0.6B,
query_suffix: "<|endoftext|>", document_suffix: "<|endoftext|>"}`, with the query instruction as `query_prefix`.

With the bundled model "vectors" gains nothing after hybrid search. Recall@5 over `direct`: MuSiQue (176 questions)
0.571 to 0.575, HotpotQA (150) 0.833 to 0.820, both within chance.
Source: E2Rank (arXiv 2510.22733, section 3), prompt and 20 passages as in src/eval.py of its repository. Its sliding
window over a hundred passages is not here.
"""

from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from rag.errors import ConfigError
from rag.rerank.order import Floats, direct_ranks, fuse, reorder, stored_vectors
from rag.stages import ChatEmbedder, Embedder, JointEmbedder, Store, component
from rag.types import Hit, Vector, Vectors

PROMPT = (
    "Given a web search query and some relevant documents, rerank the documents that answer the query:\n"
    "Documents:\n{listed}\nSearch Query: {question}"
)
_FEEDBACK = {"vectors": 5, "text": 20}


@component
class E2Rank:
    """Compares the direct hits with a question that the first passages have moved.

    `reads: vectors` adds their vectors to the question's, `text` embeds a listwise prompt with their text.
    """

    embedder: Embedder
    store: Store
    reads: Annotated[Literal["vectors", "text"], Field(description="What moves the question; see above.")] = "vectors"
    top: Annotated[int, Field(ge=1, description="The direct hits among the first `top` are reordered.")] = 30
    feedback: Annotated[int | None, Field(ge=0, description="Passages that move it; default: 5, 20 as text.")] = None
    strength: Annotated[float, Field(ge=0, description="How far vectors move the question.")] = 1.0
    weight: Annotated[float, Field(ge=0, description="Of the new order by vectors, beside the given one.")] = 0.5

    def rerank(self, questions: Sequence[str], hits: Sequence[Sequence[Hit]]) -> list[list[Hit]]:
        """The same hits, scored 1 / place. Raises ConfigError for an embedder without what `reads` needs."""
        queries = self._queries(questions, hits)
        reranked = []
        for query, found in zip(queries, hits, strict=True):
            ranks = direct_ranks(found, self.top)
            passages = stored_vectors(self.store, [found[i] for i in ranks], dim=self.embedder.dim)
            reranked.append(reorder(found, ranks, self._scores(query, passages)))
        return reranked

    def _queries(self, questions: Sequence[str], hits: Sequence[Sequence[Hit]]) -> Vectors:
        if self.reads == "text":
            dense = self.embedder.dense if isinstance(self.embedder, JointEmbedder) else self.embedder
            if not isinstance(dense, ChatEmbedder):
                raise ConfigError("rerank: e2rank with `reads: text` needs `embed: {use: transformers}` and its model.")
            return dense.embed_messages([self._prompt(*pair) for pair in zip(questions, hits, strict=True)])
        queries = self.embedder.embed_queries(questions).dense
        if queries is None:
            raise ConfigError("rerank: e2rank needs an `embed` stage with dense vectors.")
        return queries

    def _scores(self, query: Vector, passages: Vectors) -> Floats:
        if self.reads == "vectors":
            query = move(query, passages[: self._feedback], self.strength)
        scores = (passages @ query).astype(np.float64)
        return fuse(scores, self.weight) if self.reads == "vectors" else scores

    @property
    def _feedback(self) -> int:
        return _FEEDBACK[self.reads] if self.feedback is None else self.feedback

    def _prompt(self, question: str, found: Sequence[Hit]) -> str:
        ranks = direct_ranks(found, self.top)[: self._feedback]
        listed = "\n".join(f"[{n}] {found[i].chunk.contextual}" for n, i in enumerate(ranks, 1))
        return PROMPT.format(listed=listed, question=question)


def move(query: Vector, passages: Vectors, strength: float) -> Vector:
    """The unit vector of a query (dim,) moved towards the mean of passages (n, dim), best first, by 1 / place."""
    if len(passages) == 0:
        return query
    weights = 1 / np.arange(1, len(passages) + 1, dtype=np.float32)
    total = query + strength * (weights @ passages) / weights.sum()
    unit: Vector = total / max(float(np.linalg.norm(total)), 1e-9)
    return unit
