"""What the doors read of an index: `rag.index.visible`, in a thread, narrowed by who asks."""

import asyncio
from collections.abc import Callable
from contextlib import closing
from typing import TypeVar

from rag.index.folder import Index
from rag.index.manifest import Manifest
from rag.index.visible import DocumentRow, count_documents, find_chunks, find_document, list_documents

T = TypeVar("T")

__all__ = ["DocumentRow", "count_documents", "find_chunks", "find_document", "list_documents", "read_index"]


async def read_index(index: Index, work: Callable[[Manifest], T]) -> T:
    """What a function of the manifest gives, in a thread. Raises IndexMissing, CorruptError."""

    def run() -> T:
        with closing(index.read_manifest()) as manifest:
            return work(manifest)

    return await asyncio.to_thread(run)
