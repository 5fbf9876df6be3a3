"""Whitened vectors, compared by cosine: all directions of a corpus count alike, on both sides (WhiteningBERT).

With the mean m and the covariance U S U' of a sample's vectors, a vector v becomes (v - m) U S^-1/2, at length one, of
which `columns` keeps the directions along which the sample differs most; `power: 0` leaves their lengths alone, which
makes it a principal component analysis: a generalist model's vectors in fewer columns (arXiv 2507.05006). For
plain language models that nobody trained to embed: `first_last` takes the mean of their first and last layer's token
vectors, which the paper found best. A trained embedder is looked at through its corpus more cheaply by
`retrieve: {whiten: ...}`, on the question's side alone.

The sample is a file that the user names, as `rag sample` writes it: another one is another embedder. It must hold more
passages than a vector has columns. Late chunking, token vectors and the trained hops do not go with it.

Source: WhiteningBERT (arXiv 2104.01767), section 3; Jun-jie-Huang/WhiteningBERT, `whitening_torch_final` of
sentence_transformers/pooling_utils.py.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rag.embed._encoder import EncoderEmbedder
from rag.embed.onnx import OnnxEmbedder
from rag.embed.sample import read_passages
from rag.errors import ConfigError
from rag.models.encoder import TextEncoder
from rag.models.pooling import normalize
from rag.stages import component
from rag.types import Chunked, Embeddings, Spans, Vectors

LEAST = 1e-7  # a direction with less than this part of the largest variance is none


@dataclass(frozen=True, slots=True, eq=False)
class Whitener:
    """v -> (v - mean) matrix, at length one."""

    mean: NDArray[np.float64]  # (dim,)
    matrix: NDArray[np.float64]  # (dim, columns)

    def __call__(self, vectors: Vectors) -> Vectors:
        return normalize(((vectors - self.mean) @ self.matrix).astype(np.float32))


def fit_whitener(vectors: Vectors, *, power: float = 1.0, columns: int | None = None) -> Whitener:
    """From the sample's vectors (n, dim): their `columns` main directions, each divided by its deviation ** `power`.

    Directions along which they do not differ become nothing.
    """
    rows = np.asarray(vectors, np.float64)
    mean = rows.mean(axis=0)
    values, axes = np.linalg.eigh((rows - mean).T @ (rows - mean))
    scale = np.where(values > LEAST * values[-1], np.maximum(values, 1e-300) ** (-power / 2), 0)
    return Whitener(mean, (axes * scale)[:, ::-1][:, :columns])


@component
class WhitenedEmbedder:
    """Whitens a model's vectors by those of a sample of the documents."""

    sample: Annotated[str, Field(description="A UTF-8 file with a passage of the documents on each line.")]
    model: Annotated[str, Field(description="As in `onnx`; with `first_last` as in `transformers`.")] = "bundled"
    first_last: Annotated[bool, Field(description="The mean of first and last layer (needs torch), not the last.")] = (
        False
    )
    power: Annotated[float, Field(ge=0, le=1, description="How far directions are evened out; 0 only turns them.")] = (
        1.0
    )
    columns: Annotated[int | None, Field(ge=1, description="Keep so many main directions; default: all.")] = None
    representations: ClassVar[frozenset[str]] = frozenset({"dense"})

    @property
    def dim(self) -> int:
        """Columns of the model, or as many as are kept."""
        return min(self.columns or self._base.dim, self._base.dim)

    @cached_property
    def fingerprint(self) -> str:
        """Of the model, how its layers are read, and the sample."""
        facts = ["whitened 1", self._base.fingerprint, self.first_last, self.power, self.columns, self._passages]
        return sha256(json.dumps(facts).encode("utf-8", "surrogatepass")).hexdigest()

    @property
    def longest(self) -> int | None:
        """That of the model."""
        return self._base.longest

    def count_unread(self, texts: Sequence[str]) -> list[int]:
        """How many tokens of each text are cut off."""
        return self._base.count_unread(texts)

    def token_spans(self, texts: Sequence[str]) -> list[Spans]:
        """Those of the model."""
        return self._base.token_spans(texts)

    def embed_chunks(self, batch: Sequence[Chunked]) -> Embeddings:
        """Context and text of every chunk, whitened."""
        return self._whiten(self._encoder.embed_chunks(batch, tokens=False))

    def embed_queries(self, texts: Sequence[str]) -> Embeddings:
        """Every text, whitened."""
        return self._whiten(self._encoder.embed_queries(texts, tokens=False))

    def _whiten(self, found: Embeddings) -> Embeddings:
        assert found.dense is not None  # a text encoder makes them always
        return Embeddings(dense=self._whitener(found.dense))

    @cached_property
    def _base(self) -> EncoderEmbedder:
        if not self.first_last:
            return OnnxEmbedder(model=self.model)
        from rag.embed.transformers import TransformersEmbedder

        return TransformersEmbedder(model=self.model, first_last=True)

    @cached_property
    def _encoder(self) -> TextEncoder:
        """The model, whose vectors keep their length."""
        return self._base.load_unscaled()

    @cached_property
    def _passages(self) -> list[str]:
        return read_passages(self.sample)

    @cached_property
    def _whitener(self) -> Whitener:
        vectors = self._encoder.vectors(self._passages)
        n, dim = vectors.shape
        if n <= dim:
            raise ConfigError(
                f"embed.sample: {self.sample} holds {n} passages, which do not span {dim} columns; write more with "
                f"`rag sample FILE -n {2 * dim}`."
            )
        return fit_whitener(vectors, power=self.power, columns=self.columns)
