"""Haystack: an indexing pipeline into Qdrant's local mode; what has changed is overwritten.

Its duplicate policies compare ids after embedding, and its cache checker does not see that a file has changed: the
ledger says which files go through the pipeline, and the old chunks of those are deleted by a filter. Hybrid search on
Qdrant needs a sparse model from a hub, so search is dense.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.peers.protocol import WORDS, WORDS_OVERLAP, changed, files, write_ledger


class Haystack:
    """TextFileToDocument, DocumentSplitter, SentenceTransformersDocumentEmbedder, DocumentWriter."""

    def __init__(self, model: str, by: str) -> None:
        self._model = model
        self._pipeline: Any = None

    def build(self, docs: Path, index: Path) -> None:
        store = self._store(index)
        self._write(store, files(docs))
        write_ledger(docs, index)
        store.close()

    def update(self, docs: Path, index: Path) -> None:
        store, paths = self._store(index), changed(docs, index)
        names = [path.name for path in paths]
        store.delete_by_filter({"field": "meta.file_path", "operator": "in", "value": names})
        self._write(store, paths)
        write_ledger(docs, index)
        store.close()

    def open(self, index: Path) -> None:
        from haystack import Pipeline
        from haystack_integrations.components.embedders.sentence_transformers import SentenceTransformersTextEmbedder
        from haystack_integrations.components.retrievers.qdrant import QdrantEmbeddingRetriever

        pipeline = Pipeline()
        pipeline.add_component("embed", SentenceTransformersTextEmbedder(model=self._model, progress_bar=False))
        pipeline.add_component("retrieve", QdrantEmbeddingRetriever(document_store=self._store(index)))
        pipeline.connect("embed.embedding", "retrieve.query_embedding")
        self._pipeline = pipeline

    def search(self, question: str, k: int) -> Sequence[str]:
        found = self._pipeline.run({"embed": {"text": question}, "retrieve": {"top_k": k}})
        return [document.meta["file_path"] for document in found["retrieve"]["documents"]]

    def _store(self, index: Path) -> Any:
        from haystack_integrations.document_stores.qdrant import QdrantDocumentStore

        return QdrantDocumentStore(path=str(index / "qdrant"), embedding_dim=384, progress_bar=False)

    def _write(self, store: Any, paths: Sequence[Path]) -> None:
        from haystack import Pipeline
        from haystack.components.converters import TextFileToDocument
        from haystack.components.preprocessors import DocumentSplitter
        from haystack.components.writers import DocumentWriter
        from haystack.document_stores.types import DuplicatePolicy
        from haystack_integrations.components.embedders.sentence_transformers import (
            SentenceTransformersDocumentEmbedder,
        )

        pipeline = Pipeline()
        pipeline.add_component("read", TextFileToDocument())
        pipeline.add_component(
            "split", DocumentSplitter(split_by="word", split_length=WORDS, split_overlap=WORDS_OVERLAP)
        )
        pipeline.add_component("embed", SentenceTransformersDocumentEmbedder(model=self._model, progress_bar=False))
        pipeline.add_component("write", DocumentWriter(document_store=store, policy=DuplicatePolicy.OVERWRITE))
        for ends in (("read", "split"), ("split", "embed"), ("embed", "write")):
            pipeline.connect(*ends)
        pipeline.run({"read": {"sources": list(paths)}})
