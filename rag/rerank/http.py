"""Scores from the server of a reranker: `/rerank` as Cohere, Jina, vLLM and Infinity have it, or that of
text-embeddings-inference.

Hits of later hops keep their places, as with `cross_encoder`. Long passages are the server's to cut.
"""

from collections.abc import Sequence
from functools import cached_property
from math import isfinite
from typing import Annotated, Any, Literal

from pydantic import Field

from rag.llm.post import ModelServer, RefusedInput, check_url
from rag.rerank.order import direct_ranks, reorder
from rag.stages import component
from rag.types import Hit


@component
class HttpReranker:
    """Lets a server score the direct hits."""

    base_url: Annotated[str, Field(description="The server, to which /rerank is added.")]
    model: Annotated[str, Field(description="The model's name at the server.")] = ""
    api: Annotated[Literal["cohere", "tei"], Field(description="What it speaks; Jina's is Cohere's.")] = "cohere"
    api_key_env: Annotated[str, Field(description="The environment variable that holds the key.")] = "COHERE_API_KEY"
    top: Annotated[int, Field(ge=1, description="The direct hits among the first `top` are scored.")] = 30
    batch: Annotated[int, Field(ge=1, description="Passages in a request.")] = 32
    per_minute: Annotated[int, Field(ge=0, description="Most requests in a minute; 0: any number.")] = 0
    timeout: Annotated[float, Field(gt=0, description="Most seconds of a request with its retries.")] = 30.0
    retries: Annotated[int, Field(ge=0, description="How often a request is tried again after a passing failure.")] = 2
    trust_env: Annotated[
        bool, Field(description="Use the environment's proxy and certificates; a proxy of http reads all, the key too.")
    ] = False

    def __post_init__(self) -> None:
        check_url("rerank", self.base_url, self.api_key_env)

    def rerank(self, questions: Sequence[str], hits: Sequence[Sequence[Hit]]) -> list[list[Hit]]:
        """The same hits, scored 1 / place. Raises EndpointError and ConfigError."""
        reranked = []
        for question, found in zip(questions, hits, strict=True):
            ranks = direct_ranks(found, self.top)
            texts = [found[rank].chunk.contextual for rank in ranks]
            parts = [texts[at : at + self.batch] for at in range(0, len(texts), self.batch)]
            reranked.append(reorder(found, ranks, [score for part in parts for score in self._ask(question, part)]))
        return reranked

    def _ask(self, question: str, texts: Sequence[str]) -> list[float]:
        """A score for each text."""
        server, named = self._server, {"model": self.model} if self.model else {}
        try:
            if self.api == "tei":
                results: Any = server.post("/rerank", {"query": question, "texts": list(texts), "truncate": True})
            else:
                body = {**named, "query": question, "documents": list(texts), "top_n": len(texts)}
                results = server.post("/rerank", body)["results"]
        except RefusedInput as error:
            raise error.as_error() from error
        except (TypeError, KeyError) as error:
            raise server.refuse("it has no `results`.") from error
        name = "score" if self.api == "tei" else "relevance_score"
        try:
            scores = {int(one["index"]): float(one[name]) for one in results}
        except (TypeError, KeyError, ValueError) as error:
            raise server.refuse(f"its results have no `index` and `{name}`.") from error
        if scores.keys() != set(range(len(texts))) or not all(map(isfinite, scores.values())):
            raise server.refuse(f"its results are not one score for each of {len(texts)} passages.")
        return [scores[n] for n in range(len(texts))]

    @cached_property
    def _server(self) -> ModelServer:
        return ModelServer(
            "rerank", self.base_url, self.api_key_env, self.timeout, self.retries, self.per_minute, self.trust_env
        )
