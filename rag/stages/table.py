"""The stages by their keys in a pipeline file."""

from collections.abc import Mapping
from typing import Any

from rag.stages.documents import Chunker, Connector
from rag.stages.embedder import Embedder
from rag.stages.executor import Executor
from rag.stages.generator import Generator
from rag.stages.search import Hopper, Reranker, Retriever
from rag.stages.store import Store

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
