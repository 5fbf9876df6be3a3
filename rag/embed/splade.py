"""Learned sparse vectors: what a text speaks of, word by word of a vocabulary, also where it says so in other words.

A masked language model gives for every token i of a text a logit w_ij of every entry j of its vocabulary. The weight of
j is the largest log(1 + max(0, w_ij)) over the tokens, and most are 0. The score of two texts is the dot product of
their weights as it is: how rare a word is, the model knows. SPLADE (naver/splade-v3, with query and document read
alike) and IBM's granite-embedding-30m-sparse are such models.

What it does not do: another model, or none, for questions, and the sum over tokens of the first SPLADE.

Source: SPLADE v2 (arXiv 2109.10086), equation 2; Granite Embedding (arXiv 2502.20204), section 3.3.
"""

import json
from collections.abc import Sequence
from functools import cached_property
from hashlib import sha256
from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import Field

from rag import cache
from rag.errors import ModelError, extra
from rag.models.encoder import TextEncoder
from rag.models.files import locate, read_json, refuse_code, weights
from rag.models.spec import SHAPING, ModelSpec, first_position
from rag.stages import component
from rag.types import Chunked, Embeddings, Spans, Sparse, Vector


@component
class SpladeEmbedder:
    """Weighs the words of a masked language model's vocabulary."""

    model: Annotated[str, Field(description="A folder, or a name in the local Hugging Face cache.")]
    top: Annotated[int | None, Field(ge=1, description="Keep so many largest weights of a text; default: all.")] = None
    max_tokens: Annotated[int, Field(ge=3, description="Most tokens of a text; later ones are not weighed.")] = 512
    device: Annotated[str | None, Field(description='A torch device such as "cuda:1"; default: the fastest.')] = None
    batch_tokens: Annotated[int, Field(ge=1, description="Tokens that run at once; each takes 100 to 200 kB.")] = 1024
    dim: ClassVar[int] = 0  # no dense vectors
    representations: ClassVar[frozenset[str]] = frozenset({"sparse"})
    idf: ClassVar[bool] = False

    @cached_property
    def fingerprint(self) -> str:
        """Of weights, tokenizer and options."""
        folder = self._spec.folder
        files = [*weights(folder), *(folder / name for name in SHAPING)]
        sums = [[path.name, cache.sha256(path)] for path in files if path.is_file()]
        return sha256(json.dumps(["splade 1", sums, self.top, self._spec.max_tokens]).encode()).hexdigest()

    def token_spans(self, texts: Sequence[str]) -> list[Spans]:
        """Character spans (n, 2) of each text's tokens, special tokens left out."""
        return self._encoder.token_spans(texts)

    def embed_chunks(self, batch: Sequence[Chunked]) -> Embeddings:
        """The weights of context and text of every chunk."""
        return Embeddings(sparse=self._weigh([chunk.contextual for item in batch for chunk in item.chunks]))

    def embed_queries(self, texts: Sequence[str]) -> Embeddings:
        """The weights of every text."""
        return Embeddings(sparse=self._weigh(texts))

    def _weigh(self, texts: Sequence[str]) -> list[Sparse]:
        found: list[Sparse] = [Sparse(np.empty(0, np.int64), np.empty(0, np.float32))] * len(texts)
        for batch, rows, _ in self._encoder.hidden(self._encoder.token_ids(texts)):
            for i, row in zip(batch, rows[:, 0], strict=True):
                found[i] = self._keep(row)
        return found

    def _keep(self, row: Vector) -> Sparse:
        """The largest weights (vocabulary,) that are not 0; of equal ones those of smaller ids."""
        indices = np.flatnonzero(row)
        if self.top is not None:
            indices = np.sort(indices[np.argsort(-row[indices], kind="stable")[: self.top]])
        return Sparse(indices.astype(np.int64), row[indices])

    @cached_property
    def _spec(self) -> ModelSpec:
        folder = locate(self.model)
        refuse_code(folder)
        config: dict[str, Any] = read_json(folder / "config.json", {})
        size = int(config.get("vocab_size") or 0)
        if not size:
            raise ModelError(f"{folder / 'config.json'}: no vocab_size; this is no masked language model.")
        most = int(config.get("max_position_embeddings") or self.max_tokens)
        return ModelSpec(
            name=self.model, folder=folder, config=config, hidden=size, dim=size, query_prefix="", document_prefix="",
            max_tokens=min(self.max_tokens, most - first_position(config)),
        )  # fmt: skip

    @cached_property
    def _encoder(self) -> TextEncoder:
        with extra("models", "sparse: splade"):
            from rag.models.torch_splade import text_encoder  # torch and transformers take seconds to import

        return text_encoder(self._spec, self.device, batch_tokens=self.batch_tokens)
