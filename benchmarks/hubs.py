"""Two ideas for dense search that read more than the question, before any hop: neither is in raghop.

    python -m benchmarks.hubs [--sets 2wikimultihopqa ...] [--questions 600]

- QB-Norm (arXiv 2112.12777, dynamic inverted softmax): a passage that is near to many questions of a bank counts less,
  where the best passage of a question is the best of one in the bank. The bank are the set's training questions, or as
  many mined from its passages, a title and a sentence each.
- kNN-Embed (arXiv 2205.06205): a question stands for several clusters of passages (k-means), by how many of its nearest
  passages are in each, and each gives so many of the candidates.

recall@k of dense search and of its fusion with BM25 by rank; gains with 95% intervals by paired bootstrap.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from random import Random

import numpy as np
from numpy.typing import NDArray

from benchmarks.common import DATA
from benchmarks.fusion import read, recall, search
from rag.embed.onnx import OnnxEmbedder
from rag.store.ranking import DEPTH_AT_LEAST, _fuse
from rag.text.sentence_ends import sentences
from rag.train.common.dataset import read_rows
from rag.train.common.embeddings import passage_vectors
from rag.types import Vectors
from rag_evals.stats import paired_bootstrap

SETS = ("2wikimultihopqa", "hotpotqa", "musique", "entailment_bank")
BETAS = (10.0, 20.0, 40.0)  # of the softmax over cosines; the paper's, of other models, is 20
BANK = 2000
CLUSTERS, NEAREST, ROUNDS = 100, 50, 10


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--sets", nargs="+", default=list(SETS))
    parser.add_argument("--questions", type=int, default=600, help="at most so many, the first")
    given = parser.parse_args()
    print("| set | dense search | recall@5 | gain | recall@20 | gain | with BM25, recall@5 | gain |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    for name in given.sets:
        measure(given.data / name, given.questions)


def measure(base: Path, most: int) -> None:
    """One set's rows."""
    corpus, asked = read(base)
    asked = asked[:most]
    texts = list(corpus.values())
    embedder = OnnxEmbedder()
    vectors = passage_vectors(embedder, texts)
    lists = search(list(corpus), texts, vectors, [question for question, _ in asked])
    pids = [f"{pid} {i}" for i, pid in enumerate(corpus)]
    scores = questions_of(embedder, [question for question, _ in asked]) @ vectors.T
    ways = {"as it is": scores}
    for kind, bank in banks(base, texts).items():
        near = questions_of(embedder, bank) @ vectors.T
        ways |= {f"QB-Norm, {kind}, beta {beta:g}": normalise(scores, near, beta) for beta in BETAS}
    ways["kNN-Embed"] = mix(scores, cluster(vectors))
    first: list[np.ndarray] = []
    for way, values in ways.items():
        dense = [[(pids[i], float(row[i])) for i in np.argsort(-row, kind="stable")[:DEPTH_AT_LEAST]] for row in values]
        fused = [_fuse([own, *both[1:]]) for own, both in zip(dense, lists, strict=True)]
        found = [recall(dense, asked, 5), recall(dense, asked, 20), recall(fused, asked, 5)]
        first = first or found
        cells = []
        for old, new in zip(first, found, strict=True):
            gain = paired_bootstrap(old.tolist(), new.tolist())
            cells += [f"{new.mean():.3f}", "" if new is old else f"{100 * gain.low:+.1f} to {100 * gain.high:+.1f}"]
        print(f"| {base.name} ({len(asked)}) | {way} | {' | '.join(cells)} |", flush=True)


def questions_of(embedder: OnnxEmbedder, texts: Sequence[str]) -> Vectors:
    """Vectors of questions."""
    return np.asarray(embedder.embed_queries(texts).dense)


def banks(base: Path, texts: Sequence[str]) -> dict[str, list[str]]:
    """Questions of others, as far as there are some, and mined ones."""
    rng = Random(0)
    asked = [row["question"] for row in read_rows(base, ("questions_train.jsonl*",), optional=True)]
    mined = [text[slice(*rng.choice(list(sentences(text))))] for text in rng.sample(texts, min(BANK, len(texts)))]
    return {"training questions": rng.sample(asked, min(BANK, len(asked))), "mined": mined}


def normalise(scores: Vectors, bank: Vectors, beta: float) -> Vectors:
    """The dynamic inverted softmax, its logarithm: of questions (q, n), by those of a bank (b, n)."""
    weights = np.log(np.exp(beta * (bank - bank.max(0))).sum(0)) / beta + bank.max(0)
    hubs = np.isin(scores.argmax(1), bank.argmax(1))
    changed: Vectors = np.where(hubs[:, None], scores - weights, scores)
    return changed


def cluster(vectors: Vectors) -> NDArray[np.int64]:
    """The cluster of each passage, by k-means on the sphere."""
    rng = np.random.default_rng(0)
    centres = vectors[rng.choice(len(vectors), CLUSTERS, replace=False)]
    labels = np.zeros(len(vectors), np.int64)
    for _ in range(ROUNDS):
        labels = (vectors @ centres.T).argmax(1)
        sums = np.zeros_like(centres)
        np.add.at(sums, labels, vectors)
        centres = sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-9)
    return labels


def mix(scores: Vectors, labels: np.ndarray) -> Vectors:
    """Scores by which the candidates come: each cluster's in turn, as often as its share of the nearest passages."""
    mixed = np.full_like(scores, -1e9)
    for row, out in zip(scores, mixed, strict=True):
        near = np.argsort(-row, kind="stable")[:NEAREST]
        share = np.bincount(labels[near], minlength=CLUSTERS) / NEAREST
        given = np.zeros(CLUSTERS)
        for place, i in enumerate(_take_turns(near, labels, share, given)):
            out[i] = -place
    return mixed


def _take_turns(near: np.ndarray, labels: np.ndarray, share: np.ndarray, given: np.ndarray) -> list[int]:
    """Passages in the order in which clusters give them: next the one that is most behind its share."""
    left = {c: [i for i in near if labels[i] == c] for c in np.unique(labels[near])}
    order: list[int] = []
    while left:
        c = max(left, key=lambda c: (share[c] * (len(order) + 1) - given[c], share[c]))
        order.append(int(left[c].pop(0)))
        given[c] += 1
        if not left[c]:
            del left[c]
    return order


if __name__ == "__main__":
    main()
