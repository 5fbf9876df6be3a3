"""The stages of a pipeline: one protocol each, synchronous, batch-first, one verb.

A component is a class decorated with `@component`: a frozen, keyword-only dataclass whose fields are its YAML options,
each with a description: `Annotated[int, Field(ge=1, description="Passages that are read.")]`. The pipeline fills in the
fields named in `INJECTED` (of a store: `INJECTED_IN_STORE`). Constructors are light: a model is loaded on first use
(`functools.cached_property`), so that building and checking a pipeline costs nothing. No call changes a component.

What a component may offer besides its stage are protocols too (`Estimator`, `Tunable`, ...): ask with `isinstance`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, dataclass_transform, runtime_checkable

from rag.types import (
    AnswerSide,
    Chunk,
    Chunked,
    Document,
    Embeddings,
    Estimate,
    Hit,
    Loaded,
    Query,
    Source,
    Spans,
    Vector,
    Vectors,
)

T = TypeVar("T")

INJECTED = frozenset({"embedder", "store", "generator"})
INJECTED_IN_STORE = frozenset({"path", "dim", "sparse", "idf", "tokens", "readonly", "generation"})


@dataclass_transform(kw_only_default=True, frozen_default=True)
def component(cls: type[T]) -> type[T]:
    """Make `cls` a component: its annotated fields are its options."""
    return dataclass(frozen=True, kw_only=True)(cls)


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
        self, difference: Mapping[str, Vectors], *, fingerprint: str, max_tokens: int
    ) -> Callable[[Sequence[str]], Vectors]:
        """This model with `difference` added to its tensors, as texts -> unit vectors of the same space.

        Raises MismatchError where `fingerprint` is not this embedder's.
        """


@runtime_checkable
class JointEmbedder(Protocol):
    """An embedder made of several. A gate asks which of them makes the dense vectors."""

    @property
    def dense(self) -> Embedder:
        """The embedder of the dense vectors."""


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
        the vectors they name by score, each list's from 0 to 1. With `vectors`, hits carry their dense vector. All
        queries go to the engine as one batch.
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
class ServedStore(Store, Protocol):
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

    def count(self) -> int:
        """How many chunks are stored, exactly."""


@runtime_checkable
class Retriever(Protocol):
    """First stage: from queries to hits."""

    def prepare(self, texts: Sequence[str]) -> list[Query]:
        """Questions as queries with the representations this retriever searches by."""

    def retrieve(self, queries: Sequence[Query], *, k: int) -> list[list[Hit]]:
        """The k best hits of each query, best first."""


@runtime_checkable
class KindRetriever(Protocol):
    """A retriever that searches by certain vectors says which: a pipeline must make them."""

    @property
    def needs(self) -> frozenset[str]:
        """Of "dense", "sparse" and "tokens"."""


@runtime_checkable
class Hopper(Protocol):
    """From a frontier of queries and what each found to the next frontier. A pure function; [] stops."""

    @property
    def hops(self) -> int:
        """How many hops may follow the first retrieval."""

    def hop(self, queries: Sequence[Query], hits: Sequence[Sequence[Hit]]) -> list[Query]:
        """Next queries, each with `hop` one higher and a `trail` that ends in the hit that spawned it.

        `hits[i]` are the hits of `queries[i]` that were not in the tree before, with vectors.
        """

    def rank(self, question: Query, hits: Sequence[Hit], *, k: int) -> list[Hit]:
        """One list of the k best from the whole tree, best first, scores comparable within the list."""


@runtime_checkable
class PruningHopper(Protocol):
    """A hopper that says which hits enter the tree, and go on."""

    def prune(self, queries: Sequence[Query], hits: Sequence[Sequence[Hit]], tree: Sequence[Hit]) -> list[list[Hit]]:
        """Of everything that each query found, what goes on; `tree` holds the hits of earlier hops.

        A chunk that several queries found may stand in several lists; the tree takes the first.
        """


@runtime_checkable
class DenseHopper(Protocol):
    """A hopper whose queries have a dense vector and no other: a search by others alone finds nothing for them."""

    @property
    def dense_only(self) -> bool:
        """True."""


@runtime_checkable
class Reranker(Protocol):
    """Second stage: puts hits into a better order."""

    def rerank(self, questions: Sequence[str], hits: Sequence[Sequence[Hit]]) -> list[list[Hit]]:
        """The same hits of each question with new scores, best first."""


@runtime_checkable
class Generator(Protocol):
    """Writes the answer from evidence."""

    def stream(self, question: str, hits: Sequence[Hit]) -> Iterator[str]:
        """Text in pieces; claims carry markers [n], counted from 1, that name `hits[n - 1]`.

        An answer that the evidence does not hold is the empty text. A generator function may return what the answer
        cost, {"llm_calls", "prompt_tokens", "completion_tokens"}: `Answer.usage`. Raises GeneratorError.
        """


@runtime_checkable
class Confident(Protocol):
    """A generator that knows how likely its answer is right."""

    def confidence(self, question: str, hits: Sequence[Hit]) -> float:
        """From 0 to 1, for the answer it gives or would give to the same question and hits."""


class Finder(Protocol):
    """What a generator may look up while it writes. Every passage it was given has a number: a marker names it."""

    @property
    def hits(self) -> Sequence[Hit]:
        """The passages so far; number n is `hits[n - 1]`."""

    def search(self, query: str) -> list[int]:
        """The numbers of the best passages for a query, best first."""

    def hop(self, number: int) -> list[int]:
        """The numbers of passages that this one leads to; none where it leads nowhere, or has no such number."""


@runtime_checkable
class Exploring(Protocol):
    """A generator that may look up more while it writes, where its options allow it."""

    @property
    def search(self) -> int:
        """How many times; 0 for never."""

    def explore(self, question: str, finder: Finder) -> Iterator[str]:
        """As `Generator.stream`, over `finder.hits`, which grow."""


@runtime_checkable
class Weighing(Protocol):
    """A generator that sees where its sources disagree."""

    def sides(self, question: str, hits: Sequence[Hit]) -> tuple[AnswerSide, ...]:
        """What each side says, of the same question and hits; nothing where they agree."""


@runtime_checkable
class LanguageBound(Protocol):
    """A generator that gives short answers in some languages only, as two-letter codes; elsewhere it quotes."""

    @property
    def languages(self) -> tuple[str, ...]:
        """Those it was trained for."""


@runtime_checkable
class LanguageModel(Protocol):
    """A generator that has a language model also replies to messages of any content."""

    @property
    def model(self) -> str:
        """The name of the model: what it wrote is kept under it."""

    def reply(self, messages: Sequence[Mapping[str, str]]) -> Iterator[str]:
        """The model's own words in pieces; messages have a "role" and a "content". Raises GeneratorError."""


class WorkerLost(Exception):
    """The worker that ran a task died, again and again."""


class Engine(Protocol):
    """Workers that run functions, in other processes or on other machines."""

    @property
    def workers(self) -> int:
        """How many tasks run at once, now."""

    def submit(self, call: Callable[..., Any], *args: Any, gpu: bool = False) -> "Future[Any]":
        """Run a function of an installed module on a worker, with `gpu` on one that has a GPU where that was asked for.

        It is not tried again when the worker dies: `is_lost` knows that error. Raises RagError, as `check` does.
        """

    def is_lost(self, error: BaseException) -> bool:
        """Whether a future raised this because its worker died, or the engine did."""

    def check(self) -> None:
        """Raises RagError when nothing can be run any more."""

    def close(self) -> None:
        """Let go of the workers, whatever became of them; end those that it started."""


@runtime_checkable
class Executor(Protocol):
    """Says where an ingest parses, chunks and embeds: in this process, unless it is a `WorkerExecutor`."""

    @property
    def batch(self) -> int:
        """Chunks that are embedded at once; 0 for the usual number."""


@runtime_checkable
class WorkerExecutor(Executor, Protocol):
    """An executor that has workers. The process of the ingest alone writes the index."""

    def start(self) -> Engine:
        """Connect to the workers, or start them. Raises MissingExtra, RagError."""


STAGES: Mapping[str, type[Any]] = {
    "connector": Connector,
    "chunk": Chunker,
    "embed": Embedder,
    "sparse": Embedder,
    "store": Store,
    "retrieve": Retriever,
    "hop": Hopper,
    "rerank": Reranker,
    "generate": Generator,
    "ingest": Executor,
}
