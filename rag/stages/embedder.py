"""The embedder, and what it may offer besides."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, runtime_checkable

from rag.types import Chunked, Embeddings, Precision, Spans, Vector, Vectors


@runtime_checkable
class Embedder(Protocol):
    """Turns chunks and questions into vectors of one space."""

    @property
    def dim(self) -> int:
        """Columns of the dense representation; 0 when there is none."""

    @property
    def representations(self) -> frozenset[str]:
        """Which of "dense", "sparse", "tokens" `embed_chunks` fills."""

    @property
    def fingerprint(self) -> str:
        """Changes when the same chunk would get other vectors; the query side is not part of it."""

    def token_spans(self, texts: Sequence[str]) -> list[Spans]:
        """Character spans (n, 2) of each text's tokens, special tokens left out: what a chunk budget counts."""

    def embed_chunks(self, batch: Sequence[Chunked]) -> Embeddings:
        """One row per chunk of all documents, in order."""

    def embed_queries(self, texts: Sequence[str]) -> Embeddings:
        """One row per text, in order."""


@runtime_checkable
class TokenEmbedder(Protocol):
    """An embedder with a vector for each token, for late interaction (MaxSim)."""

    def token_vectors(self, texts: Sequence[str], *, query: bool = False) -> list[Vectors]:
        """Unit-length vectors (tokens, width) of each text's tokens."""


@runtime_checkable
class WideTokenEmbedder(TokenEmbedder, Protocol):
    """A token embedder says how wide their vectors are, which may be others than a text's."""

    @property
    def token_dim(self) -> int:
        """Columns of a token's vector."""


@runtime_checkable
class ChatEmbedder(Protocol):
    """An embedder whose model reads chat messages, for prompts that hold a question and passages."""

    def embed_messages(self, texts: Sequence[str]) -> Vectors:
        """The vectors (n, dim) of texts, each as a user's message in the model's chat template."""


@runtime_checkable
class SparseEmbedder(Protocol):
    """An embedder with sparse vectors says how a store compares them. Without this, a store uses `idf`."""

    @property
    def idf(self) -> bool:
        """Whether the engine multiplies a query's sparse values by how rare each word is in the index."""


@runtime_checkable
class WindowEmbedder(Protocol):
    """An embedder whose chunk vectors depend on the text around the chunk. Ingest embeds it in windows."""

    def windows(self, batch: Sequence[Chunked]) -> list[Chunked]:
        """The batch in parts, every chunk in one of them; `embed_chunks` embeds each part without the others.

        A part is a whole document where vectors depend on `contextual` alone; otherwise it is marked as a window. A
        window may be embedded with only some of its chunks: they get the same vectors.
        """


@runtime_checkable
class ProbedEmbedder(Protocol):
    """An embedder that cannot know whether its model changed: an index keeps its vector of a fixed text."""

    def probe(self) -> Vector:
        """That vector, at length one, made now. Raises RagError."""


@runtime_checkable
class BoundedEmbedder(Protocol):
    """An embedder that reads so many tokens of a chunk and no more."""

    @property
    def longest(self) -> int | None:
        """Tokens of the longest chunk with its context that is read whole, special ones left out; None: any is."""

    def count_unread(self, texts: Sequence[str]) -> list[int]:
        """How many tokens of each text, a chunk with its context, no vector sees."""


@runtime_checkable
class Tunable(Protocol):
    """An embedder whose query side the hop encoder can exchange."""

    def tune(
        self,
        difference: Mapping[str, Vectors],
        *,
        fingerprint: str,
        max_tokens: int,
        precision: Precision = "float32",
    ) -> Callable[[Sequence[str]], Vectors]:
        """This model with `difference` added to its tensors, as texts -> unit vectors of the same space.

        Where it can, it computes in this precision.

        Raises MismatchError where `fingerprint` is not this embedder's.
        """


@runtime_checkable
class RoundedEmbedder(Protocol):
    """An embedder that may compute with fewer bits than its model has: weights trained for the exact one fit it."""

    @property
    def exact(self) -> str:
        """The fingerprint of the exact one."""


@runtime_checkable
class JointEmbedder(Protocol):
    """An embedder made of two. A gate asks which of them makes the dense vectors."""

    @property
    def dense(self) -> Embedder:
        """The embedder of the dense vectors."""

    @property
    def sparse(self) -> Embedder:
        """The embedder of the sparse vectors."""
