"""The stages of a pipeline: one protocol each, synchronous, batch-first, one verb.

A component is a class decorated with `@component`: a frozen, keyword-only dataclass whose fields are its YAML options,
each with a description: `Annotated[int, Field(ge=1, description="Passages that are read.")]`. The pipeline fills in the
fields named in `INJECTED` (of a store: `INJECTED_IN_STORE`). Constructors are light: a model is loaded on first use
(`functools.cached_property`), so that building and checking a pipeline costs nothing. No call changes a component.

What a component may offer besides its stage are protocols too (`Estimator`, `Tunable`, ...), which stand beside the
stage they belong to: ask with `isinstance`. Everything is imported from here.
"""

from rag.stages.component import INJECTED, INJECTED_IN_STORE, component
from rag.stages.documents import Chunker, Connector, Estimator
from rag.stages.embedder import (
    BoundedEmbedder,
    ChatEmbedder,
    Embedder,
    JointEmbedder,
    ProbedEmbedder,
    RoundedEmbedder,
    SparseEmbedder,
    TokenEmbedder,
    Tunable,
    WideTokenEmbedder,
    WindowEmbedder,
)
from rag.stages.executor import Engine, Executor, WorkerExecutor, WorkerLost
from rag.stages.generator import Confident, Exploring, Finder, Generator, LanguageBound, LanguageModel, Weighing
from rag.stages.search import DenseHopper, Hopper, KindRetriever, PruningHopper, Reranker, Retriever
from rag.stages.store import CountingStore, LocalStore, ServedStore, Store
from rag.stages.table import STAGES

__all__ = [
    "INJECTED",
    "INJECTED_IN_STORE",
    "STAGES",
    "BoundedEmbedder",
    "ChatEmbedder",
    "Chunker",
    "Confident",
    "Connector",
    "CountingStore",
    "DenseHopper",
    "Embedder",
    "Engine",
    "Estimator",
    "Executor",
    "Exploring",
    "Finder",
    "Generator",
    "Hopper",
    "JointEmbedder",
    "KindRetriever",
    "LanguageBound",
    "LanguageModel",
    "LocalStore",
    "ProbedEmbedder",
    "PruningHopper",
    "Reranker",
    "Retriever",
    "RoundedEmbedder",
    "ServedStore",
    "SparseEmbedder",
    "Store",
    "TokenEmbedder",
    "Tunable",
    "Weighing",
    "WideTokenEmbedder",
    "WindowEmbedder",
    "WorkerExecutor",
    "WorkerLost",
    "component",
]
