"""MUVERA: the token vectors of a text as one long vector, so that a plain search approximates late interaction.

Space is cut into 2^bits regions by the signs of random projections. A question's encoding holds, for each region, the
sum of its token vectors there; a passage's holds the mean of its own there or, where it has none, the token nearest by
signs. So each token of the question meets what the passage has near to it, and the dot product of the two encodings
approximates the sum over the question's tokens of their best match (Chamfer similarity, MaxSim). Regions are cut
`repetitions` times anew, and in each the vectors are projected to `columns` random directions, which keeps dot products
on average. Scores are the mean over tokens and repetitions: without that projection at most MaxSim's own.

Rerank by `maxsim`, which compares all tokens: the encoding only has to bring the right passages among the first.

Source: arXiv 2405.19504, section 2 (fixed dimensional encodings), without its final projection.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rag.embed.onnx import OnnxEmbedder
from rag.stages import component
from rag.types import Chunked, Embeddings, Spans, Vector, Vectors


@dataclass(frozen=True, slots=True, eq=False)
class Encoding:
    """`planes` (repetitions, bits, width) cut space, `projections` (repetitions, columns, width) shorten tokens."""

    planes: Vectors
    projections: Vectors

    @property
    def dim(self) -> int:
        """Columns of an encoding."""
        repetitions, bits, _ = self.planes.shape
        return int(repetitions * 2**bits * self.projections.shape[1])

    def question(self, tokens: Vectors) -> Vector:
        """Of a question's tokens (n, width): sums by region, over n and the repetitions; (dim,)."""
        sums, _ = self._regions(tokens)
        return sums.reshape(-1) / np.float32(max(1, len(tokens)) * len(self.planes))

    def passage(self, tokens: Vectors) -> Vector:
        """Of a passage's tokens (n, width), at least one: means by region, the nearest token where there is none."""
        sums, counts = self._regions(tokens)
        means = sums / np.maximum(counts, 1).astype(np.float32)[:, :, None]
        signs = self._signs(tokens)
        codes = (np.arange(counts.shape[1])[:, None] >> np.arange(signs.shape[2])) & 1  # (regions, bits)
        for repetition, region in np.argwhere(counts == 0):
            nearest = np.argmin((signs[:, repetition] != codes[region]).sum(axis=1))
            means[repetition, region] = self.projections[repetition] @ tokens[nearest]
        return means.reshape(-1)

    def _signs(self, tokens: Vectors) -> NDArray[np.int64]:
        """On which side of each plane a token lies, (n, repetitions, bits), 0 or 1."""
        return (_products(tokens, self.planes) > 0).astype(np.int64)

    def _regions(self, tokens: Vectors) -> tuple[Vectors, NDArray[np.int64]]:
        """Sums (repetitions, regions, columns) and counts (repetitions, regions) of the tokens."""
        repetitions, bits, _ = self.planes.shape
        region = self._signs(tokens) @ (1 << np.arange(bits))  # (n, repetitions)
        short = _products(tokens, self.projections)
        sums = np.zeros((repetitions, 2**bits, short.shape[2]), np.float32)
        counts = np.zeros((repetitions, 2**bits), np.int64)
        at = (np.broadcast_to(np.arange(repetitions), region.shape), region)
        np.add.at(sums, at, short)
        np.add.at(counts, at, 1)
        return sums, counts


def _products(tokens: Vectors, matrices: Vectors) -> Vectors:
    """(n, width) and (repetitions, m, width) to (n, repetitions, m)."""
    repetitions, m, width = matrices.shape
    return (tokens @ matrices.reshape(-1, width).T).reshape(len(tokens), repetitions, m)


def random_encoding(width: int, *, repetitions: int, bits: int, columns: int, seed: int) -> Encoding:
    """Random planes and directions for token vectors of `width` columns; `columns` 0 projects nothing."""
    rng = np.random.default_rng(seed)
    planes = rng.standard_normal((repetitions, bits, width)).astype(np.float32)
    if columns:
        signs = rng.choice(np.array([-1, 1]), (repetitions, columns, width)) / np.sqrt(columns)
    else:
        signs = np.broadcast_to(np.eye(width), (repetitions, width, width))
    return Encoding(planes, signs.astype(np.float32))


@component
class MuveraEmbedder:
    """Encodes token vectors into `repetitions` * 2^`bits` * `columns` numbers.

    The encoding needs no training and is the same for the same options.
    """

    model: Annotated[str, Field(description="The model of the token vectors, as in `onnx`.")] = "bundled"
    repetitions: Annotated[int, Field(ge=1, description="How often space is cut into regions anew.")] = 20
    bits: Annotated[int, Field(ge=1, le=8, description="Random planes of a cut, which make 2^`bits` regions.")] = 4
    columns: Annotated[int, Field(ge=1, description="Columns that each region's vector is projected to.")] = 16
    seed: Annotated[int, Field(ge=0, description="Of the random planes and projections.")] = 0
    representations: ClassVar[frozenset[str]] = frozenset({"dense"})

    @property
    def dim(self) -> int:
        return self._encoding.dim

    @cached_property
    def fingerprint(self) -> str:
        """Of the model and of the random numbers themselves, which another numpy might draw otherwise."""
        digest = sha256(self._encoding.planes.tobytes() + self._encoding.projections.tobytes()).hexdigest()
        return sha256(f"muvera 1 {self._base.fingerprint} {digest}".encode()).hexdigest()

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
        """The encoding of every chunk's tokens, context and text."""
        texts = [chunk.contextual for item in batch for chunk in item.chunks]
        return self._stack([self._encoding.passage(tokens) for tokens in self._base.token_vectors(texts)])

    def embed_queries(self, texts: Sequence[str]) -> Embeddings:
        """The encoding of every question's tokens."""
        tokens = self._base.token_vectors(texts, query=True)
        return self._stack([self._encoding.question(one) for one in tokens])

    def token_vectors(self, texts: Sequence[str], *, query: bool = False) -> list[Vectors]:
        """Before they are encoded: unit-length vectors (tokens, width) of each text's tokens."""
        return self._base.token_vectors(texts, query=query)

    def _stack(self, rows: Sequence[Vector]) -> Embeddings:
        return Embeddings(dense=np.stack(rows) if rows else np.empty((0, self.dim), np.float32))

    @cached_property
    def _base(self) -> OnnxEmbedder:
        return OnnxEmbedder(model=self.model)

    @cached_property
    def _encoding(self) -> Encoding:
        repetitions, bits, columns = self.repetitions, self.bits, self.columns
        return random_encoding(
            self._base.token_dim, repetitions=repetitions, bits=bits, columns=columns, seed=self.seed
        )
