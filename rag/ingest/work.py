"""Where an ingest parses, cuts and embeds: here, in this process, or on workers (`rag.ingest.executors`)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from rag.config import Stages
from rag.ingest.load import load
from rag.ingest.report import Rate
from rag.ingest.rows import check_rows
from rag.stages import Connector
from rag.types import Chunked, Embeddings, Loaded, Source


class Cut(NamedTuple):
    """A document with its chunks, the keys of their vectors, and how many chunks the embedder does not read whole."""

    chunked: Chunked
    keys: Sequence[str]
    unread: int = 0


class Read(NamedTuple):
    """A source that was read. Where its documents were cut, too: a cut for each, or None and the reason by its id."""

    loaded: Loaded
    cuts: Sequence[Cut | None] | None = None
    reasons: Mapping[str, str] = {}


class Made(NamedTuple):
    """The vectors of a slice, one row per chunk, and how many tokens were read for them, where that is counted."""

    embeddings: Embeddings
    tokens: int = 0


class Work(Protocol):
    """The parts of an ingest that can be done anywhere. None of them writes anything."""

    @property
    def slice(self) -> int:
        """Chunks that are embedded together; 0 for the usual number."""

    @property
    def ahead(self) -> int:
        """How many windows of sources may be begun before the first of them is finished."""

    @property
    def rates(self) -> Mapping[str, Rate]:
        """What each worker did so far, by its name."""

    def read(self, sources: Sequence[Source], same: Sequence[str]) -> Iterator[Read]:
        """Every source in order. One whose sha256 is that in `same` need not be cut, nor its documents be given."""

    def begin(self, part: Sequence[Chunked]) -> object:
        """Let the vectors of a slice be made."""

    def finish(self, part: Sequence[Chunked], begun: object) -> Made:
        """Wait for them. Raises what the embedder raises, and BadRows."""


@dataclass(frozen=True, slots=True)
class Here:
    """In this process, when it is asked for; the connector may have processes of its own."""

    stages: Stages
    connector: Connector
    counting: bool = False
    slice: int = 0
    ahead: int = 0
    rates: Mapping[str, Rate] = field(default_factory=dict)

    def read(self, sources: Sequence[Source], same: Sequence[str]) -> Iterator[Read]:
        """In the order in which the connector gives them, not cut."""
        return map(Read, load(self.connector, sources))

    def begin(self, part: Sequence[Chunked]) -> object:
        """Nothing yet."""
        return None

    def finish(self, part: Sequence[Chunked], begun: object) -> Made:
        """The vectors, made now."""
        return make(self.stages, part, counting=self.counting)


def make(stages: Stages, part: Sequence[Chunked], *, counting: bool) -> Made:
    """The vectors of a slice, checked. Raises what the embedder raises, and BadRows."""
    embedder = stages.embedder
    texts = [chunk.contextual for chunked in part for chunk in chunked.chunks]
    embeddings = embedder.embed_chunks(part)
    check_rows(embeddings, len(texts), embedder.dim, embedder.representations)
    return Made(embeddings, sum(map(len, embedder.token_spans(texts))) if counting else 0)
