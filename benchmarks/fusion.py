"""Hybrid search by rank, by score and by both, before any hop: what weight dense scores should have, bundled model.

    python -m benchmarks.fusion [--data DIR] [--sets limit_small musique ...] [--weights 0.3 0.4 0.5]
    python -m benchmarks.fusion --sets musique --index FOLDER

A passage is one chunk, its title its context, as in a default index of short documents; with --index, chunks and
dense vectors are those of an index of one set, such as `rag eval` makes, and a passage has the place of its first
chunk. "auto" fuses scores where words single out few chunks, else ranks. Dense vectors are those of the bundled model,
from raghop's cache where they are there; BM25 counts words in all chunks. Both lists are as deep as a store reads them.
recall@k is the share of a question's gold passages among the first k; gains are against fusion by rank, with 95%
intervals by paired bootstrap over questions.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Sequence
from contextlib import closing
from itertools import islice, product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.common import DATA
from rag.embed.bm25 import Bm25
from rag.embed.onnx import OnnxEmbedder
from rag.index.folder import Index
from rag.store.ranking import DEPTH, DEPTH_AT_LEAST, _fuse, _fuse_scores, _singles_out
from rag.train.common.dataset import CORPORA, gold, index_text, read_rows
from rag.train.common.embeddings import passage_vectors
from rag.types import Chunk, Chunked, Document, Sparse, Vectors
from rag_evals.stats import paired_bootstrap

SETS = ("limit_small", "musique", "2wikimultihopqa", "hotpotqa", "multihop_rag")
CUTS = (2, 5, 10)
Scored = tuple[str, float]
Asked = tuple[str, frozenset[str]]  # a question, its gold passages


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--sets", nargs="+", default=list(SETS))
    parser.add_argument("--weights", type=float, nargs="+", default=[0.2, 0.3, 0.4, 0.5, 0.6])
    parser.add_argument("--index", type=Path, help="an index of the set; only with one set")
    parser.add_argument("--questions", type=int, default=600, help="at most so many, the first")
    given = parser.parse_args()
    heads = " | ".join(f"recall@{cut} | against rank" for cut in CUTS)
    print(f"| set | fusion | {heads} |\n|---|---|{'---|---|' * len(CUTS)}")
    for name in given.sets:
        measure(given.data / name, given.weights, given.questions, given.index)


def measure(base: Path, weights: Sequence[float], most: int, index: Path | None) -> None:
    """One set's rows."""
    corpus, asked = read(base)
    asked = asked[:most]
    if index:
        owners, texts, dense = read_index(index)
    else:
        owners, texts = list(corpus), list(corpus.values())
        dense = passage_vectors(OnnxEmbedder(), texts)
    lists = search(owners, texts, dense, [question for question, _ in asked])
    first: dict[int, NDArray[np.float64]] = {}
    singled = [len(own) > 1 and _singles_out(own[1]) for own in lists]
    for weight, auto in ((None, False), *product(weights, (False, True))):
        found = [
            _fuse(own)
            if weight is None or (auto and not alone)
            else _fuse_scores(own, [weight, 1 - weight][: len(own)])
            for own, alone in zip(lists, singled, strict=True)
        ]
        recalls = {cut: recall(found, asked, cut) for cut in CUTS}
        first = first or recalls
        cells = []
        for cut in CUTS:
            gain = paired_bootstrap(first[cut].tolist(), recalls[cut].tolist())
            cells += [
                f"{recalls[cut].mean():.3f}",
                "-" if weight is None else f"{100 * gain.low:+.1f} to {100 * gain.high:+.1f}",
            ]
        kind = "rank" if weight is None else f"{'auto' if auto else 'scores'}, dense {weight:g}"
        print(f"| {base.name} ({len(asked)}) | {kind} | {' | '.join(cells)} |", flush=True)


def read(base: Path) -> tuple[dict[str, str], list[Asked]]:
    """A folder's passages by id as an index reads them, and its questions with their gold ids."""
    rows = read_rows(base, (*CORPORA, "evidence_corpus.jsonl*"))
    corpus = {str(row.get("pid") or row["_id"]): index_text(row.get("title") or "", row["text"]) for row in rows}
    if (base / "qrels.jsonl").is_file():
        right: dict[str, list[str]] = defaultdict(list)
        for row in read_rows(base, ("qrels.jsonl",)):
            right[row["query-id"]].append(row["corpus-id"])
        return corpus, [(row["text"], frozenset(right[row["_id"]])) for row in read_rows(base, ("queries.jsonl",))]
    asked = [(row["question"], frozenset(gold(row))) for row in read_rows(base, ("questions_dev.jsonl*",))]
    return corpus, [one for one in asked if one[1] and one[1] <= corpus.keys()]


def read_index(folder: Path) -> tuple[list[str], list[str], Vectors]:
    """Of each chunk of an index of `rag eval`: the passage it is of, what embedders see, the dense vector."""
    with closing(Index.at(folder).read_manifest()) as manifest:
        chunks, embeddings = manifest.chunks(manifest.chunk_ids())
    assert embeddings.dense is not None
    return [str(chunk.meta["id"]) for chunk in chunks], [chunk.contextual for chunk in chunks], embeddings.dense


def recall(found: Sequence[Sequence[Scored]], asked: Sequence[Asked], cut: int) -> NDArray[np.float64]:
    """Of each question."""
    return np.array(
        [
            len(right & set(islice(dict.fromkeys(pid.rpartition(" ")[0] for pid, _ in hits), cut))) / len(right)
            for hits, (_, right) in zip(found, asked, strict=True)
        ]
    )


def search(
    owners: Sequence[str], texts: Sequence[str], dense: Vectors, questions: Sequence[str]
) -> list[list[list[Scored]]]:
    """Of each question the dense list and the sparse one: of chunks, "PASSAGE NUMBER"."""
    pids = [f"{owner} {number}" for number, owner in enumerate(owners)]
    depth = max(DEPTH * max(CUTS), DEPTH_AT_LEAST)
    embedder, bm25 = OnnxEmbedder(), Bm25()
    postings: dict[int, list[tuple[int, float]]] = defaultdict(list)
    for number, row in enumerate(sparse_rows(bm25, texts)):
        for index, value in zip(row.indices.tolist(), row.values.tolist(), strict=True):
            postings[index].append((number, value))
    queries, vectors = bm25.embed_queries(questions).sparse, embedder.embed_queries(questions).dense
    assert queries is not None and vectors is not None
    n = len(pids)
    lists = []
    for query, vector in zip(queries, vectors, strict=True):
        scores: Vectors = np.zeros(n, np.float32)
        for index, value in zip(query.indices.tolist(), query.values.tolist(), strict=True):
            rows = postings.get(index, [])
            idf = np.log((n - len(rows) + 0.5) / (len(rows) + 0.5) + 1)
            for row_number, weight in rows:
                scores[row_number] += value * weight * idf
        near = dense @ vector
        best = [np.lexsort((np.array(pids), -some))[:depth] for some in (near, scores)]
        lists.append(
            [
                [(pids[i], float(near[i])) for i in best[0]],
                [(pids[i], float(scores[i])) for i in best[1] if scores[i] > 0],
            ]
        )
    return lists


def sparse_rows(bm25: Bm25, texts: Sequence[str]) -> Sequence[Sparse]:
    """What a store would hold of each text."""
    batch = [Chunked(Document("", "", text), (Chunk("", "", text, 0, len(text), ""),)) for text in texts]
    found = bm25.embed_chunks(batch).sparse
    assert found is not None
    return found


if __name__ == "__main__":
    main()
