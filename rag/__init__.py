"""raghop: multi-hop question answering over your own documents, with citations checked against the text.

The public names, resolved when they are first used, so that `import rag` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from rag.chunk.cut import cut
    from rag.conversation import Conversation
    from rag.errors import RagError
    from rag.index.folder import Index
    from rag.ingest.report import FileReport, Report
    from rag.pipeline import Event, Pipeline
    from rag.pool import Pool
    from rag.stages import component
    from rag.types import (
        Answer,
        Chunk,
        Chunked,
        Citation,
        Document,
        Embeddings,
        Filter,
        Hit,
        Query,
        Range,
        Section,
        Statement,
    )

__all__ = [
    "Answer", "Chunk", "Chunked", "Citation", "Conversation", "Document", "Embeddings", "Event", "FileReport", "Filter",
    "Hit", "Index", "Pipeline", "Pool", "Query", "RagError", "Range", "Report", "Section", "Statement", "component",
    "cut",
]  # fmt: skip

_HOME = {  # where a name is, if not in rag.types
    "Conversation": "conversation", "Event": "pipeline", "FileReport": "ingest.report", "Index": "index.folder",
    "Pipeline": "pipeline", "Pool": "pool", "RagError": "errors", "Report": "ingest.report", "component": "stages",
    "cut": "chunk.cut",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'rag' has no attribute {name!r}")
    return getattr(import_module(f"rag.{_HOME.get(name, 'types')}"), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
