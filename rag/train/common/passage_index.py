"""Passages in a temporary index as the default pipeline would have it, one passage a chunk: where trees grow to learn
from, without ingesting anything. Vectors are given, since training computes them once for everything."""

from collections.abc import Sequence
from pathlib import Path

from rag.embed.bm25 import Bm25
from rag.embed.hybrid import HybridEmbedder
from rag.embed.onnx import OnnxEmbedder
from rag.retrieve.search import SearchRetriever
from rag.stages import Hopper
from rag.store.edge import EdgeStore
from rag.text.mentions import document_keys, span_keys
from rag.types import Chunk, Chunked, Document, Embeddings, Hit, Query, Vectors

DEPTH = 30  # hits of a query, as in the default pipeline


def chunk_id(row: int) -> str:
    """The id of the chunk made of a passage, by its number."""
    return f"00000000-0000-0000-0000-{row:012d}"


def index(
    passages: Sequence[tuple[str, str]], vectors: Vectors, embedder: OnnxEmbedder, folder: Path
) -> SearchRetriever:
    """Hybrid search over passages (title, text) with the dense `vectors` (n, d), stored in an empty folder."""
    chunked = []
    for row, (title, text) in enumerate(passages):
        document = Document(chunk_id(row), "", text, title)
        about = tuple(dict.fromkeys(document_keys(document) + span_keys(document, 0, len(text))))
        chunk = Chunk(chunk_id(row), document.id, text, 0, len(text), "", title, title, about)
        chunked.append(Chunked(document, (chunk,)))
    store = EdgeStore(path=str(folder), dim=embedder.dim)
    sparse = Bm25().embed_chunks(chunked).sparse
    store.write([item.chunks[0] for item in chunked], Embeddings(dense=vectors, sparse=sparse))
    store.flush()
    return SearchRetriever(embedder=HybridEmbedder(dense=embedder, sparse=Bm25()), store=store)


def grow(search: SearchRetriever, question: Query, hopper: Hopper | None, *, depth: int = DEPTH) -> list[Hit]:
    """The tree of a question, as the answer graph grows it."""
    tree: list[Hit] = []
    frontier = [question]
    while frontier:
        seen = {hit.chunk.id for hit in tree}
        found: list[list[Hit]] = []
        for hits in search.retrieve(frontier, k=depth):
            found.append([hit for hit in hits if hit.chunk.id not in seen])
            seen.update(hit.chunk.id for hit in found[-1])
        tree += [hit for hits in found for hit in hits]
        if hopper is None or frontier[0].hop >= hopper.hops or not any(found):
            break
        frontier = hopper.hop(frontier, found)
    return tree
