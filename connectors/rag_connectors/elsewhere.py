"""The base of connectors whose documents are no plain files of this machine: they look, then fetch one by one.

What is fetched is a temporary file for as long as it is parsed, by the parsers of the `files` connector and in the same
limits. A connector says what is there (`_look`) and brings it: by a connection that is held (`_fetcher`), or each by
itself (`Direct._fetch`).
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

from rag.stages import component
from rag.types import Loaded, Source
from rag_connectors.files import Files
from rag_connectors.staging import Fetched, load_fetched


@component
class Elsewhere(Files, ABC):
    """Documents that have to be fetched. `gitignore` has no meaning for them."""

    @property
    def fingerprint(self) -> str:
        """Of the connector and what shapes documents of what it brings."""
        return f"{type(self).__name__} {super().fingerprint}"

    def scan(self, roots: Sequence[str], *, base: str) -> Iterator[Source]:
        """Every source under the roots, in name order. Raises InputError for a root that cannot be looked at."""
        base = os.path.realpath(base)
        yield from self._in_order({one.name: one for root in roots for one in self._look(root, base)}.values())

    def load(self, sources: Iterable[Source]) -> Iterator[Loaded]:
        """One `Loaded` per source, in their order."""
        with self._fetcher() as fetch:
            yield from load_fetched(super().load, sources, fetch)

    @abstractmethod
    def _look(self, root: str, base: str) -> Iterable[Source]:
        """What is under a root, without its content. Raises InputError."""

    @abstractmethod
    def _fetcher(self) -> AbstractContextManager[Callable[[Source], Fetched]]:
        """A function that gives a source's bytes, as long as the context is open. It raises FetchError."""


@component
class Direct(Elsewhere):
    """Documents that are fetched each by itself."""

    @abstractmethod
    def _fetch(self, source: Source) -> Fetched:
        """A source's bytes. Raises FetchError."""

    @contextmanager
    def _fetcher(self) -> Iterator[Callable[[Source], Fetched]]:
        yield self._fetch
