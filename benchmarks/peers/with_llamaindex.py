"""LlamaIndex: an IngestionPipeline with a docstore, which finds out what has changed, into Qdrant's local mode.

Its hybrid mode on Qdrant needs a sparse model from a hub, so search is dense. The cache of an IngestionPipeline is
switched off: beside a docstore it does nothing but be written.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.peers.protocol import TOKENS, TOKENS_OVERLAP

COLLECTION = "docs"


class LlamaIndex:
    """SimpleDirectoryReader, SentenceSplitter, HuggingFaceEmbedding, QdrantVectorStore."""

    def __init__(self, model: str, by: str) -> None:
        self._model = model
        self._retriever: Any = None
        self._index: Any = None

    def build(self, docs: Path, index: Path) -> None:
        self._sync(docs, index, known=False)

    def update(self, docs: Path, index: Path) -> None:
        self._sync(docs, index, known=True)

    def open(self, index: Path) -> None:
        from llama_index.core import VectorStoreIndex

        self._index = VectorStoreIndex.from_vector_store(self._store(index)[0], embed_model=self._embedding())

    def search(self, question: str, k: int) -> Sequence[str]:
        if self._retriever is None:
            self._retriever = self._index.as_retriever(similarity_top_k=k)
        return [hit.metadata["file_name"] for hit in self._retriever.retrieve(question)]

    def _embedding(self) -> Any:
        from llama_index.embeddings.huggingface import HuggingFaceEmbedding

        return HuggingFaceEmbedding(model_name=self._model, device="cpu")

    def _store(self, index: Path) -> tuple[Any, Any]:
        from llama_index.vector_stores.qdrant import QdrantVectorStore
        from qdrant_client import QdrantClient

        client = QdrantClient(path=str(index / "qdrant"))
        return QdrantVectorStore(client=client, collection_name=COLLECTION), client

    def _sync(self, docs: Path, index: Path, *, known: bool) -> None:
        from llama_index.core import SimpleDirectoryReader
        from llama_index.core.ingestion import DocstoreStrategy, IngestionPipeline
        from llama_index.core.node_parser import SentenceSplitter
        from llama_index.core.storage.docstore import SimpleDocumentStore

        store, client = self._store(index)
        memory = str(index / "docstore.json")
        pipeline = IngestionPipeline(
            transformations=[SentenceSplitter(chunk_size=TOKENS, chunk_overlap=TOKENS_OVERLAP), self._embedding()],
            vector_store=store,
            docstore=SimpleDocumentStore.from_persist_path(memory) if known else SimpleDocumentStore(),
            docstore_strategy=DocstoreStrategy.UPSERTS_AND_DELETE,
            disable_cache=True,
        )
        pipeline.run(documents=SimpleDirectoryReader(str(docs), filename_as_id=True).load_data())
        pipeline.docstore.persist(memory)
        client.close()
