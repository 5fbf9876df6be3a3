"""What `rerank: maxsim` costs when it reads the index's token vectors, against encoding passages for every question.

    python -m benchmarks.maxsim [--data DIR] [--passages 300] [--questions 20]

SQuAD paragraphs, one chunk each, bundled model, the default store with token vectors; the first 15 hybrid hits of a
question are reordered both ways. Prints CPU seconds a question, how often both give the same order, and how much larger
token vectors make an index. Encoding the question is part of both.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import NAMESPACE_URL, uuid5

from benchmarks.common import DATA
from rag.embed.bm25 import Bm25
from rag.embed.hybrid import HybridEmbedder
from rag.embed.onnx import OnnxEmbedder
from rag.rerank.maxsim import MaxSimReranker
from rag.retrieve.search import SearchRetriever
from rag.store.edge import EdgeStore
from rag.train.common.dataset import CORPORA, QUESTIONS, index_text, read_rows
from rag.types import Chunk, Chunked, Document

DEPTH = 15


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--passages", type=int, default=300)
    parser.add_argument("--questions", type=int, default=20)
    given = parser.parse_args()
    rows = read_rows(given.data / "squad", CORPORA)[: given.passages]
    texts = [index_text(row.get("title") or "", row["text"]) for row in rows]
    chunks = [Chunk(str(uuid5(NAMESPACE_URL, text)), "d", text, 0, len(text), "s") for text in dict.fromkeys(texts)]
    asked = [row["question"] for row in read_rows(given.data / "squad", QUESTIONS)[: given.questions]]
    embedder = HybridEmbedder(dense=OnnxEmbedder(tokens=True), sparse=Bm25())
    made = embedder.embed_chunks([Chunked(Document("d", "s", ""), tuple(chunks))])
    with TemporaryDirectory() as folder:
        store = EdgeStore(path=f"{folder}/index", dim=embedder.dim, tokens=True, token_dim=embedder.token_dim)
        store.write(chunks, made)
        store.flush()
        search = SearchRetriever(embedder=embedder, store=store)
        hits = [search.retrieve(search.prepare([question]), k=DEPTH)[0] for question in asked]
        orders, costs = [], []
        for reranker in (MaxSimReranker(embedder=embedder), MaxSimReranker(embedder=embedder, store=store)):
            reranker.rerank(asked[:1], hits[:1])  # what is loaded once
            before = time.process_time()
            orders.append([reranker.rerank([q], [found])[0] for q, found in zip(asked, hits, strict=True)])
            costs.append((time.process_time() - before) / len(asked))
        store.close()
    same = sum(
        [hit.chunk.id for hit in one] == [hit.chunk.id for hit in other] for one, other in zip(*orders, strict=True)
    )
    tokens = sum(len(rows) for rows in made.tokens or ())
    print(f"{len(chunks)} passages of {tokens / len(chunks):.0f} tokens, {len(asked)} questions, {DEPTH} hits each")
    print(f"encoding anew {costs[0]:.3f} CPU s a question, stored vectors {costs[1]:.3f}; the same order {same} times")
    print(f"token vectors take {tokens * embedder.token_dim * 4 / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
