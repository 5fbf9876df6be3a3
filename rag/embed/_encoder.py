"""What the embedders `onnx` and `transformers` share: all but how a network is loaded.

Pooling, projections, length and prompts come from the model's own sentence-transformers files; a plain encoder gets
mean pooling. Vectors of the two backends differ by rounding only, so an index, and weights trained for one, fit both.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property, partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.embed._options import EncoderOptions
from rag.embed.query_map import QueryMap
from rag.embed.query_map import load as load_map
from rag.embed.weights import file_checksum, load
from rag.errors import ConfigError, MismatchError
from rag.models.pooling import merge_tokens
from rag.models.processor import takes_int8
from rag.models.spec import ModelSpec, read
from rag.models.variant import Variant
from rag.stages import component
from rag.types import Chunked, Difference, Embeddings, Precision, Spans, Vectors

if TYPE_CHECKING:
    from rag.models.colbert import ColbertEncoder, ColbertSpec
    from rag.models.encoder import TextEncoder
    from rag.models.late import Late
    from rag.models.situated import Situated


@component
class EncoderEmbedder(EncoderOptions, ABC):
    """Vectors and fingerprint of a model; a backend says how its network is loaded."""

    @abstractmethod
    def _load(
        self, spec: ModelSpec, *, batch_tokens: int, difference: Difference | None = None, int8: bool = False
    ) -> TextEncoder:
        """The network of a model, ready to run, with `difference` added to the tensors it names.

        With `int8`, products are those of whole numbers where the backend has them.
        """

    @property
    def dtype(self) -> str:
        """In which the network computes."""
        return "float32"

    @property
    def _attention(self) -> str:
        """In which directions tokens see each other; "" as the model's config says."""
        return ""

    @property
    def _neighbours(self) -> int:
        """Tokens that keep their positions where a window is stretched by sharing them; 0 where it is not."""
        return 0

    @property
    def _first_last(self) -> bool:
        """Whether token vectors are the mean of the first and the last layer's."""
        return False

    @property
    def _window_tokens(self) -> int:
        """Tokens of late chunking's windows that run at once."""
        return self.batch_tokens

    @property
    def dim(self) -> int:
        return self._spec.dim

    @property
    def token_dim(self) -> int:
        """Columns of a token's vector, which may be others than a text's."""
        return self._colbert_spec.dim if self.token_model else self._spec.token_dim

    @property
    def representations(self) -> frozenset[str]:
        """ "dense", and "tokens", "sparse" if asked for."""
        return frozenset({"dense", *["tokens"] * self.tokens, *["sparse"] * self.sparse})

    @cached_property
    def fingerprint(self) -> str:
        """Of the model and of how chunks are read; the same for both backends and on every device."""
        return self._fingerprint(self.dtype)

    @cached_property
    def exact(self) -> str:
        """The fingerprint of this embedder in float32, from whose vectors those of others differ by rounding."""
        return self._fingerprint("float32")

    def _fingerprint(self, dtype: str) -> str:
        own = self._spec.fingerprint(dtype=dtype, tokens=self._own_tokens, sparse=self.sparse)
        if self._weights:
            own += f" {file_checksum(self._weights)}"
        facts: list[Any] = ["late 2", self.late, self.overlap] if self.late else []
        facts += ["separator", self.late_separator] if self.late and self.late_separator else []
        facts += ["situated 1", self.situated, self.around, self.separator] if self.situated else []
        facts += ["token model", self._colbert_spec.fingerprint] if self.token_model else []
        facts += ["pooled tokens 1", self.pool_factor] if self.pool_factor > 1 else []
        return sha256(json.dumps([own, *facts]).encode()).hexdigest() if facts else own

    @property
    def longest(self) -> int | None:
        """What the model sees beside two special tokens; with `late: 1` any chunk is read whole, in parts."""
        if self.token_model:  # which has a marker besides
            return min(self._spec.max_tokens - 2, self._colbert_spec.model.max_tokens - 3)
        return None if self.late == 1 else self._spec.max_tokens - 2

    def count_unread(self, texts: Sequence[str]) -> list[int]:
        """How many tokens of each text are cut off."""
        return [0] * len(texts) if self.late == 1 else self._encoder.count_unread(texts)

    def token_spans(self, texts: Sequence[str]) -> list[Spans]:
        """Character spans (n, 2) of each text's tokens, special tokens left out, nothing cut off."""
        return self._encoder.token_spans(texts)

    def embed_chunks(self, batch: Sequence[Chunked]) -> Embeddings:
        """Context and text of every chunk, behind the document prefix; `late` or `situated`, with the text around."""
        if self._in_text:
            return self._in_text.embed_chunks(batch)
        found = self._documents.embed_chunks(batch, tokens=self._own_tokens, sparse=self.sparse)
        if self.token_model:
            texts = [chunk.contextual for item in batch for chunk in item.chunks]
            found = replace(found, tokens=self.token_vectors(texts))
        if self.pool_factor == 1 or found.tokens is None:
            return found
        return replace(found, tokens=[merge_tokens(vectors, self.pool_factor) for vectors in found.tokens])

    def windows(self, batch: Sequence[Chunked]) -> list[Chunked]:
        """The documents as they are, or with `late` and `situated` the windows in which they are read."""
        return self._in_text.windows(batch) if self._in_text else list(batch)

    def embed_queries(self, texts: Sequence[str]) -> Embeddings:
        """Every text behind the query prefix, in the space of the documents."""
        found = self._queries.embed_queries(texts, tokens=self._own_tokens, sparse=self.sparse)
        if self.token_model:
            return replace(found, tokens=self.token_vectors(texts, query=True))
        return replace(found, dense=self._map(found.dense)) if self._map and found.dense is not None else found

    @cached_property
    def query_fingerprint(self) -> str:
        """Of what makes the vectors of questions, before a `query_map`."""
        spec = self._queries.spec
        return sha256(json.dumps([spec.fingerprint(), spec.query_prefix, spec.query_suffix]).encode()).hexdigest()

    def token_vectors(self, texts: Sequence[str], *, query: bool = False) -> list[Vectors]:
        """Unit-length vectors (tokens, width) of each text's tokens: what MaxSim compares."""
        if self.token_model:
            return self._colbert.vectors(texts, query=query)
        return self._encoder.token_vectors(texts, query=query)

    def tune(
        self, difference: Difference, *, fingerprint: str, max_tokens: int, precision: Precision = "float32"
    ) -> Callable[[Sequence[str]], Vectors]:
        """This model with `difference` added to its tensors: texts, cut at `max_tokens`, to vectors of this space.

        Raises MismatchError where `fingerprint` is not this embedder's, ModelError for tensors it does not have.
        """
        if fingerprint not in (self.fingerprint, self.exact):
            raise MismatchError(
                f"embed: the weights were trained for another embedder than {self.model!r} with these options; train "
                "some for it with `rag train hop`, or use hop: links."
            )
        spec = replace(self._spec, max_tokens=min(max_tokens, self._spec.max_tokens))
        int8 = takes_int8(precision)
        encoder = self._load(spec, batch_tokens=max_tokens, difference=difference, int8=int8)  # few texts a call
        return partial(encoder.vectors, query=True)

    def load_unscaled(self) -> TextEncoder:
        """The model with vectors as long as they are before they are made one long."""
        return self._load(replace(self._spec, normalise=False), batch_tokens=self.batch_tokens)

    @cached_property
    def _spec(self) -> ModelSpec:
        return read(
            self.model,
            max_tokens=self.max_tokens,
            truncate_dim=self.truncate_dim,
            query_prefix=self.query_prefix,
            document_prefix=self.document_prefix,
            query_suffix=self.query_suffix,
            document_suffix=self.document_suffix,
            variant=Variant(
                self.layers, self.temperature, self.stretch, self._attention, self._first_last, self._neighbours
            ),
        )

    @cached_property
    def _encoder(self) -> TextEncoder:
        return self._load(self._spec, batch_tokens=self.batch_tokens)

    @property
    def _own_tokens(self) -> bool:
        """Whether the model itself makes the token vectors."""
        return self.tokens and not self.token_model

    @cached_property
    def _colbert_spec(self) -> ColbertSpec:
        """The model that makes them in its place; it reads as far as `model` does, and a marker."""
        from rag.models.colbert import read as read_colbert

        return read_colbert(self.token_model or "", max_tokens=self._spec.max_tokens + 1)

    @cached_property
    def _colbert(self) -> ColbertEncoder:
        from rag.models.colbert import ColbertEncoder

        spec = self._colbert_spec
        return ColbertEncoder(spec, self._load(spec.model, batch_tokens=self.batch_tokens))

    @cached_property
    def _documents(self) -> TextEncoder:
        """What reads documents: the model itself, or with its `weights`."""
        if not self._weights:
            return self._encoder
        difference = load(self._weights, self._spec.folder)
        return self._load(self._spec, batch_tokens=self.batch_tokens, difference=difference)

    @cached_property
    def _queries(self) -> TextEncoder:
        if not self.query_model:
            return self._encoder
        spec = read(
            self.query_model,
            query_prefix=self.query_prefix,
            query_suffix=self.query_suffix,
            truncate_dim=None if self.query_map else self.truncate_dim,
        )
        if spec.dim != self.dim and not self.query_map:
            raise ConfigError(
                f"embed.query_model: {spec.name!r} gives {spec.dim} columns, {self.model!r} {self.dim}; what leads "
                "from one to the other is a `query_map` (`rag train map`)."
            )
        return self._load(spec, batch_tokens=self.batch_tokens)

    @cached_property
    def _map(self) -> QueryMap | None:
        """From the questions' space to the documents'."""
        if not self.query_map:
            return None
        path, new = Path(self.query_map).expanduser(), self._queries.spec.dim
        return load_map(path, index=self.fingerprint, queries=self.query_fingerprint, new=new, dim=self.dim)

    @cached_property
    def _weights(self) -> Path | None:
        return Path(self.weights).expanduser() if self.weights else None

    @cached_property
    def _in_text(self) -> Late | Situated | None:
        """What reads chunks in the text around them."""
        if self.situated:
            from rag.models.situated import Situated

            return Situated(self._documents, self.situated, self.around, self.separator, plain=self._encoder)
        if not self.late:
            return None
        from rag.models.late import Late

        return Late(self._documents, self.late, self.overlap, self._window_tokens, self._encoder, self.late_separator)
