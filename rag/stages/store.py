"""The store, and what a local or a served one offers besides."""

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

from rag.types import Chunk, Embeddings, Hit, Query


@runtime_checkable
class Store(Protocol):
    """Chunks with their vectors, searchable. Writes are upserts by chunk id."""

    def write(self, chunks: Sequence[Chunk], embeddings: Embeddings) -> None:
        """Add or replace. Checks shapes, finiteness and non-zero norms of the whole batch before writing any of it.

        Raises StoreError naming the first bad row.
        """

    def search(
        self,
        queries: Sequence[Query],
        *,
        k: int,
        using: str,
        vectors: bool = False,
        weights: Mapping[str, float] | None = None,
    ) -> list[list[Hit]]:
        """The k best hits of each query, best first, ties by chunk id; hits carry the query's hop and trail.

        `using` is "dense", "sparse", "tokens" (MaxSim) or "hybrid": dense and sparse by rank (RRF), or with `weights`
        the vectors they name by score, each list's from 0 to 1; "either" goes by score where the words of a query
        single out few chunks, else by rank. With `vectors`, hits carry their dense vector. All queries go to the engine
        as one batch.
        """

    def fetch(self, ids: Sequence[str], *, vectors: bool = False) -> list[Hit]:
        """The stored chunks among `ids`, in the order asked for, with score 0; unknown ids are left out."""

    def delete(self, ids: Sequence[str]) -> None:
        """Remove these chunks; unknown ids are ignored."""

    def ids(self) -> set[str]:
        """Every stored chunk id."""

    def flush(self) -> None:
        """Make what was written durable."""

    def close(self) -> None:
        """Release the engine. Idempotent."""


@runtime_checkable
class LocalStore(Store, Protocol):
    """A store in a folder of this machine: an index keeps generations of it, each built beside the one that answers."""

    @property
    def path(self) -> str:
        """The folder; "" until the pipeline names one."""


@runtime_checkable
class CountingStore(Store, Protocol):
    """A store that knows how many chunks it has without listing them."""

    def count(self) -> int:
        """How many chunks are stored, exactly."""


@runtime_checkable
class ServedStore(CountingStore, Protocol):
    """A store on a server, which can fill a collection beside the one that is read, and exchange them at once."""

    def is_live(self) -> bool:
        """Whether anything is read yet."""

    def beside(self) -> "ServedStore":
        """The collection that is not read, with what an interrupted run left in it; its `generation` is its name."""

    @property
    def generation(self) -> str:
        """The name of the collection that is meant in place of the one that is read; ""."""

    def discard(self) -> None:
        """Remove the collection of this generation."""

    def go_live(self) -> None:
        """Let this generation be read in place of the other, which is removed."""
