"""LangChain: Qdrant's local mode behind `index` with a record manager, which finds out what has changed.

langchain-qdrant's hybrid mode needs a sparse model from a hub, so search is dense.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.peers.protocol import CHARACTERS, OVERLAP, files

COLLECTION = "docs"


class LangChain:
    """RecursiveCharacterTextSplitter, HuggingFaceEmbeddings, QdrantVectorStore."""

    def __init__(self, model: str, by: str) -> None:
        self._model = model
        self._store: Any = None

    def build(self, docs: Path, index: Path) -> None:
        from qdrant_client import QdrantClient, models

        client = QdrantClient(path=str(index / "qdrant"))
        size = models.VectorParams(size=384, distance=models.Distance.COSINE)
        client.create_collection(COLLECTION, vectors_config=size)
        self._sync(docs, index, client)

    def update(self, docs: Path, index: Path) -> None:
        from qdrant_client import QdrantClient

        self._sync(docs, index, QdrantClient(path=str(index / "qdrant")))

    def open(self, index: Path) -> None:
        from qdrant_client import QdrantClient

        self._store = self._vectors(QdrantClient(path=str(index / "qdrant")))

    def search(self, question: str, k: int) -> Sequence[str]:
        return [document.metadata["source"] for document in self._store.similarity_search(question, k=k)]

    def _vectors(self, client: Any) -> Any:
        from langchain_huggingface import HuggingFaceEmbeddings
        from langchain_qdrant import QdrantVectorStore

        embedding = HuggingFaceEmbeddings(
            model_name=self._model, model_kwargs={"device": "cpu"}, encode_kwargs={"normalize_embeddings": True}
        )
        return QdrantVectorStore(client=client, collection_name=COLLECTION, embedding=embedding)

    def _sync(self, docs: Path, index: Path, client: Any) -> None:
        from langchain_classic.indexes import SQLRecordManager
        from langchain_core.documents import Document
        from langchain_core.indexing import index as sync
        from langchain_text_splitters import RecursiveCharacterTextSplitter

        splitter = RecursiveCharacterTextSplitter(chunk_size=CHARACTERS, chunk_overlap=OVERLAP)
        pages = [
            Document(page_content=path.read_text(encoding="utf-8"), metadata={"source": path.name})
            for path in files(docs)
        ]
        records = SQLRecordManager("qdrant/docs", db_url=f"sqlite:///{index / 'records.sqlite'}")
        records.create_schema()
        sync(
            splitter.split_documents(pages), records, self._vectors(client),
            cleanup="full", source_id_key="source", key_encoder="sha1",  # of which Qdrant takes the UUIDs
        )  # fmt: skip
        client.close()
