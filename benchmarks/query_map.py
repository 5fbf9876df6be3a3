"""What `rag train map` is worth: a new model's questions over an old model's index, against embedding all of it again.

    python -m benchmarks.query_map --new FOLDER [--prefix TEXT] [--set entailment_bank nq ...] [--most 4000]

Dense search alone, exact; "new" is an index made anew. Differences with a paired bootstrap over questions.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.common import DATA
from rag.embed.onnx import OnnxEmbedder
from rag.text.sentence_ends import sentences
from rag.train.common.dataset import CORPORA, gold, index_text, read_rows
from rag.train.common.embeddings import passage_vectors
from rag.train.map.fit import WAYS, MapExamples
from rag.types import Vectors

CUT = 10
QUESTIONS = ("questions_dev.jsonl*", "questions.jsonl*", "v11_questions.jsonl*")
PASSAGES = (*CORPORA, "chunks.jsonl*", "evidence_corpus.jsonl*")
DRAWS = 2000


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--set", nargs="+", default=["entailment_bank", "nq", "squad"], help="folders of --data")
    parser.add_argument("--old", default="bundled")
    parser.add_argument("--new", required=True, help="a model's folder")
    parser.add_argument("--prefix", help="before the new model's questions")
    parser.add_argument("--most", type=int, default=4000, help="passages that the map is made from")
    parser.add_argument("--questions", type=int, default=500)
    given = parser.parse_args()
    old, new = OnnxEmbedder(model=given.old), OnnxEmbedder(model=given.new, query_prefix=given.prefix)
    print(f"| set | questions | way | recall@5 | nDCG@{CUT} | nDCG against old (95%) |\n|---|---|---|---|---|---|")
    for name in given.set:
        rows = {row["pid"]: row for row in read_rows(given.data / name, PASSAGES)}
        asked = [row for row in read_rows(given.data / name, QUESTIONS) if set(gold(row)) <= rows.keys()]
        asked = random.Random(0).sample(asked, min(given.questions, len(asked)))
        texts = [index_text(row.get("title") or "", row["text"]) for row in rows.values()]
        place = {pid: i for i, pid in enumerate(rows)}
        wanted = [[place[pid] for pid in gold(row)] for row in asked]
        there, here = passage_vectors(old, texts), passage_vectors(new, texts)
        before, after = (np.asarray(one.embed_queries([row["question"] for row in asked]).dense) for one in (old, new))
        rng = random.Random(0)
        part = rng.sample(range(len(texts)), min(given.most, len(texts)))
        mined = [texts[i][slice(*rng.choice(list(sentences(texts[i]))))] for i in part[:1000]]  # as the command does
        drift = [np.asarray(one.embed_queries(mined).dense) for one in (old, new)]
        examples = MapExamples(drift[0], drift[1], there[part], here[part])
        found = {"old": measure(before, there, wanted), "new": measure(after, here, wanted)}
        for way, fit in WAYS.items():
            if way != "shift" or before.shape == after.shape:
                found[way] = measure(fit(examples)(after), there, wanted)
        for way, (recall, ndcg) in found.items():
            against = "" if way == "old" else gain(found["old"][1], ndcg)
            print(
                f"| {name} | {len(asked)} | {way} | {recall.mean():.3f} | {ndcg.mean():.3f} | {against} |", flush=True
            )


def measure(
    queries: Vectors, passages: Vectors, wanted: list[list[int]]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Recall@5 and nDCG of each question."""
    recall, ndcg = [], []
    for query, right in zip(queries, wanted, strict=True):
        scores = passages @ query
        first = np.argpartition(-scores, CUT)[:CUT]
        order = first[np.argsort(-scores[first], kind="stable")]
        hit = np.isin(order, right)
        recall.append(hit[:5].sum() / len(right))
        gains = 1 / np.log2(np.arange(2, CUT + 2))
        ndcg.append((hit * gains).sum() / gains[: len(right)].sum())
    return np.array(recall), np.array(ndcg)


def gain(old: NDArray[np.float64], new: NDArray[np.float64]) -> str:
    """The mean difference with its interval, paired by question."""
    rows = np.random.default_rng(0).integers(0, len(old), (DRAWS, len(old)))
    low, high = np.percentile((new - old)[rows].mean(1), (2.5, 97.5))
    return f"{(new - old).mean():+.3f} ({low:+.3f} to {high:+.3f})"


if __name__ == "__main__":
    main()
