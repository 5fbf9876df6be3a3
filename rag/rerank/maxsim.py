"""Late interaction: each token of the question looks for its most similar token in the passage.

The score of a passage is the mean over the question's tokens of the largest cosine with one of its tokens. It sees
word for word what one vector per passage blurs. A passage at the end of a hop does not look like the question, so
hits of later hops keep their places, and only direct hits are reordered among theirs: by the reciprocal of the place
they came with plus `weight` times the reciprocal of the place MaxSim gives them. In an index with token vectors
(`embed: {tokens: true}`) the store compares those it has (ESPN, arXiv 2312.05417); else passages are encoded when
asked for.

Measured with the bundled model after link hops, 80 questions each, recall@5 / all gold@5: MuSiQue 0.564 / 0.263 to
0.574 / 0.287, 2WikiMultihopQA 0.931 / 0.838 to 0.934 / 0.838 (losing 0.1 and more if hops move, too), SQuAD 0.963 to
0.988, MultiHop-RAG 0.615 / 0.275 to 0.599 / 0.250. Encoding costs 0.7 CPU seconds a question, stored vectors 0.01, in
the same order (docs/research/models.md).
Source: ColBERT (arXiv 2004.12832), here over the token vectors of any embedder.
"""

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from rag.errors import ConfigError
from rag.rerank.order import direct_ranks, fuse, reorder
from rag.stages import Embedder, Store, TokenEmbedder, component
from rag.types import Chunk, Filter, Hit, Query, Vectors


@component
class MaxSimReranker:
    """Compares the tokens of the question with those of the direct hits."""

    embedder: Embedder
    store: Store | None = None
    top: Annotated[int, Field(ge=1, description="The direct hits among the first `top` are reordered.")] = 15
    weight: Annotated[float, Field(ge=0, description="MaxSim's order counts `weight` times the given one.")] = 0.5

    def rerank(self, questions: Sequence[str], hits: Sequence[Sequence[Hit]]) -> list[list[Hit]]:
        """The same hits, scored 1 / place. Raises ConfigError for an embedder without token vectors."""
        if not isinstance(self.embedder, TokenEmbedder):
            raise ConfigError("rerank: maxsim needs an embedder with token vectors, such as onnx; or use none.")
        direct = [direct_ranks(found, self.top) for found in hits]
        read = [[found[i].chunk for i in ranks] for found, ranks in zip(hits, direct, strict=True)]
        queries = self.embedder.token_vectors(questions, query=True)
        scores = self._ask_store(queries, read) or self._encode(self.embedder, queries, read)
        return [
            reorder(found, ranks, fuse(own, self.weight))
            for found, ranks, own in zip(hits, direct, scores, strict=True)
        ]

    def _ask_store(self, queries: Sequence[Vectors], read: Sequence[Sequence[Chunk]]) -> list[list[float]]:
        """The scores of each question's chunks by their stored vectors; nothing where not all of them have some."""
        if self.store is None or "tokens" not in self.embedder.representations:
            return []
        asked = [
            Query("", tokens=tokens, filter=Filter(any_of={"id": tuple(chunk.id for chunk in chunks)}))
            for tokens, chunks in zip(queries, read, strict=True)
        ]
        found = self.store.search(asked, k=max(1, *map(len, read)), using="tokens")
        known = [{hit.chunk.id: hit.score for hit in own} for own in found]
        if any(chunk.id not in own for own, chunks in zip(known, read, strict=True) for chunk in chunks):
            return []
        return [[own[chunk.id] for chunk in chunks] for own, chunks in zip(known, read, strict=True)]

    @staticmethod
    def _encode(
        embedder: TokenEmbedder, queries: Sequence[Vectors], read: Sequence[Sequence[Chunk]]
    ) -> list[list[float]]:
        """The scores of each question's chunks, which are encoded for them."""
        texts = list(dict.fromkeys(chunk.contextual for chunks in read for chunk in chunks))
        passages = dict(zip(texts, embedder.token_vectors(texts), strict=True))
        return [
            [maxsim(query, passages[chunk.contextual]) for chunk in chunks]
            for query, chunks in zip(queries, read, strict=True)
        ]


def maxsim(question: Vectors, passage: Vectors) -> float:
    """Mean over the question's tokens (n, width) of the largest cosine with a token of the passage (m, width)."""
    return float((question @ passage.T).max(axis=1).mean()) if len(question) and len(passage) else 0.0
