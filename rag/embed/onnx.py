"""The everyday embedder: BERT-like sentence encoders on the CPU by onnxruntime, without torch or transformers.

The default is the bundled MiniLM (Wang et al., arXiv 2002.10957). Pooling, length and prompts come from the model's
own sentence-transformers files, and its vectors equal sentence-transformers' within 1e-5. Other architectures, and
GPUs, are the business of `transformers`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
from annotated_types import Ge, Gt, Le

from rag.errors import ConfigError, MismatchError
from rag.models.spec import ModelSpec, fingerprint, query_side, read
from rag.models.token_pooling import pooled_tokens
from rag.models.variant import Variant
from rag.stages import component
from rag.types import Chunked, Embeddings, Spans, Vectors

if TYPE_CHECKING:
    from rag.models.encoder import TextEncoder
    from rag.models.late import Late
    from rag.models.situated import Situated

WINDOW = 256  # tokens of windows that run at once: of four, attention's scores leave the processor's cache (5 % slower)


@component
class OnnxEmbedder:
    """`model` is "bundled", a folder, or a name in the local Hugging Face cache; options left out are the model's own.

    `tokens` adds token vectors to every embedding (for MaxSim search; they take some hundred times the space), of which
    `pool_factor` keeps one in so many, near ones joined. `sparse` adds the token weights of a model that has them, in
    place of a `sparse` stage (BGE-M3, see docs/models.md).
    `batch_tokens` is what runs at once on a core, padding included.

    `late` is the weight of the late-chunked vector beside the chunk's own, from 0 (none) to 1: the document is read in
    windows of `max_tokens` that share `overlap` tokens. `situated` is likewise the weight of the vector of the chunk
    and, behind `separator`, the text from `around` sentences before it to as many after it, for models trained for
    that (SitEmb). See docs/context.md.

    `truncate_dim` keeps the first columns of a model trained for that (Matryoshka, arXiv 2205.13147). `query_model`
    reads the questions, where a small one was trained into this one's space (LEAF, arXiv 2509.12539); exchanging it
    needs no new index.

    `layers` runs only the first so many, `temperature` below 1 makes attention sharper, `stretch` makes the model see
    so many times its window (then the default of `max_tokens`); see docs/models.md.

    `weights` is a file of `rag train embedder`: documents are read with it, while queries, and the chunk's own vector
    of a mixture, stay with the model itself.
    """

    model: str = "bundled"
    weights: str = ""
    max_tokens: Annotated[int, Ge(3)] | None = None
    truncate_dim: Annotated[int, Ge(1)] | None = None
    layers: Annotated[int, Ge(1)] | None = None
    temperature: Annotated[float, Gt(0), Le(1)] = 1.0
    stretch: Annotated[float, Ge(1)] = 1.0
    query_prefix: str | None = None
    document_prefix: str | None = None
    query_model: str | None = None
    tokens: bool = False
    pool_factor: Annotated[int, Ge(1)] = 1
    sparse: bool = False
    late: Annotated[float, Ge(0), Le(1)] = 0.0
    overlap: Annotated[int, Ge(0)] = 16
    situated: Annotated[float, Ge(0), Le(1)] = 0.0
    around: Annotated[int, Ge(1)] = 5
    separator: str = "\n\n"
    batch_tokens: Annotated[int, Ge(1)] = 1024

    def __post_init__(self) -> None:
        if self.late and self.situated:
            raise ConfigError("a chunk is read late or situated, not both: leave out `late` or `situated`.")
        if self.pool_factor > 1 and not self.tokens:
            raise ConfigError("embed.pool_factor is about token vectors: say `tokens: true`, or leave it out.")
        if (self.late or self.situated or self.query_model) and (self.tokens or self.sparse):
            raise ConfigError(
                "leave out `tokens`, `sparse`: they are of a chunk read by itself, by one model, and do not go with "
                "`late`, `situated` or `query_model`."
            )

    @property
    def dim(self) -> int:
        """Columns of the dense vectors."""
        return self._spec.dim

    @property
    def representations(self) -> frozenset[str]:
        """ "dense", and "tokens", "sparse" if asked for."""
        return frozenset({"dense", *["tokens"] * self.tokens, *["sparse"] * self.sparse})

    @property
    def idf(self) -> bool:
        """No: a model's token weights know already how much a word says."""
        return False

    @cached_property
    def fingerprint(self) -> str:
        """The same as `transformers` gives this model: their vectors are equal but for rounding."""
        situated = (self.situated, self.around, self.separator) if self.situated else ()
        own = self._spec.fingerprint(tokens=self.tokens, sparse=self.sparse)
        pool = self.pool_factor
        return fingerprint(
            own, weights=self._weights, late=self.late, overlap=self.overlap, situated=situated, pool=pool
        )

    def token_spans(self, texts: Sequence[str]) -> list[Spans]:
        """Character spans (n, 2) of each text's tokens, special tokens left out, nothing cut off."""
        return self._encoder.token_spans(texts)

    def embed_chunks(self, batch: Sequence[Chunked]) -> Embeddings:
        """Context and text of every chunk, behind the document prefix; `late` or `situated`, with the text around."""
        if self._in_text:
            return self._in_text.embed_chunks(batch)
        found = self._documents.embed_chunks(batch, tokens=self.tokens, sparse=self.sparse)
        return pooled_tokens(found, self.pool_factor)

    def windows(self, batch: Sequence[Chunked]) -> list[Chunked]:
        """The documents as they are, or with `late` and `situated` the windows in which they are read."""
        return self._in_text.windows(batch) if self._in_text else list(batch)

    def embed_queries(self, texts: Sequence[str]) -> Embeddings:
        """Every text behind the query prefix."""
        return self._queries.embed_queries(texts, tokens=self.tokens, sparse=self.sparse)

    def token_vectors(self, texts: Sequence[str], *, query: bool = False) -> list[Vectors]:
        """Unit-length vectors (tokens, width) of each text's tokens: what MaxSim compares."""
        return self._encoder.token_vectors(texts, query=query)

    def tuned(
        self, difference: Mapping[str, Vectors], *, fingerprint: str, max_tokens: int
    ) -> Callable[[Sequence[str]], Vectors]:
        """This model with `difference` added to its tensors: texts, cut at `max_tokens`, to vectors of this space.

        Raises MismatchError where `fingerprint` is not this embedder's, ModelError for tensors it does not have.
        """
        if fingerprint != self.fingerprint:
            raise MismatchError(
                f"embed: the weights were trained for another embedder than {self.model!r} with these options; train "
                "some for it with `rag train hop`, or use hop: links."
            )
        from rag.models.onnx_backend import text_encoder

        spec = replace(self._spec, max_tokens=min(max_tokens, self._spec.max_tokens))
        encoder = text_encoder(spec, batch_tokens=max_tokens, difference=difference)  # small batches: few texts a call

        def read(texts: Sequence[str]) -> Vectors:
            dense: Vectors | None = encoder.embed_queries(texts, tokens=False).dense
            return np.empty((0, self.dim), np.float32) if dense is None else dense

        return read

    @cached_property
    def _spec(self) -> ModelSpec:
        return read(
            self.model,
            max_tokens=self.max_tokens,
            truncate_dim=self.truncate_dim,
            query_prefix=self.query_prefix,
            document_prefix=self.document_prefix,
            variant=Variant(self.layers, self.temperature, self.stretch),
        )

    @cached_property
    def _encoder(self) -> TextEncoder:
        from rag.models.onnx_backend import text_encoder  # onnxruntime: not for a command that only reads the pipeline

        return text_encoder(self._spec, batch_tokens=self.batch_tokens)

    @cached_property
    def _documents(self) -> TextEncoder:
        """What reads documents: the model itself, or with its `weights`."""
        if not self._weights:
            return self._encoder
        from rag.models.deltas import load
        from rag.models.onnx_backend import text_encoder

        difference = load(self._weights, self._spec.folder)
        return text_encoder(self._spec, batch_tokens=self.batch_tokens, difference=difference)

    @cached_property
    def _queries(self) -> TextEncoder:
        if not self.query_model:
            return self._encoder
        from rag.models.onnx_backend import text_encoder

        prefix, truncate_dim = self.query_prefix, self.truncate_dim
        spec = query_side(self.query_model, self._spec, prefix=prefix, truncate_dim=truncate_dim)
        return text_encoder(spec, batch_tokens=self.batch_tokens)

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

        return Late(
            self._documents,
            weight=self.late,
            overlap=self.overlap,
            batch_tokens=min(self.batch_tokens, WINDOW),
            plain=self._encoder,
        )
