"""The stages that documents go through, connector and chunker, and what these may offer besides."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol, runtime_checkable

from rag.types import Chunked, Document, Estimate, Loaded, Source


@runtime_checkable
class Connector(Protocol):
    """Finds sources and turns them into documents."""

    @property
    def fingerprint(self) -> str:
        """Changes when the same bytes would give other documents (parser version, options)."""

    def scan(self, roots: Sequence[str], *, base: str) -> Iterator[Source]:
        """Every source under the roots, in name order, named relative to `base`; reads no content.

        What cannot be looked at is given with its reason, and fails when it is loaded.
        Raises InputError for a root that does not exist.
        """

    def load(self, sources: Iterable[Source]) -> Iterator[Loaded]:
        """One `Loaded` per source, in any order. A bad source gives status "failed" and a reason; it never raises."""


@runtime_checkable
class Chunker(Protocol):
    """Decides where documents are cut. Spans only: how a chunk is embedded is the embedder's business."""

    @property
    def fingerprint(self) -> str:
        """Changes when the same document would give other chunks."""

    def chunk(self, documents: Sequence[Document]) -> list[Chunked]:
        """One `Chunked` per document, in order; chunks in text order with `document.text[start:end] == text`."""


@runtime_checkable
class Estimator(Protocol):
    """What a chunker may offer besides, where a language model writes for it: to say beforehand what that will take."""

    def estimate(self, documents: Iterable[Document]) -> Estimate | None:
        """What these documents will take; None, without reading any, where no language model is asked.

        Raises ConfigError where it cannot be asked.
        """
