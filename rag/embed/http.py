"""Vectors from the server of a model: OpenAI's `/embeddings`, as vLLM, Infinity, llama.cpp and hosted ones have it, or
text-embeddings-inference's own `/embed`.

The server says nothing certain about its model, so a pipeline does: `model`, `dim` and `revision` shape the
fingerprint, and an index keeps the vector of a fixed text, which is asked for again before the index is used. What it
does not do: token vectors, late chunking, tokens of the model (a token is counted for every four letters).
"""

import base64
import hashlib
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from rag.llm.post import ModelServer, RefusedInput, check_url
from rag.stages import component
from rag.types import Chunked, Embeddings, Spans, Vector, Vectors

PROBE = "The lamp in hall 7 was lit in 1932; wer sie sah, vergaß sie nie. 東京の橋。"
_PIECE = re.compile(r"\w{1,4}|[^\w\s]")
PATHS = {"openai": "/embeddings", "tei": "/embed"}


@component
class HttpEmbedder:
    """Asks a server for dense vectors, many texts at once."""

    base_url: Annotated[str, Field(description="The server, to which /embeddings, or /embed of `tei`, is added.")]
    dim: Annotated[int, Field(ge=1, description="Numbers of a vector.")]
    model: Annotated[str, Field(description="The model's name at the server.")] = ""
    revision: Annotated[str, Field(description="Yours to change when the server changed its model.")] = ""
    api: Annotated[Literal["openai", "tei"], Field(description="What the server speaks.")] = "openai"
    api_key_env: Annotated[str, Field(description="The environment variable that holds the key.")] = "OPENAI_API_KEY"
    document_prefix: Annotated[str, Field(description="What stands before every chunk.")] = ""
    query_prefix: Annotated[str, Field(description="What stands before every question.")] = ""
    max_tokens: Annotated[int, Field(ge=16, description="Tokens that the model reads; chunks shall be smaller.")] = 512
    batch: Annotated[int, Field(ge=1, description="Texts in a request.")] = 32
    parallel: Annotated[int, Field(ge=1, description="Requests at once.")] = 4
    per_minute: Annotated[int, Field(ge=0, description="Most requests in a minute; 0: any number.")] = 0
    timeout: Annotated[float, Field(gt=0, description="Most seconds of a request with its retries.")] = 120.0
    retries: Annotated[int, Field(ge=0, description="How often a request is tried again after a passing failure.")] = 5
    trust_env: Annotated[
        bool, Field(description="Use the environment's proxy and certificates; a proxy of http reads all, the key too.")
    ] = False

    representations: ClassVar[frozenset[str]] = frozenset({"dense"})

    def __post_init__(self) -> None:
        check_url("embed", self.base_url, self.api_key_env)

    @property
    def fingerprint(self) -> str:
        """Of what the pipeline says about the model; the server's address is not part of it."""
        parts = ["http 1", self.model, self.revision, str(self.dim), self.document_prefix]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()

    @property
    def longest(self) -> int | None:
        """Tokens of a chunk with its context."""
        return self.max_tokens - len(_PIECE.findall(self.document_prefix)) - 2  # two special ones

    def count_unread(self, texts: Sequence[str]) -> list[int]:
        """How many tokens of each text are too many, as they are counted here."""
        return [max(0, len(spans) - (self.longest or 0)) for spans in self.token_spans(texts)]

    def token_spans(self, texts: Sequence[str]) -> list[Spans]:
        """Character spans (n, 2) of about what tokens are: at most four letters, or a sign."""
        return [np.array([m.span() for m in _PIECE.finditer(t)], dtype=np.int64).reshape(-1, 2) for t in texts]

    def embed_chunks(self, batch: Sequence[Chunked]) -> Embeddings:
        """Context and text of every chunk. Raises EndpointError; RefusedInput for texts the server does not take."""
        return Embeddings(
            dense=self._rows([self.document_prefix + c.contextual for item in batch for c in item.chunks])
        )

    def embed_queries(self, texts: Sequence[str]) -> Embeddings:
        """Every text. Raises EndpointError."""
        return Embeddings(dense=self._needed([self.query_prefix + text for text in texts]))

    def probe(self) -> Vector:
        """The unit vector of a fixed text: it tells whether the model is still the same. Raises EndpointError."""
        vector: Vector = self._needed([PROBE])[0]
        return vector

    def _needed(self, texts: Sequence[str]) -> Vectors:
        """Of texts that cannot be left out."""
        try:
            return self._rows(texts)
        except RefusedInput as error:
            raise error.as_error() from error

    def _rows(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors (n, dim)."""
        parts = [texts[at : at + self.batch] for at in range(0, len(texts), self.batch)]
        if len(parts) < 2 or self.parallel == 1:
            rows = list(map(self._ask, parts))
        else:
            with ThreadPoolExecutor(min(self.parallel, len(parts))) as threads:
                rows = list(threads.map(self._ask, parts))
        matrix = np.concatenate([np.empty((0, self.dim), np.float32), *rows])
        lengths = np.linalg.norm(matrix, axis=1, keepdims=True)
        unit: Vectors = np.divide(matrix, lengths, out=np.zeros_like(matrix), where=lengths > 0)
        return unit

    def _ask(self, texts: Sequence[str]) -> Vectors:
        server = self._server
        if self.api == "tei":
            rows = server.post(PATHS["tei"], {"inputs": list(texts), "truncate": False})
        else:
            body = {"model": self.model, "input": list(texts), "encoding_format": "float"}
            rows = self._in_order(server.post(PATHS["openai"], body))
        if not isinstance(rows, list) or len(rows) != len(texts):
            raise server.refuse(f"{len(rows) if isinstance(rows, list) else 'no'} vectors for {len(texts)} texts.")
        try:
            matrix = np.array([_decode(row) for row in rows], dtype=np.float32)
        except (TypeError, ValueError) as error:
            raise server.refuse(f"its vectors are no lists of as many numbers ({error}).") from error
        if matrix.shape != (len(texts), self.dim):
            raise server.refuse(
                f"its vectors have {matrix.shape[-1]} numbers, `dim` says {self.dim}: is `model` the right one? If so, "
                f"set `dim: {matrix.shape[-1]}`."
            )
        if not np.isfinite(matrix).all():
            raise server.refuse("its vectors have numbers that are not finite.")
        return matrix

    def _in_order(self, reply: Any) -> list[Any]:
        """The vectors of OpenAI's reply, by the index of each."""
        try:
            found = {item.get("index", n): item["embedding"] for n, item in enumerate(reply["data"])}
            return [found[n] for n in range(len(reply["data"]))]
        except (TypeError, KeyError, AttributeError) as error:
            raise self._server.refuse("it has no `data` with an `embedding` for each index.") from error

    @cached_property
    def _server(self) -> ModelServer:
        return ModelServer(
            "embed", self.base_url, self.api_key_env, self.timeout, self.retries, self.per_minute, self.trust_env
        )


def _decode(row: Any) -> Any:
    """A vector, also one in base64."""
    return np.frombuffer(base64.b64decode(row, validate=True), "<f4") if isinstance(row, str) else row
