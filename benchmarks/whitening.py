"""What `retrieve: {use: search, whiten: ...}` is worth, with the bundled model and the questions of benchmarks.context.

    python -m benchmarks.whitening [--set squad] [--size 64] [--articles N] [--unseen] [--whiten 0.25 0.5 ...]

Dense and hybrid search, with and without the title before a chunk, through the default store. The subset are questions
that name the article's subject while no gold chunk does. Gains are against the same search without whitening.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal
from uuid import NAMESPACE_URL, uuid5

import numpy as np
from numpy.typing import NDArray

from benchmarks.common import DATA
from benchmarks.context import NDCG, RECALL, _against, cut, embedded, golds, unnamed, world
from rag.embed.bm25 import Bm25
from rag.embed.hybrid import HybridEmbedder
from rag.embed.onnx import OnnxEmbedder
from rag.retrieve.search import SearchRetriever
from rag.store.edge import EdgeStore
from rag.types import Embeddings, Query

AT_ONCE = 256  # questions
WAYS: tuple[Literal["dense", "hybrid"], ...] = ("dense", "hybrid")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--set", default="squad", help="a folder of --data")
    parser.add_argument("--size", default="64")
    parser.add_argument("--articles", type=int, help="only the first so many, by title")
    parser.add_argument("--questions", type=int, default=2500)
    parser.add_argument("--unseen", action="store_true", help="only documents that no training reads")
    parser.add_argument("--whiten", type=float, nargs="+", default=[0.25, 0.5, 0.75, 1.0])
    given = parser.parse_args()
    at = world(given.data / given.set, articles=given.articles, most=given.questions, only_unseen=given.unseen)
    bare = cut(at.documents, given.size, "none")
    wanted = golds(at, bare)
    asked = [i for i, found in enumerate(wanted) if found]
    texts = [chunk.text for item in bare for chunk in item.chunks]
    inside = unnamed(at, asked, wanted, texts)
    print(f"{given.set}: {len(texts):,} chunks, {len(asked):,} questions, {inside.sum()} of them in the subset\n")
    ndcg = f"nDCG@{NDCG}"
    print(f"| search | {ndcg}, all | against 0 | recall@{RECALL} | {ndcg}, subset | against 0 | CPU s to fit |")
    print("|---|---|---|---|---|---|---|", flush=True)
    embedder = HybridEmbedder(dense=OnnxEmbedder(), sparse=Bm25())
    for name, context in (("chunk", "none"), ("title + chunk", "title")):
        batch = cut(at.documents, given.size, context)
        ids = [str(uuid5(NAMESPACE_URL, str(i))) for i in range(len(texts))]
        chunks = [chunk for item in batch for chunk in item.chunks]
        dense, sparse = embedded(OnnxEmbedder(), batch)[0], embedder.sparse.embed_chunks(batch).sparse
        with TemporaryDirectory() as folder:
            store = EdgeStore(path=f"{folder}/index", dim=embedder.dim)
            store.write([replace(c, id=id) for c, id in zip(chunks, ids, strict=True)], Embeddings(dense, sparse))
            store.flush()
            search = SearchRetriever(embedder=embedder, store=store)
            queries = search.prepare([at.questions[i]["question"] for i in asked])
            for by in WAYS:
                first: NDArray[np.float64] | None = None
                for power in (0.0, *given.whiten):
                    one = SearchRetriever(embedder=embedder, store=store, by=by, whiten=power)
                    before = time.process_time()
                    _ = power and one._whitening
                    cost = time.process_time() - before
                    rank = _ranks(one, queries, [{ids[row] for row in wanted[i]} for i in asked])
                    gain = np.where(rank < NDCG, 1 / np.log2(rank + 2), 0)
                    first = gain if first is None else first
                    cells = [f"{gain.mean():.3f}", _against(first, gain), f"{(rank < RECALL).mean():.3f}"]
                    cells += (
                        [f"{gain[inside].mean():.3f}", _against(first[inside], gain[inside])]
                        if inside.any()
                        else ["-", "-"]
                    )
                    print(f"| {name}, {by}, whiten {power:g} | {' | '.join(cells)} | {cost:.2f} |", flush=True)
            store.close()


def _ranks(search: SearchRetriever, queries: list[Query], wanted: list[set[str]]) -> NDArray[np.int64]:
    """The place of each question's first gold chunk, from 0; NDCG where it is not among so many."""
    ranks = []
    for start in range(0, len(queries), AT_ONCE):
        found = search.retrieve(queries[start : start + AT_ONCE], k=NDCG)
        for hits, right in zip(found, wanted[start : start + AT_ONCE], strict=True):
            ranks.append(next((place for place, hit in enumerate(hits) if hit.chunk.id in right), NDCG))
    return np.array(ranks, np.int64)


if __name__ == "__main__":
    main()
