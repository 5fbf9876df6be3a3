"""A pipeline's embed stage as a model of the package `mteb`: its tasks read documents and questions as an index does.

A document is one chunk, its title the context, and what the model cannot see of it is cut off, as that benchmark has
it; a question, and a text of a task that knows neither, is read as a question. Vectors are compared by their dot
product, as in a store. Sparse and token vectors take no part. Source: MTEB (arXiv 2210.07316), MMTEB (2502.13595),
EncoderProtocol of mteb 2.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from rag.stages import Embedder
from rag.types import Chunk, Chunked, Document, Vectors

DOCUMENT = "document"  # as mteb calls that side


class MtebEncoder:
    """What `mteb.evaluate` takes. `name` is what its results are kept under."""

    def __init__(self, embedder: Embedder, name: str) -> None:
        from mteb.models import ModelMeta

        self._embedder = embedder
        known = {"name": f"raghop/{name}", "revision": embedder.fingerprint, "embed_dim": embedder.dim}
        self.mteb_model_meta = ModelMeta.create_empty(overwrites=known)

    def encode(self, inputs: Iterable[Mapping[str, Sequence[str]]], *, prompt_type: Any = None, **told: Any) -> Vectors:
        """Vectors (n, dim) of the texts of all batches, in order."""
        parts = [self._encode(batch, str(getattr(prompt_type, "value", prompt_type))) for batch in inputs]
        return np.concatenate(parts) if parts else np.zeros((0, self._embedder.dim), np.float32)

    def _encode(self, batch: Mapping[str, Sequence[str]], side: str) -> Vectors:
        if side != DOCUMENT:
            return np.asarray(self._embedder.embed_queries(batch["text"]).dense)
        texts = batch.get("body", batch["text"])
        titles = batch.get("title", [""] * len(texts))
        pairs = [(title, text) if "body" in batch else ("", text) for title, text in zip(titles, texts, strict=True)]
        chunked = [
            Chunked(Document("", "", text, title), (Chunk("", "", text, 0, len(text), "", title=title, context=title),))
            for title, text in pairs
        ]
        return np.asarray(self._embedder.embed_chunks(chunked).dense)

    def similarity(self, one: Any, other: Any) -> Any:
        """Dot products (n, m)."""
        from mteb.similarity_functions import dot_score

        return dot_score(one, other)

    def similarity_pairwise(self, one: Any, other: Any) -> Any:
        """Dot products (n,) of rows."""
        from mteb.similarity_functions import pairwise_dot_score

        return pairwise_dot_score(one, other)
